"""LaTeX sources to text: each rule by a small table, each known defect of other tools by its example."""

from __future__ import annotations

import random
import time
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import latex_memo
from filters.latex import Paper, paper
from filters.latex_charset import decoded
from filters.latex_comments import without_comments
from pipeline.readers.arxiv import ArxivReader
from pipeline.records import Document

SAMPLES = Path(__file__).parent.parent / "samples" / "arxiv"


def one(body: str, preamble: str = "", **options: bool) -> Paper:
    """The paper of one file with this preamble and body."""
    source = f"\\documentclass{{article}}\n{preamble}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    found = paper({"a.tex": source}, **options)
    assert found is not None
    return found


def text(body: str, preamble: str = "", **options: bool) -> str:
    """The text of a section with this body, without its heading."""
    return (
        one(f"\\section{{S}}\n{body}", preamble, **options).text.removeprefix("\\section{S}\n").rstrip("\n")
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("word% c", "word"),
        ("word % c\nnext", "word\nnext"),
        ("a\n  % c\nb", "a\nb"),
        ("%a\n%b\nc", "c"),
        ("a%\n\nb", "a\n\nb"),
        (r"5\% of it % c", r"5\% of it"),
        (r"row \\% c", r"row \\"),
        (r"\\\% stays", r"\\\% stays"),
        (r"\url{a.b/x%20y} text % c", r"\url{a.b/x%20y} text"),
        ("\\url\n{a.b/x%20y} % c\nz", "\\url\n{a.b/x%20y}\nz"),
        ("\\\\begin{verbatim}\n% c\nz", "\\\\begin{verbatim}\nz"),
        (r"\href{a.b/%7Ex}{it} % c", r"\href{a.b/%7Ex}{it}"),
        (r"\verb|100%| left % c", r"\verb|100%| left"),
        (r"\lstinline!a % b! left % c", r"\lstinline!a % b! left"),
        (
            "\\begin{verbatim}\n% kept\n\\end{verbatim}% c\nz",
            "\\begin{verbatim}\n% kept\n\\end{verbatim}\nz",
        ),
        ("a\n\\begin{comment}\nhidden\n\\end{comment}\nb", "a\nb"),
        ("\\begin{filecontents*}{x.bib}\n@a{}\n\\end{filecontents*}\nb", "b"),
        ("\\begin{verbatim}\nnever % ended", "\\begin{verbatim}\nnever"),
    ],
)
def test_comments(source: str, expected: str) -> None:
    assert without_comments(source) == expected


