"""The programming language of a file, by its name."""

from __future__ import annotations

import re
from typing import Final

# Names are GitHub Linguist's. Endings are compared as they are written (`.C` is C++, `.c` is C), then in
# lower case.
_ENDINGS: Final = {
    "Ada": ".adb .ads",
    "Assembly": ".asm .s .S .nasm",
    "Batchfile": ".bat .cmd",
    "C": ".c .h",
    "C#": ".cs",
    "C++": ".cpp .cc .cxx .c++ .C .hpp .hh .hxx .h++ .H .inl .ipp .ixx",
    "CMake": ".cmake",
    "CSS": ".css",
    "Clojure": ".clj .cljs .cljc .edn",
    "Common Lisp": ".lisp .lsp .cl",
    "Cuda": ".cu .cuh",
    "Cython": ".pyx .pxd .pxi",
    "D": ".d",
    "Dart": ".dart",
    "Dockerfile": ".dockerfile",
    "Elixir": ".ex .exs",
    "Emacs Lisp": ".el",
    "Erlang": ".erl .hrl",
    "F#": ".fs .fsi .fsx",
    "Fortran": ".f .for .f77 .fpp",
    "Fortran Free Form": ".f90 .f95 .f03 .f08",
    "Go": ".go",
    "Groovy": ".groovy .gradle",
    "HTML": ".html .htm .xhtml",
    "Haskell": ".hs",
    "INI": ".ini .cfg .properties",
    "JSON": ".json .jsonc",
    "Java": ".java",
    "JavaScript": ".js .jsx .mjs .cjs",
    "Julia": ".jl",
    "Jupyter Notebook": ".ipynb",
    "Kotlin": ".kt .kts",
    "Less": ".less",
    "Lua": ".lua",
    "Makefile": ".mk .mak",
    "Markdown": ".md .markdown .mdx .Rmd",
    "OCaml": ".ml .mli",
    "Objective-C": ".mm",
    "PHP": ".php .php3 .php4 .php5 .phps .phpt",
    "Perl": ".pl .pm .t .perl",
    "Pod": ".pod",
    "PowerShell": ".ps1 .psd1 .psm1",
    "Prolog": ".pro",
    "Protocol Buffer": ".proto",
    "Python": ".py .pyi .pyw",
    "R": ".r .R",
    "Ruby": ".rb .rake .gemspec .podspec",
    "Rust": ".rs",
    "SCSS": ".scss",
    "SQL": ".sql",
    "SVG": ".svg",
    "Scala": ".scala .sbt .sc",
    "Scheme": ".scm .ss .rkt",
    "Shell": ".sh .bash .command .zsh .ksh .bats",
    "Smali": ".smali",
    "Swift": ".swift",
    "TOML": ".toml",
    "TeX": ".tex .sty .cls .ltx",
    "Text": ".txt",
    "TypeScript": ".ts .mts .cts",
    "TSX": ".tsx",
    "VHDL": ".vhd .vhdl",
    "Verilog": ".v .sv .svh",
    "Vim Script": ".vim",
    "Visual Basic .NET": ".vb .bas",
    "Vue": ".vue",
    "XML": ".xml .xsd .xsl .xslt .plist .storyboard .xib .csproj",
    "YAML": ".yml .yaml",
    "reStructuredText": ".rst",
}
_NAMES: Final = {
    "BUILD": "Starlark",
    "CMakeLists.txt": "CMake",
    "Dockerfile": "Dockerfile",
    "GNUmakefile": "Makefile",
    "Gemfile": "Ruby",
    "Jenkinsfile": "Groovy",
    "Makefile": "Makefile",
    "Podfile": "Ruby",
    "Rakefile": "Ruby",
    "Vagrantfile": "Ruby",
    "makefile": "Makefile",
}
_BY_ENDING: Final = {ending: name for name, endings in _ENDINGS.items() for ending in endings.split()}
_OBJECTIVE_C: Final = re.compile(r"^\s*(?:#import|#include|@\w+|//|/\*)", re.MULTILINE)


def code_language(path: str, text: str = "") -> str | None:
    """The language of the file at `path` by its base name and ending, None where neither is known.

    `text` decides where an ending has two owners: `.m` is Objective-C where a line of its first 4,096
    characters begins as only that language's do, MATLAB otherwise.
    """
    name = path.rsplit("/", 1)[-1]
    if name in _NAMES:
        return _NAMES[name]
    if name.startswith("Dockerfile.") or name.startswith("Makefile."):
        return name.split(".", 1)[0]
    dot = name.rfind(".")
    if dot < 0:
        return None
    ending = name[dot:]
    if ending == ".m":
        return "Objective-C" if _OBJECTIVE_C.search(text[:4096]) else "MATLAB"
    return _BY_ENDING.get(ending) or _BY_ENDING.get(ending.lower())
