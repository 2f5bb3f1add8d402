"""How comments are written in each language: only as much as the first comments of a file need."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Block(NamedTuple):
    """A comment between two marks; `opening` matches at the first one, `closing` is the other's text."""

    opening: re.Pattern[str]
    closing: str
    nested: str = ""  # the opening mark, where comments of this kind go into each other


class CommentSyntax(NamedTuple):
    """The comments of a language: `line` matches a comment line's mark from the start of the line."""

    line: re.Pattern[str] | None
    blocks: tuple[Block, ...] = ()


def _line(pattern: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    return re.compile(rf"[ \t]*(?:{pattern})", flags)


def _block(opening: str, closing: str, nested: str = "") -> Block:
    return Block(re.compile(rf"[ \t]*(?:{opening})"), closing, nested)


_STARS = _block(r"/\*+!?(?!/)", "*/")
_NESTED_STARS = _block(r"/\*+!?(?!/)", "*/", "/*")
_XML = _block(r"<!--(?!\[if)", "-->")
_SLASHES = r"//+!?"
_HASHES = r"#+(?![!\[{])'?"
_PERCENTS = r"%+"
_SEMICOLONS = r";+"
_DASHES = r"--+(?!\[)\s?\|?"

_LIKE_C: Final = (
    *("C", "C++", "Cuda", "D", "Go", "Groovy", "JSON", "Java", "JavaScript", "Less", "Objective-C"),
    *("Protocol Buffer", "SCSS", "TSX", "TypeScript", "Verilog"),
)
_C: Final = CommentSyntax(_line(_SLASHES), (_STARS,))
_NESTING_C: Final = CommentSyntax(_line(_SLASHES), (_NESTED_STARS,))
_HASH: Final = CommentSyntax(_line(_HASHES))
_LISP: Final = CommentSyntax(_line(_SEMICOLONS), (_block(r"#\|", "|#", "#|"),))
_PYTHON: Final = CommentSyntax(_line(_HASHES), (_block(r'[rRuU]?"""', '"""'), _block(r"[rRuU]?'''", "'''")))
_MARKUP: Final = CommentSyntax(None, (_XML,))

_SYNTAX: Final[dict[str, CommentSyntax]] = {
    **dict.fromkeys(
        _LIKE_C,
        _C,
    ),
    **dict.fromkeys(("Dart", "Kotlin", "Rust", "Scala", "Swift"), _NESTING_C),
    **dict.fromkeys(
        ("Dockerfile", "Elixir", "Makefile", "R", "Shell", "Smali", "Starlark", "TOML", "YAML"), _HASH
    ),
    **dict.fromkeys(("Clojure", "Common Lisp", "Emacs Lisp", "Scheme"), _LISP),
    **dict.fromkeys(("Python", "Cython"), _PYTHON),
    **dict.fromkeys(("HTML", "Markdown", "SVG", "Vue", "XML"), _MARKUP),
    **dict.fromkeys(("Ada", "VHDL"), CommentSyntax(_line(_DASHES))),
    "Assembly": CommentSyntax(_line(rf"{_SEMICOLONS}|{_SLASHES}|{_HASHES}|@"), (_STARS,)),
    "Batchfile": CommentSyntax(_line(r"@?rem\b|::+", re.IGNORECASE)),
    "C#": CommentSyntax(_line(rf"{_SLASHES}|#(?:end)?region\b"), (_STARS,)),
    "CMake": CommentSyntax(_line(_HASHES), (_block(r"#\[\[", "]]"),)),
    "CSS": CommentSyntax(None, (_STARS,)),
    "Erlang": CommentSyntax(_line(_PERCENTS)),
    "F#": CommentSyntax(_line(_SLASHES), (_block(r"\(\*(?!\))", "*)", "(*"),)),
    "Fortran": CommentSyntax(re.compile(r"[cC*](?=\s|$)|[ \t]*!+", re.MULTILINE)),
    "Fortran Free Form": CommentSyntax(_line(r"!+")),
    "Haskell": CommentSyntax(_line(_DASHES), (_block(r"\{-(?!#)", "-}", "{-"),)),
    "INI": CommentSyntax(_line(rf"{_SEMICOLONS}|{_HASHES}")),
    "Julia": CommentSyntax(_line(r"#+(?![!=])"), (_block(r"#=", "=#", "#="),)),
    "Lua": CommentSyntax(_line(_DASHES), (_block(r"--\[\[", "]]"), _block(r"--\[=\[", "]=]"))),
    "MATLAB": CommentSyntax(_line(_PERCENTS), (_block(r"%\{", "%}"),)),
    "OCaml": CommentSyntax(None, (_block(r"\(\*+(?!\))", "*)", "(*"),)),
    "PHP": CommentSyntax(_line(rf"{_SLASHES}|{_HASHES}"), (_STARS,)),
    "Perl": _HASH,
    "PowerShell": CommentSyntax(_line(_HASHES), (_block(r"<#", "#>"),)),
    "Prolog": CommentSyntax(_line(_PERCENTS), (_STARS,)),
    "Ruby": CommentSyntax(_line(_HASHES), (_block(r"=begin\b", "=end"),)),
    "SQL": CommentSyntax(_line(_DASHES), (_STARS,)),
    "TeX": CommentSyntax(_line(_PERCENTS)),
    "Vim Script": CommentSyntax(_line('"')),
    "Visual Basic .NET": CommentSyntax(_line(r"'+|rem\b", re.IGNORECASE)),
    # An explicit markup block that is no directive, target, footnote or substitution, and what is indented
    # under it.
    "reStructuredText": CommentSyntax(re.compile(r"\.\.[ \t](?!\S+::|[_\[|])|[ \t]+(?=\S)")),
}


def comment_syntax(language: str | None) -> CommentSyntax | None:
    """How comments are written in `language` (a name of `code_language`), None where that is not known."""
    return _SYNTAX.get(language) if language is not None else None