@pytest.mark.parametrize(
    ("preamble", "body", "expected"),
    [
        (r"\newcommand{\be}{\beta}", r"$\be\be\be x$", r"$\beta\beta\beta x$"),
        (r"\newcommand{\be}{\beta}", r"a \be", r"a \beta"),
        (r"\newcommand{\be}{\beta}", r"$\be2$", r"$\beta2$"),
        (r"\newcommand{\be}{\beta}", r"$\beta \bet$", r"$\beta \bet$"),
        (r"\newcommand{\a}{x} % note", r"\a", "x"),
        (r"\newcommand\R{\mathbb{R}}", r"$\R^n$", r"$\mathbb{R}^n$"),
        ("\\newcommand{\\a}{\n  x\n  y\n}", r"<\a>", "<\n  x\n  y\n>"),
        (r"\renewcommand{\vec}[1]{\mathbf{#1}}", r"$\vec x$", r"$\mathbf{x}$"),
        (r"\providecommand{\a}{x}", r"\a", "x"),
        (r"\newcommand{\a}{x}\providecommand{\a}{y}", r"\a", "x"),
        (r"\DeclareMathOperator{\tr}{tr}", r"$\tr A$", r"$\operatorname{tr} A$"),
        (r"\DeclareMathOperator*{\am}{arg\,min}", r"$\am_x$", r"$\operatorname*{arg\,min}_x$"),
        (r"\DeclareRobustCommand{\a}{x}", r"\a", "x"),
        (r"\makeatletter\newcommand{\my@a}{x}\newcommand{\b}{\my@a y}\makeatother", r"\b", "x y"),
        (r"\ExplSyntaxOn\cs_new:Npn\my_a:{}\def\b_c{x}\def\b{\b_c}\ExplSyntaxOff", r"\b", "x"),
        ("%\\newcommand{\\a}{x}", r"\a", r"\a"),
        (r"\newcommand{\a}{x}\newcommand{\b}{y}", r"\a\b", "xy"),
        (r"\def\n{é}", r"\n", "é"),
        (r"\def\pd#1#2{\frac{\partial #1}{\partial #2}}", r"$\pd fx$", r"$\frac{\partial f}{\partial x}$"),
        (r"\def\d[#1]#2{<#1|#2>}", r"\d[a]{b}", "<a|b>"),
        (r"\def\d#1.{<#1>}", r"\d{a.b}c. e", "<{a.b}c> e"),
        (r"\long\def\hide#1{}", "a\\hide{b\n\nc}d", "ad"),
        (r"\let\eps\varepsilon", r"$\eps x$", r"$\varepsilon x$"),
        (r"\let\eps=\varepsilon", r"$\eps x$", r"$\varepsilon x$"),
        (r"\newcommand{\a}{x}\let\b\a\renewcommand{\a}{y}", r"\a\b", "yx"),
        (
            r"\let\oldemph\emph\renewcommand{\emph}[1]{\oldemph{\textbf{#1}}}",
            r"\emph{x}",
            r"\emph{\textbf{x}}",
        ),
        (r"\newcommand{\n}[2][2]{|#2|_#1}", r"\n{x} \n[1]{y}", "|x|_2 |y|_1"),
        (r"\newcommand{\a}[1]{(#1)}\newcommand{\b}[1]{\a{[#1]}}", r"\b{\a{x}}", "([(x)])"),
        (r"\newcommand{\a}{\b}\newcommand{\b}{z}", r"\a", "z"),
        (r"\newcommand{\a}{\b{x}}\newcommand{\b}[2]{#2#1}", r"\a{y}", "yx"),
        (r"\newcommand{\a}[1]{\alpha#1}", r"$\a x$", r"$\alpha x$"),
        (r"\newcommand{\a}[1]{#1y}", r"$\a\beta$", r"$\beta y$"),
        (r"\newcommand{\ie}{i.e.\xspace}", r"x, \ie y \ie, z \ie{} w", "x, i.e. y i.e., z i.e. w"),
        (r"\def\eg{e.g\onedot}", r"\eg x", "e.g. x"),
        (r"\def\a{\ifmmode\alpha\else$\alpha$\fi}", r"\a", r"\ensuremath{\alpha}"),
        (
            r"\NewDocumentCommand{\f}{s o m}{\IfBooleanTF{#1}{S}{}\IfNoValueTF{#2}{-}{#2}#3}",
            r"\f*[x]{y}\f z",
            "Sxy-z",
        ),
        (r"\NewDocumentCommand\f{o m}{<\g[#1]{#2}>}\NewDocumentCommand\g{O{d} m}{#1#2}", r"\f{x}", "<dx>"),
        (r"\NewDocumentCommand\f{O{d} m}{#1#2}", r"\f{y}\f[x]{y}", "dyxy"),
        (r"\DeclarePairedDelimiter{\abs}{\lvert}{\rvert}", r"$\abs{x}$", r"$\lvert x \rvert$"),
        (r"\newcommand{\+}{plus}", r"a \+ b", "a plus b"),
        (r"\expandafter\def\csname my\endcsname{x}", r"\my", "x"),
        (r"\newcommand{\a}{x}\edef\b{\a}\renewcommand{\a}{y}", r"\b", "x"),
    ],
)
def test_macros(preamble: str, body: str, expected: str) -> None:
    assert text(body, preamble) == expected


