"""A paper's files: which of them is the paper, and which one an input names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from filters.latex_comments import without_comments

_BEGINS = re.compile(r"\\begin\s*\{document\}")
_CLASS = re.compile(r"\\document(?:class|style)\b")
_PLAIN = re.compile(r"\\(?:bye|magnification|end)(?![A-Za-z])|\\input\s+\w")
# Any command that takes another file in, users' own ones by their names too.
_TAKES_IN = re.compile("input|include|import|subfile|sourcefile", re.I)
_COMMAND = re.compile(
    r"\\([A-Za-z]{5,30})\*?\s*(?:\[([^\]{}\n]{0,1000})\]\s*)?(?:\{([^{}\n]*)\}\s*(?:\{([^{}\n]*)\})?|([\w./-]+))"
)
_TOP_LEVEL = re.compile(r"^[^\S\n]*(\S+)[^\S\n]+toplevelfile\b", re.M)
_USUAL_NAMES = ("main", "ms", "paper", "article", "manuscript", "arxiv", "root")
_NO_PAPER = re.compile(r"suppl|rebuttal|response|cover|letter|reply|appendix|template|sample", re.I)
_LPPL = re.compile(r"\bLPPL\b")


class Files:
    """A paper's files by path, their comments removed when they are first asked for."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._clean: dict[str, str] = {}
        self._names = {path.lower(): path for path in sorted(texts, reverse=True)}
        self._bases: dict[str, list[str]] = {}
        for path in sorted(texts):
            self._bases.setdefault(posixpath.basename(path).lower(), []).append(path)
        self._main = ""

    def text(self, path: str) -> str:
        """A file's text without comments."""
        if path not in self._clean:
            self._clean[path] = without_comments(self._texts[path])
        return self._clean[path]

    def find(self, name: str, folder: str) -> str | None:
        """The path of the file that an input in `folder` names: from there, from the main file's folder, from
        the top, and last any file of that base name if it is the only one. Case counts only where it
        decides."""
        name = name.strip()
        if not name:
            return None
        base = posixpath.basename(name).lower()
        same = self._bases.get(base) or self._bases.get(f"{base}.tex") or []
        if not same and base not in ("", ".", ".."):
            return None
        for start in dict.fromkeys((folder, posixpath.dirname(self._main), "")):
            path = posixpath.normpath(posixpath.join(start, name))
            for candidate in (path, f"{path}.tex"):
                if candidate in self._texts:
                    return candidate
                if candidate.lower() in self._names:
                    return self._names[candidate.lower()]
        return same[0] if len(same) == 1 else None

    def load(self, name: str, folder: str) -> tuple[str, str] | None:
        """Path and text of an input; None where there is none, and for packages that are not the paper's.

        Packages under the LaTeX Project Public License come with TeX, or from its archive.
        """
        path = self.find(name, folder)
        if path is None or (path.endswith((".sty", ".def")) and _is_of_tex(self._texts[path][:5000])):
            return None
        return path, self.text(path)

    def main(self) -> str | None:
        """The file that the paper is typeset from.

        That which arXiv's own 00README names, else of all files that begin a document (else those with a
        class, else those of plain TeX, else all) the one that takes in most text; then one of a usual name,
        one nearest the top, the first by name. None where there is no TeX.
        """
        for path in sorted(self._texts):
            if posixpath.basename(path).startswith("00README"):
                named = _TOP_LEVEL.search(self._texts[path])
                if named and named[1] in self._texts:
                    self._main = named[1]
                    return self._main
        papers = [p for p in sorted(self._texts) if not p.endswith((".sty", ".cls", ".bbl", ".def"))]
        papers = [p for p in papers if not posixpath.basename(p).startswith("00README")]
        for mark in (_BEGINS, _CLASS, _PLAIN):
            marked = [p for p in papers if mark.search(self.text(p))]
            if marked:
                papers = marked
                break
        else:
            papers = [p for p in papers if p.lower().endswith((".tex", ".ltx", ".latex"))] or papers
        if not papers:
            return None
        self._main = min(papers, key=self._rank) if len(papers) > 1 else papers[0]
        return self._main

    def preamble(self) -> str | None:
        """The one file with a class and no document, where the main file has none: of such a file TeX makes
        a format beforehand (package mylatexformat)."""
        if _CLASS.search(self.text(self._main)):
            return None
        others = [path for path in sorted(self._texts) if path.endswith(".tex") and path != self._main]
        found = [p for p in others if _CLASS.search(self.text(p)) and not _BEGINS.search(self.text(p))]
        return found[0] if len(found) == 1 else None

    def _rank(self, path: str) -> tuple[bool, int, bool, int, str]:
        base = posixpath.basename(path)
        stem = posixpath.splitext(base)[0].lower()
        return (
            bool(_NO_PAPER.search(stem)),
            -self._reached(path),
            stem not in _USUAL_NAMES,
            path.count("/"),
            path,
        )

    def _reached(self, path: str) -> int:
        """Characters of the file and of all that it takes in."""
        reached = {path}
        todo = [path]
        while todo:
            current = todo.pop()
            folder = posixpath.dirname(current)
            for name, option, first, second, bare in _COMMAND.findall(self.text(current)):
                if not _TAKES_IN.search(name):
                    continue
                tries = (f"{first}/{second}", f"{option}/{first}", first, bare)
                found = next((f for name in tries if name and (f := self._near(name, folder, path))), None)
                if found and found not in reached and not found.endswith((".sty", ".cls")):
                    reached.add(found)
                    todo.append(found)
        return sum(len(self.text(p)) for p in reached)

    def _near(self, name: str, folder: str, main: str) -> str | None:
        for start in (folder, posixpath.dirname(main), ""):
            path = posixpath.normpath(posixpath.join(start, name))
            for candidate in (path, f"{path}.tex"):
                if candidate in self._texts:
                    return candidate
        return None


def _is_of_tex(head: str) -> bool:
    """Whether a package that begins so comes with TeX."""
    named = "LaTeX Project Public License" in head or "docstrip utility" in head
    return named or ("LPPL" in head and _LPPL.search(head) is not None)
