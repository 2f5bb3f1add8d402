"""Quality and speed of cleaning LaTeX: python -m benchmarks.latex [ARCHIVE ...] [--redpajama FILE]

An independent lexer (pylatexenc's tokens) reads each paper's files in the order they take each other in, and
counts words (runs of letters outside control sequences, definitions, comments and conditionals that are
false) from the first section on, without lists of references; and each use of the paper's own macros without
arguments. The same lexer reads what a cleaner made of the paper. Lost words are the difference of the two
multisets. FILE is RedPajama-v1's arxiv_cleaner.py, which then goes through the same.

Then 1,000 sources with pieces deleted, doubled and moved: none may raise, take long, or grow beyond bounds.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import platform
import posixpath
import random
import re
import sys
import time
import types
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from pylatexenc.latexwalker import LatexWalker, LatexWalkerEndOfStream, LatexWalkerParseError

from filters.latex import paper
from pipeline.readers.arxiv import ArxivReader
from pipeline.records import Document

SAMPLES = Path(__file__).parents[1] / "samples" / "arxiv"
RESULTS = Path(__file__).parent / "results" / "latex.json"
MUTATED = 1000

_HEADINGS = {"part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph"}
_DEFINERS = {
    *(
        "newcommand",
        "renewcommand",
        "providecommand",
        "DeclareRobustCommand",
        "def",
        "gdef",
        "edef",
        "xdef",
        "let",
    ),
    *(
        "newenvironment",
        "renewenvironment",
        "DeclareMathOperator",
        "NewDocumentCommand",
        "newif",
        "newtheorem",
    ),
    *(
        "DeclareDocumentCommand",
        "RenewDocumentCommand",
        "NewDocumentEnvironment",
        "DeclareDocumentEnvironment",
    ),
    *("DeclarePairedDelimiter", "newrobustcmd", "ProvideDocumentCommand"),
}
_BODIES = {
    "newenvironment": 2,
    "renewenvironment": 2,
    "NewDocumentEnvironment": 2,
    "DeclareDocumentEnvironment": 2,
}
_VERBATIM = {"verbatim", "verbatim*", "Verbatim", "lstlisting", "minted", "alltt", "comment", "filecontents"}
_REFERENCES = {"thebibliography", "references", "REFERENCES", "biblist"}
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[^\W\d_]+")
_INPUT = {"input", "include", "subfile", "import", "subimport", "subfileinclude", "olimport"}
_GROUP = re.compile(r"\s*\*?\s*(?:\[([^\]]*)\])?\s*(?:\{([^{}]*)\}|([^\s\\{}]+))(?:\s*\{([^{}]*)\})?")
_NAME = re.compile(r"\s*\*?\s*(?:\{\s*\\?([A-Za-z@*]+|\\.)\s*\}|\\([A-Za-z@]+|.))", re.S)
_VERB = re.compile(r"\*?([^\sA-Za-z*{]).*?\1|\{[^{}]*\}")
# One of LaTeX's own that is saved under another name, then defined anew by that: it comes to itself.
_SAVED = re.compile(r"\\let\s*\\[A-Za-z@]+\s*=?\s*\\([A-Za-z]+)")
_CONDITIONAL = re.compile(r"\\(if(?!f\b|thenelse)[A-Za-z@]*|else|fi)\b")
_ADDRESS = re.compile(r"\s*(?:\[[^\]]*\])?\s*\{[^{}]*\}")
_RAW = {"verb", "lstinline", "url", "href", "path", "bibliography", "bibliographystyle"}
_BRACE = re.compile(r"\\.|[{}]", re.S)
_DOCUMENT = re.compile(r"^[^%\n]*?\\begin\s*\{document\}", re.M)
_ONE_ARGUMENT = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand)\*?\s*\{?\\([A-Za-z]+)\}?\s*\[1\]\s*\{((?:[^{}]|\{[^{}]*\})*)\}"
    r"|\\def\\([A-Za-z]+)\s*#1\s*\{((?:[^{}]|\{[^{}]*\})*)\}"
)
_NO_ARGUMENT = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|DeclareRobustCommand)\*?\s*\{?\s*\\([A-Za-z]+)\s*\}?\s*(?=\{)"
    r"|\\[gex]?def\s*\\([A-Za-z]+)\s*(?=\{)|\\DeclareMathOperator\*?\s*\{?\s*\\([A-Za-z]+)"
)


@dataclass
class Counts:
    """What the lexer saw: words, uses of control sequences, characters of comments."""

    words: Counter[str] = field(default_factory=Counter)
    uses: Counter[str] = field(default_factory=Counter)
    comment_characters: int = 0


class Lexer:
    """Reads one paper's files, or one text, by pylatexenc's tokens; `started` tells that words count."""

    def __init__(self, files: Mapping[str, str], started: bool) -> None:
        self._files = files
        self._started = started
        self.counts = Counts()
        self.read: list[str] = []
        self._hiding = _hiding(files)
        self._false = {"iffalse"} | _never_true(files)

    def file(self, path: str, folder: str) -> None:
        """Count a file and those it takes in, in their order."""
        if path in self.read:
            return
        text = self._files[path]
        begin = _DOCUMENT.search(text)
        self.read.append(path)
        self.text(text, begin.end() if begin else 0, folder)

    def text(self, text: str, at: int = 0, folder: str = "") -> None:
        """Count a text from a place on."""
        walker = LatexWalker(text, tolerant_parsing=True)
        state = walker.make_parsing_state()
        while at < len(text):
            at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
            word = _WORD.match(text, at)
            if word:
                if self._started:
                    self.counts.words[word[0]] += 1
                at = word.end()
                continue
            try:
                token = walker.get_token(at, parsing_state=state)
            except LatexWalkerEndOfStream:
                return
            except LatexWalkerParseError:
                at += 1
                continue
            at = token.pos + token.len
            match token.tok:
                case "comment":
                    if self._started:
                        self.counts.comment_characters += len(token.arg.strip())
                case "macro":
                    at = self._macro(text, token.arg, at, folder)
                case "begin_environment":
                    at = self._environment(text, token.arg, at)
                case "end_environment" if token.arg == "document":
                    return

    def _macro(self, text: str, name: str, at: int, folder: str) -> int:
        """Count a control sequence; returns where to go on."""
        if name in _DEFINERS:
            return _behind_definition(text, name, at)
        if name in self._hiding:
            found = _SPACE.match(text, at)
            start = found.end() if found else at
            return _closing(text, start) + 1 if text.startswith("{", start) else at
        if name in _HEADINGS:
            self._started = True
        elif name in self._false:
            return _behind_conditional(text, at)
        elif name in _RAW:
            found = (_VERB if name in ("verb", "lstinline") else _ADDRESS).match(text, at)
            return found.end() if found else at
        elif name in _INPUT and (found := _GROUP.match(text, at)):
            path = self._find(found, folder)
            if path is not None:
                own = posixpath.dirname(path) if name not in ("input", "include") else folder
                self.file(path, own)
                return found.end() if name in ("import", "subimport") else found.end(3 if found[3] else 2) + 1
        if self._started:
            self.counts.uses[name] += 1
        return at

    def _environment(self, text: str, name: str, at: int) -> int:
        if name not in _VERBATIM and name not in _REFERENCES:
            return at
        end = text.find(f"\\end{{{name}}}", at)
        if end < 0:
            return at
        if self._started and name in _VERBATIM - {"comment", "filecontents"}:
            self.counts.words.update(_WORD.findall(text[at:end]))
        return end + len(f"\\end{{{name}}}")

    def _find(self, found: re.Match[str], folder: str) -> str | None:
        names = [f"{found[2]}/{found[4]}", f"{found[1]}/{found[2]}", found[2] or found[3]]
        tops = (folder, posixpath.dirname(self.read[0]) if self.read else "", "")
        for name in names:
            for top in tops:
                path = posixpath.normpath(posixpath.join(top, name or ""))
                for candidate in (path, f"{path}.tex"):
                    if candidate in self._files and not candidate.endswith((".sty", ".cls")):
                        return candidate
        return None


def _behind_definition(text: str, name: str, at: int) -> int:
    """Where a definition ends: behind its name, its parameters and its bodies."""
    named = _NAME.match(text, at)
    if named is None:
        return at
    at = named.end()
    if name in ("let", "newif"):
        target = re.compile(r"\s*=?\s*(?:\\[A-Za-z@]+|\\.|.)", re.S).match(text, at)
        return target.end() if name == "let" and target else at
    groups = _BODIES.get(name, 1) + ("Document" in name) + (name == "DeclarePairedDelimiter")
    for _ in range(groups):
        start = text.find("{", at, at + 300)
        if start < 0:
            return at
        at = _closing(text, start) + 1
    return at


def _closing(text: str, start: int) -> int:
    depth = 0
    for found in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if not depth and found[0] == "}":
            return found.start()
    return start


def _behind_conditional(text: str, at: int) -> int:
    """Where the part that is not read ends, of a conditional that is false."""
    depth = 1
    for found in _CONDITIONAL.finditer(text, at):
        if found[1] != "else":
            depth += -1 if found[1] == "fi" else 1
        if not depth or (depth == 1 and found[1] == "else"):
            return found.end()
    return at


def _never_true(files: Mapping[str, str]) -> set[str]:
    """Conditionals that the paper makes and never sets."""
    text = "\n".join(re.sub(r"(?<!\\)%.*", "", files[path]) for path in _sources(files))
    names = re.findall(r"\\newif\s*\\if([A-Za-z@]+)", text)
    return {f"if{name}" for name in names if f"\\{name}true" not in text}


def truth(files: Mapping[str, str], main: str) -> tuple[Counts, set[str]]:
    """What the lexer counts in a paper, and the names of the paper's macros without arguments."""
    for started in (False, True):
        lexer = Lexer(files, started)
        lexer.file(main, posixpath.dirname(main))
        if lexer.counts.words:
            break
    names = set()
    for path in _sources(files):
        text = re.sub(r"(?<!\\)%.*", "", files[path])
        at = 0
        while found := _NO_ARGUMENT.search(text, at):
            names.add(found[1] or found[2] or found[3])
            at = _closing(text, text.find("{", found.end())) + 1  # a definition within is not the paper's own
        names -= set(_SAVED.findall(text))
    return lexer.counts, names - _HEADINGS