@pytest.mark.parametrize(
    ("preamble", "body", "expected"),
    [
        (
            r"\newenvironment{thm}[1][?]{\begin{theorem}[#1]}{\end{theorem}}",
            r"\begin{thm}x\end{thm}",
            r"\begin{theorem}[?]x\end{theorem}",
        ),
        (
            r"\newcommand{\be}{\begin{eq}}\newcommand{\ee}{\end{eq}}\newenvironment{eq}{\[}{\]}",
            r"\be x\ee",
            r"\[ x\]",
        ),
        (
            r"\NewDocumentEnvironment{a}{m}{<#1>}{</#1>}",
            r"\begin{a}{b}x\end{a}",
            "<b>x</b>",
        ),
        (r"\newtheorem{thm}{Theorem}", r"\begin{thm}x\end{thm}", r"\begin{thm}x\end{thm}"),
        # What TeX's programming would have to be run for stays as it is used.
        (
            r"\newenvironment{a}{\setbox0\hbox\bgroup}{\egroup}",
            r"\begin{a}x\end{a}",
            r"\begin{a}x\end{a}",
        ),
        (r"\makeatletter\def\a{\@ifundefined{x}{y}{z}}\makeatother", r"\a", r"\a"),
        (r"\def\a#1{\ifx#1\relax y\else z\fi}", r"\a{b}", r"\a{b}"),
        (r"\def\a{\expandafter\b\c}", r"\a", r"\a"),
        (r"\NewDocumentCommand\a{o m}{#1#2}", r"\a{x}\a[y]{z}", r"\a{x}\a[y]{z}"),
    ],
)
def test_environments_and_what_stays(preamble: str, body: str, expected: str) -> None:
    assert text(body, preamble) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (r"a\iffalse b \ifx c d\else e\fi f\fi g", "a g"),
        (r"a\iffalse b\else c\fi d", "a c d"),
        (r"a\iftrue b\else c\fi d", "a b d"),
        (r"\newif\ifdraft a\ifdraft b\else c\fi\drafttrue\ifdraft d\else e\fi", " a c d"),
        (r"$a \iff b$ \iffalse x \iff y\fi c", r"$a \iff b$  c"),
        (r"\ifx a b\else c\fi", r"\ifx a b\else c\fi"),
        (r"\newcommand{\a}{1}\begingroup\renewcommand{\a}{2}\a\endgroup\a", r"\begingroup2\endgroup1"),
        ("a\n\\newcommand{\\b}{c}\n\\b", "a\nc"),
        (r"\newtoggle{t}\iftoggle{t}{a}{b}\toggletrue{t}\iftoggle{t}{c}{d}", "bc"),
        (r"\newcommand{\do}[1]{<#1>}\docsvlist{a, b}", "<a><b>"),
        (r"\newcommand{\o}[1]{\ifblank{#1}{none}{(#1)}}\o{ }\o{a}", "none(a)"),
        (r"\iftoggle{unset}{a}{b}", r"\iftoggle{unset}{a}{b}"),
        (r"\newcommand{\a}{1}\verb|\a| \url{\a} \a", r"\verb|\a| \url{\a} 1"),
        (
            "\\def\\a{1}\\begin{lstlisting}\n\\a\n\\end{lstlisting}",
            "\\begin{lstlisting}\n\\a\n\\end{lstlisting}",
        ),
    ],
)
def test_conditionals_groups_and_verbatim(body: str, expected: str) -> None:
    assert text(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (r"front \section{A} x", r"\section{A} x"),
        (r"front \section {A} x", r"\section {A} x"),
        (r"front \section*{A} x", r"\section*{A} x"),
        (r"front \section[short]{A} x", r"\section[short]{A} x"),
        (r"front \chapter{A} x", r"\chapter{A} x"),
        (r"front \paragraph{A} x", r"\paragraph{A} x"),
        (r"front \sect{A} x", r"\section{A} x"),
        ("\\begin{verbatim}\n\\section{no}\n\\end{verbatim}\n\\section{A} x", r"\section{A} x"),
        (r"\titleformat{\section}{}{} \section{A} x", r"\section{A} x"),
    ],
)
def test_the_first_section_begins_the_text(body: str, expected: str) -> None:
    found = one(body, "% \\section{old}\n\\newcommand{\\sect}[1]{\\section{#1}}\n\\title{T}")
    assert (found.text, found.has_sections, found.title) == (f"{expected}\n", True, "T")


def test_without_a_section_all_of_the_document_stays() -> None:
    found = one("Dear Sir, x", r"\newcommand{\a}{b}")
    assert (found.text, found.has_sections) == ("Dear Sir, x\n", False)


def test_latex_2_09() -> None:
    found = paper(
        {
            "p.tex": "\\documentstyle[12pt]{article}\n\\def\\a{x}\n\\begin{document}\n"
            "\\section{A}\n{\\bf \\a}\n"
        }
    )
    assert found is not None
    assert found.text == "\\section{A}\n{\\bf x}\n"


def test_plain_tex() -> None:
    found = paper({"p.tex": "\\magnification=1200\n\\def\\a{x}\nSome \\a.\n\\bye\n"})
    assert found is not None
    assert "Some x." in found.text


