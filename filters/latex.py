"""A paper's LaTeX source as the text that a model learns from.

LLaMA (arXiv:2302.13971, section 2.1), after Minerva (arXiv:2206.14858, appendix B.1): "we removed everything
before the first section, as well as the bibliography. We also removed the comments from the .tex files, and
inline-expanded definitions and macros written by users".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from filters.latex_body import abstract, first_heading, tidy, title, without_appendix, without_bibliography
from filters.latex_commands import COMMANDS, LOCAL
from filters.latex_expand import Expander
from filters.latex_files import Files
from filters.latex_macros import Macro


@dataclass(frozen=True)
class Paper:
    """A paper as text.

    `has_sections`: whether anything was found to begin the body; where not, `text` starts at the document's
    beginning. `title` and `abstract` are LaTeX, expanded. `main`: the path of the main file. `unread`: how
    many TeX files it does not take in. `missing`: inputs that the paper lacks. `stuck`: macros left as they
    were used. `limited`: whether a limit on size ended expansion.
    """

    text: str
    has_sections: bool
    title: str = ""
    abstract: str = ""
    main: str = ""
    unread: int = 0
    missing: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()
    limited: bool = False
    read: tuple[str, ...] = field(default=(), repr=False)


def paper(
    files: Mapping[str, str], appendix: bool = True, front: bool = False, max_characters: int = 64 << 20
) -> Paper | None:
    """The paper that `files` (text by path) hold, None where none of them is TeX.

    `appendix`: whether what `\\\\appendix` begins stays. `front`: whether title and abstract come before the
    body. `max_characters` bounds the source that is read.
    """
    project = Files(files)
    main = project.main()
    if main is None:
        return None
    expander = Expander(dict(COMMANDS), project.load, max_characters, LOCAL)
    stem = main.rpartition("/")[2].rpartition(".")[0]
    expander.table["jobname"] = Macro("jobname", (), stem)
    expander.open_file(main)
    preamble = project.preamble()
    if preamble is not None and (opened := expander.open_file(preamble)) is not None:
        opened.silent = True
    expander.run()
    begin = max(expander.document_at, 0)
    opening, document = "".join(expander.out[:begin]), "".join(expander.out[begin:])
    start = first_heading(document)
    before = document if start < 0 else document[:start]
    body = without_bibliography(document[max(start, 0) :])
    if not appendix:
        body = without_appendix(body)
    heading, summary = title(opening + before), abstract(opening + before)
    text = tidy(body)
    if front and start >= 0:
        parts = [f"\\title{{{heading}}}"] if heading else []
        parts += [f"\\begin{{abstract}}\n{summary}\n\\end{{abstract}}"] if summary else []
        text = "\n\n".join([*parts, text]) if parts else text
    sources = [path for path in files if path.lower().endswith((".tex", ".ltx", ".latex"))]
    return Paper(
        text=text,
        has_sections=start >= 0,
        title=heading,
        abstract=summary,
        main=main,
        unread=len(set(sources) - set(expander.read)),
        missing=tuple(sorted(set(expander.missing))),
        stuck=tuple(sorted(expander.stuck)),
        limited=expander.limited,
        read=tuple(expander.read),
    )