def _sources(files: Mapping[str, str]) -> list[str]:
    return [path for path in sorted(files) if path.endswith((".tex", ".sty"))]


def _hiding(files: Mapping[str, str]) -> set[str]:
    """The paper's macros that throw their only argument away, as `\\newcommand{\\eat}[1]{}` does."""
    found = (match for path in _sources(files) for match in _ONE_ARGUMENT.finditer(files[path]))
    return {match[1] or match[3] for match in found if "#" not in (match[2] or match[4] or "")}


def counted(text: str) -> Counts:
    """What the lexer counts in a cleaner's text."""
    lexer = Lexer({}, True)
    lexer.text(text)
    return lexer.counts


def ours(files: Mapping[str, str]) -> str:
    """Our cleaner's text."""
    found = paper(files)
    return found.text if found else ""


def redpajama(path: Path) -> Callable[[Mapping[str, str]], str]:
    """RedPajama-v1's cleaner of a paper's .tex files; what it raises makes the paper empty, as there."""
    utils = types.ModuleType("utils")
    for name in ("predict_lang", "get_timestamp", "format_arxiv_id"):
        setattr(utils, name, None)
    model = types.ModuleType("fasttext")
    model.FastText = types.SimpleNamespace(eprint=None)  # type: ignore[attr-defined]  # a stand-in
    sys.modules |= {"utils": utils, "fasttext": model}
    spec = importlib.util.spec_from_file_location("arxiv_cleaner", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def clean(files: Mapping[str, str]) -> str:
        try:
            text: str = module.clean_tex_files(
                [text for path, text in files.items() if path.endswith(".tex")]
            )
        except Exception:  # as its caller does
            return ""
        return text

    return clean


def quality(
    papers: list[tuple[str, dict[str, str]]], clean: Callable[[Mapping[str, str]], str]
) -> dict[str, Any]:
    """What a cleaner loses and leaves of each paper, and of all."""
    rows = []
    for name, files in papers:
        found = paper(files)
        source, names = truth(files, found.main if found else "")
        result = counted(clean(files))
        words = sum(source.words.values())
        rows.append(
            {
                "paper": name,
                "words": words,
                "words_lost": sum((source.words - result.words).values()),
                "macro_uses": sum(source.uses[n] for n in names),
                "macro_uses_left": sum(min(source.uses[n], result.uses[n]) for n in names),
                "comment_characters": source.comment_characters,
                "comment_characters_left": result.comment_characters,
                "empty": not result.words,
            }
        )
    numbers = [key for key in rows[0] if key not in ("paper", "empty")]
    total = {key: sum(row[key] for row in rows) for key in numbers}
    return {"papers": len(rows), "papers_lost": sum(row["empty"] for row in rows), **total, "by_paper": rows}


def speeds(
    papers: list[tuple[str, dict[str, str]]],
    cleaners: Mapping[str, Callable[[Mapping[str, str]], str]],
    rounds: int,
) -> dict[str, float]:
    """MB of TeX per CPU second, taken in turn, the best of some rounds."""
    size = sum(len(t.encode()) for _, files in papers for p, t in files.items() if p.endswith(".tex")) / 1e6
    seconds = dict.fromkeys(cleaners, float("inf"))
    for _ in range(rounds):
        for name, clean in cleaners.items():
            start = time.process_time()
            for _, files in papers:
                clean(files)
            seconds[name] = min(seconds[name], time.process_time() - start)
    return {name: round(size / spent, 2) for name, spent in seconds.items()}


def mutated(files: Mapping[str, str], seed: int) -> dict[str, str]:
    """A paper with one to twenty pieces of its files deleted, doubled, moved or replaced by a brace."""
    source = random.Random(seed)
    changed = dict(files)
    for _ in range(source.randint(1, 20)):
        path = source.choice(sorted(changed))
        text = changed[path]
        start = source.randrange(len(text) + 1)
        stop = min(len(text), start + source.choice((1, 1, 1, 5, 50, 500, 5000)))
        piece = text[start:stop]
        match source.randrange(5):
            case 0:
                text = text[:start] + text[stop:]
            case 1:
                text = text[:stop] + piece + text[stop:]
            case 2:
                text = text[:start] + source.choice("{}\\%[]#$") + text[start:]
            case 3:
                to = source.randrange(len(text) + 1)
                text = text[:to] + piece + text[to:]
            case _:
                text = text[:start]
        changed[path] = text
    return changed


def robustness(papers: list[tuple[str, dict[str, str]]], count: int) -> dict[str, float]:
    """The worst that mutated sources do: CPU seconds per MB of source, and output for input."""
    slowest = largest = 0.0
    for seed in range(count):
        files = mutated(papers[seed % len(papers)][1], seed)
        size = sum(map(len, files.values()))
        start = time.process_time()
        text = ours(files)
        slowest = max(slowest, (time.process_time() - start) / max(size / 1e6, 0.1))
        largest = max(largest, len(text) / max(size, 1))
    return {
        "sources": count,
        "slowest_seconds_per_mb": round(slowest, 2),
        "largest_growth": round(largest, 2),
    }


def read(archives: list[Path]) -> list[tuple[str, dict[str, str]]]:
    """The papers of archives: name, and files as text by path."""
    papers = []
    for archive in archives:
        with archive.open("rb") as stream:
            for event in ArxivReader().read(stream, archive.name):
                if isinstance(event, Document) and event.content is not None:
                    name = str(event.metadata.get("arxiv_id") or event.metadata.get("name"))
                    papers.append((name, orjson.loads(event.content)))
    return papers


def main() -> None:
    """Measure, print, and for the samples write benchmarks/results/latex.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("archives", nargs="*", type=Path)
    parser.add_argument("--redpajama", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mutated", type=int, default=MUTATED)
    options = parser.parse_args()
    papers = read(options.archives or [*sorted(SAMPLES.glob("*.tar")), *sorted(SAMPLES.glob("*.gz"))])
    cleaners: dict[str, Callable[[Mapping[str, str]], str]] = {"ours": ours}
    if options.redpajama:
        cleaners["RedPajama-v1"] = redpajama(options.redpajama)
    result = {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "pylatexenc": importlib.metadata.version("pylatexenc"),
        "mb_per_second": speeds(papers, cleaners, options.rounds),
        "quality": {name: quality(papers, clean) for name, clean in cleaners.items()},
        "mutated": robustness(papers, options.mutated),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if not options.archives:
        RESULTS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