REFERENCES = "\\begin{thebibliography}{9}\\bibitem{a} Book\\end{thebibliography}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"x\n{REFERENCES}\n\\appendix\n\\section{{B}} y", "x\n\n\\appendix\n\\section{B} y"),
        ("x\n\\bibliographystyle{plain}\n\\bibliography{a,b}\ny", "x\ny"),
        ("x\n\\printbibliography[title=R]\ny", "x\ny"),
        ("x\n\\begin{references}\n\\bibitem{a} Book\n\\end{references}\ny", "x\n\ny"),
        ("x\n\\begin{REFERENCES}\nBook\n\\end{REFERENCES}\ny", "x\n\ny"),
        (f"x\n\\section*{{References}}\n{REFERENCES}\n\\section{{B}} y", "x\n\\section{B} y"),
        ("x\n\\section*{\\centering REFERENCES}\n1. Book\n\\section{B} y", "x\n\\section{B} y"),
        ("x\n\\begin{thebibliography}{9}\nnever ended", "x"),
        ("x\n\\section{References to the past} y", "x\n\\section{References to the past} y"),
    ],
)
def test_the_bibliography_goes_and_what_follows_stays(body: str, expected: str) -> None:
    assert text(body) == expected


def test_the_appendix_goes_by_an_option() -> None:
    assert text("x\n\\appendix\n\\section{B} y", appendix=False) == "x"


def test_title_and_abstract_come_first_by_an_option() -> None:
    body = "\\maketitle\n\\begin{abstract}\nWe \\a.\n\\end{abstract}\n\\section{S} x"
    found = one(body, "\\newcommand{\\a}{prove}\n\\title[short]{On \\a}", front=True)
    assert (
        found.text == "\\title{On prove}\n\n\\begin{abstract}\nWe prove.\n\\end{abstract}\n\n\\section{S} x\n"
    )
    assert one(body).text == "\\section{S} x\n"


def test_inputs_are_read_in_the_order_they_are_named() -> None:
    files = {
        "main.tex": "\\documentclass{article}\\usepackage{mine,amsmath}\\begin{document}\n\\section{A}\n"
        "\\input{b}\n\\input c.tex\n\\include{sub/d}\n\\import{imp/}{e}\n"
        "\\subfile{sf/f}\n\\input{nowhere}\n\\end{document}",
        "b.tex": "from b \\own",
        "c.tex": "from c\n% \\input{hidden}",
        "hidden.tex": "hidden",
        "sub/d.tex": "from d \\input{sub/d2}",
        "sub/d2.tex": "from d2",
        "imp/e.tex": "from e \\input{e2}",
        "imp/e2.tex": "from e2",
        "sf/f.tex": "\\documentclass[../main]{subfiles}\\begin{document}from f \\subfile{g}\\end{document}",
        "sf/g.tex": "\\documentclass[../main]{subfiles}\\begin{document}from g\\end{document}",
        "mine.sty": "\\ProvidesPackage{mine}\\newcommand{\\own}{defined \\my@own}\\def\\my@own{here}",
    }
    found = paper(files)
    assert found is not None
    assert [line for line in found.text.split("\n") if line][1:] == [
        *("from b defined here", "from c", "from d from d2", "from e from e2", "from f from g"),
        "\\input{nowhere}",
    ]
    assert (found.main, found.unread, found.missing) == ("main.tex", 1, ("nowhere",))


def test_a_package_does_what_its_options_say() -> None:
    package = (
        "\\newif\\ifa\\newif\\ifb\\newif\\ifc\\DeclareOption{a}{\\atrue}\\DeclareOption{b}{\\btrue}"
        "\\DeclareOption{c}{\\ctrue}\\ExecuteOptions{b}\\ProcessOptions\\relax"
        "\\ifc\\newcommand{\\x}{yes}\\else\\newcommand{\\x}{no}\\fi"
    )
    main = "\\usepackage[a]{own}\\begin{document}\\section{S}"
    main += "\\ifa a\\fi\\ifb b\\fi\\ifc c\\fi \\x\\end{document}"
    found = paper({"m.tex": main, "own.sty": package})
    assert found is not None
    assert found.text == "\\section{S} a b no\n"


def test_a_preamble_made_a_format_beforehand() -> None:
    found = paper(
        {
            "book.tex": "%&macros\n\\begin{document}\\section{A} \\a\\end{document}",
            "macros.tex": "\\documentclass{memoir}\\newcommand{\\a}{x}",
        }
    )
    assert found is not None
    assert found.text == "\\section{A} x\n"


@pytest.mark.parametrize(
    ("files", "main"),
    [
        ({"z.tex": "\\documentclass{a}\\begin{document}x\\end{document}", "a.tex": "x"}, "z.tex"),
        (
            {"00README.XXX": "b.tex toplevelfile\n", "a.tex": "\\begin{document}" + "x" * 99, "b.tex": "x"},
            "b.tex",
        ),
        ({"a.tex": "\\begin{document}x", "b.tex": "\\begin{document}\\input{c}", "c.tex": "x" * 99}, "b.tex"),
        ({"supplement.tex": "\\begin{document}" + "x" * 99, "paper.tex": "\\begin{document}x"}, "paper.tex"),
        ({"m.tex": "\\documentclass{a}\\input{n}", "n.tex": "\\begin{document}\\section{A}"}, "n.tex"),
        ({"figs/ms.tex": "\\begin{document}x", "ms.tex": "\\begin{document}x"}, "ms.tex"),
        ({"b.tex": "text", "a.sty": "\\begin{document}"}, "b.tex"),
    ],
)
def test_the_main_file(files: dict[str, str], main: str) -> None:
    found = paper(files)
    assert found is not None
    assert found.main == main


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.tex": "é".encode()}, "é"),
        ({"a.tex": "\ufeffé".encode()}, "é"),
        ({"a.tex": "é".encode("latin-1")}, "é"),
        ({"a.tex": b"\\usepackage[cp1251]{inputenc} \xf2"}, "\\usepackage[cp1251]{inputenc} т"),
        ({"a.tex": "ž".encode("iso8859-2"), "b.tex": b"\\usepackage[latin2]{inputenc}"}, "ž"),
        ({"a.tex": "é".encode("utf-16")}, "é"),
        ({"a.tex": b"a\r\nb\rc"}, "a\nb\nc"),
    ],
)
def test_charsets(files: dict[str, bytes], expected: str) -> None:
    assert decoded(files)["a.tex"] == expected


@pytest.mark.parametrize(
    ("preamble", "body"),
    [
        (r"\def\a{\a}", r"\a x"),
        (r"\def\a{y\a z}", r"\a x"),
        (r"\def\a{\b}\def\b{\a\a}", r"\a x"),
        (
            "".join(
                f"\\def\\{c}{{\\{d}\\{d}\\{d}}}"
                for c, d in zip("abcdefghijklmnop", "bcdefghijklmnopq", strict=True)
            ),
            r"\a x",
        ),
        (
            r"\def\a#1{\b{#1#1}}\def\b#1{\c{#1#1}}\def\c#1{\d{#1#1}}\def\d#1{\a{#1}}",
            r"\a{" + "y" * 999 + "} x",
        ),
        (r"\def\a{\def\b{\b}\b}", r"\a x"),
        ("", r"\def\a{" * 2000 + "x"),
        ("", r"\iffalse " * 2000 + "x"),
        (r"\def\a#1{(#1)}", r"\a{" * 2000 + "x" + "}" * 2000),
        (r"\def\a#1{(#1)}", r"\a{" * 2000 + "x"),
        ("", "\\begin{verbatim}" * 2000 + "x"),
        ("", r"\newenvironment{a}{\begin{a}}{\end{a}}\begin{a}x"),
    ],
)
def test_cycles_bombs_and_depth_end_soon_and_keep_the_text(preamble: str, body: str) -> None:
    begin = time.process_time()
    found = text(body, preamble)
    assert "x" in found
    assert len(found) < 3_000_000
    assert time.process_time() - begin < 5


def test_inputs_in_a_circle_end() -> None:
    found = paper({"a.tex": "\\begin{document}\\section{A} x \\input{b}", "b.tex": "y \\input{a} z"})
    assert found is not None
    assert found.text == "\\section{A} x y \\input{a} z\n"


@given(
    st.text(alphabet="ab \\{}[]#1$%\n")
    | st.lists(
        st.sampled_from(
            [
                r"\def\a",
                r"\newcommand{\a}",
                "{",
                "}",
                "[",
                "]",
                "#1",
                r"\a",
                r"\b",
                r"\iffalse",
                r"\fi",
                r"\else",
                "x",
                " ",
                r"\begin{b}",
                r"\end{b}",
                r"\newenvironment{b}",
                r"\let\b\a",
                r"\section{S}",
                "\n",
                "%",
                r"\csname",
                r"\endcsname",
                r"\end{document}",
                r"\begin{thebibliography}",
                r"\verb|",
                r"\input{a}",
                r"\newif\ifa",
                r"\atrue",
                r"\ifa",
            ]
        )
    ).map("".join)
)
def test_nothing_raises_and_nothing_depends_on_what_came_before(source: str) -> None:
    first = one(source)
    assert first == one(source)


@pytest.mark.parametrize(
    ("preamble", "body", "expected"),
    [
        (r"\newcommand{\a}{A\xspace}", r"\a, \a b \a{}b \a.", "A, A b Ab A."),
        (r"\newcommand{\a}{\b}\newcommand{\b}{B}", r"\a \a\renewcommand{\b}{C} \a", "B B C"),
        (r"\newcommand{\a}{\b}\newcommand{\b}[1]{<#1>}", r"\a{x} \a{x} \a{y}", "<x> <x> <y>"),
        (r"\newcommand{\a}{\b}\newcommand{\b}[1]{<#1>}", r"\a\al \a\alpha", r"<\al> <\alpha>"),
        (
            r"\makeatletter\def\a{\@ifnextchar[{B}{\c}}\def\c#1.{<#1>}",
            r"\a[ \a[ \a x. \a y.",
            "B[ B[ <x> <y>",
        ),
        (r"\def\a#1{\alpha#1}\def\b{\a{\c}}\def\c{1}", r"\b x\b x\b\b", r"\alpha1 x\alpha1 x\alpha1\alpha1"),
        (r"\newif\ifd\def\a{\ifd T\else F\fi}", r"\a\a\dtrue\a\dfalse\a", " F F T F"),
        (r"\def\a{\b}\def\b{B}", r"\a\begingroup\def\b{C}\a\endgroup\a", r"B\begingroupC\endgroupB"),
        (r"\def\a{\b x}\def\b{\beta}", r"\a\a \a", r"\beta x\beta x \beta x"),
    ],
)
def test_the_same_use_in_other_places(preamble: str, body: str, expected: str) -> None:
    assert text(body, preamble) == expected


_MANY = (
    *(
        r"\a",
        r"\b{x}",
        r"\b{\a}",
        r"\c",
        r"\c*",
        r"\d{\b{x}}{y}",
        r"\d{x}{\a y}",
        r"\e",
        r"\e x.",
        r"\f[o]{x}",
    ),
    *(
        r"\renewcommand{\a}{Z}",
        r"\begin{v}",
        r"\end{v}",
        r"\g",
        "{",
        "}",
        " ",
        "x",
        ".",
        "[",
        r"\begingroup",
        r"\endgroup",
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(_MANY), max_size=25))
def test_a_paper_is_the_same_without_the_memo(pieces: list[str]) -> None:
    preamble = (
        r"\makeatletter\newcommand{\a}{A\b{q}\xspace}\newcommand{\b}[1]{\beta#1\onedot}\def\c{\@ifstar{\a}{\b}}"
        r"\def\d#1#2{#2#1\c}\def\e#1.{\d{#1}}\newcommand{\f}[2][\a]{#1\c{#2}\end{v}}"
        r"\newenvironment{v}{\a}{\b{e}}\def\g{\begin{v}\a}"
    )
    found = one("".join(pieces), preamble)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latex_memo, "_MAX_USES", 0)
        assert one("".join(pieces), preamble) == found


def test_mutated_papers_neither_raise_nor_run_away() -> None:
    with (SAMPLES / "1707.08043.gz").open("rb") as stream:
        (event,) = ArxivReader().read(stream, "1707.08043.gz")
    assert isinstance(event, Document)
    assert event.content is not None
    original = orjson.loads(event.content)["paper.tex"]
    for seed in range(60):
        source = random.Random(seed)
        changed = original
        for _ in range(source.randint(1, 20)):
            start = source.randrange(len(changed))
            piece = changed[start : start + source.choice((1, 5, 50, 500))]
            middle = source.choice(("", piece + piece, source.choice("{}\\%[]#$") + piece))
            changed = changed[:start] + middle + changed[start + len(piece) :]
        begin = time.process_time()
        found = paper({"paper.tex": changed})
        assert found is not None
        assert len(found.text) <= 2 * len(changed)
        assert time.process_time() - begin < 5
