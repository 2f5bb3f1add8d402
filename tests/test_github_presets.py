"""Presets of later corpora: the rules they add, at their boundaries, and that one line turns them on."""

from __future__ import annotations

import pytest

from pipeline.config import parse_config
from pipeline.errors import WinnowError
from pipeline.flow import Flow
from pipeline.records import Document, Verdict
from pipeline.transforms.clean import CleanStage
from pipeline.transforms.code import CodeEndings, MaxLineLength, MeanLineLength, StripHeader
from pipeline.transforms.code_later import (
    AlphabeticShare,
    DataSize,
    DropXml,
    MaxLines,
    TextNames,
    VisibleHtml,
)


def flow(preset: str, more: str = "") -> Flow:
    text = f"sources:\n  github:\n    proportion: 100\n    preset: {preset}\n{more}"
    found = parse_config(text, "x.yaml")[1]["github"].flow
    assert found is not None
    return found


def document(text: str, path: str) -> Document:
    return Document(key="k", text=text, metadata={"repository": "a/b", "path": path, "license": "MIT"})


def verdict(stage: CleanStage, text: str, path: str) -> Verdict | None:
    found = document(text, path)
    stage.clean(found)
    return found.verdict


def rule(preset: str, text: str, path: str) -> str:
    found = document(text, path)
    for stage in flow(preset).clean:
        if isinstance(stage, CleanStage) and found.verdict is None:
            stage.clean(found)
    return found.verdict.rule if found.verdict else ""


CODE = "def distance(first, second):\n    return abs(first - second)\n"
PAGE = "<html><body><script>{}</script><p>" + "words to read " * 10 + "</p></body></html>"


@pytest.mark.parametrize(
    ("stage", "path", "kept", "dropped", "expected"),
    [
        (MaxLines(max_lines=2), "a.py", "a\nb\n", "a\nb\nc", Verdict("max_lines", 3, 2)),
        (MaxLines(max_lines=2, limits={"JSON": 1}), "a.json", "{}", "{\n}", Verdict("max_lines", 2, 1)),
        (AlphabeticShare(), "a.py", "a111", "a1111", Verdict("alphabetic_share", 0.2, 0.25)),
        (AlphabeticShare(limits={".yml": 1}), "a.yml", "ab", "a1", Verdict("alphabetic_share", 0.5, 1)),
        (DropXml(), "a.h", " " * 87 + "<?xml version=", '<?xml version="1.0"?>', Verdict("xml")),
        (DataSize(), "a.json", "x" * 5000, "x" * 5001, Verdict("data_size", 5001, 5000)),
        (DataSize(), "a.yaml", "x" * 50, "x" * 49, Verdict("data_size", 49, 50)),
        (TextNames(), "a/README.txt", "x", "x", None),
        (TextNames(), "dev-requirements.txt", "x", "x", None),
        (MaxLineLength(limits={".md": None, "Markdown": 5}), "a.md", "x" * 2000, "x" * 2000, None),
        (MaxLineLength(limits={"Markdown": 5}), "a.md", "x" * 5, "x" * 6, Verdict("max_line_length", 6, 5)),
        (MeanLineLength(limits={"HTML": None}), "a.html", "x" * 500, "x" * 500, None),
    ],
)  # fmt: skip
def test_a_value_at_its_limit_stays(
    stage: CleanStage, path: str, kept: str, dropped: str, expected: Verdict | None
) -> None:
    assert verdict(stage, kept, path) is None
    assert verdict(stage, dropped, path) == expected


def test_texts_by_other_names_and_xml_by_its_own_endings() -> None:
    assert verdict(TextNames(), "x", "data/words.txt") == Verdict("text_name")
    assert verdict(TextNames(), "x", "a.py") is None
    assert verdict(DropXml(), '<?xml version="1.0"?>', "a.xslt") is None
    assert verdict(DataSize(), "x", "a.py") is None


def test_what_a_page_shows_is_measured_without_markup() -> None:
    assert verdict(VisibleHtml(), PAGE, "a.html") is None
    few = verdict(VisibleHtml(), PAGE.replace("words to read ", "word "), "a.html")
    assert few is not None
    assert (few.rule, few.value, few.threshold) == ("visible_text", 49, 100)
    much = verdict(VisibleHtml(), PAGE.replace("{}", "f();" * 500), "a.html")
    assert much is not None
    assert much.rule == "visible_share"
    assert verdict(VisibleHtml(), "<p>", "a.py") is None


def test_endings_may_be_all_of_known_languages_but_some() -> None:
    stage = CodeEndings(endings=(), dropped=("Swift", ".rkt"))
    kept = [
        path
        for path in ("a.kt", "a.swift", "a.rkt", "a.scm", "LICENSE", "a.xyz")
        if not verdict(stage, "x", path)
    ]
    assert kept == ["a.kt", "a.scm"]


def test_a_language_is_known_without_the_list_of_endings() -> None:
    found = document("# Copyright 2020 X\nx = 1\n", "a.py")
    StripHeader().clean(found)
    assert (found.text, found.metadata["code_language"]) == ("x = 1\n", "Python")


@pytest.mark.parametrize(
    ("preset", "path", "text", "expected"),
    [
        ("llama1@redpajama", "a.kt", CODE, "extension"),
        ("starcoder@2305.06161", "a.kt", CODE, ""),
        ("starcoder@2305.06161", "a.swift", CODE, "extension"),
        ("starcoder@2305.06161", "a.md", "words " * 300, ""),
        ("starcoder@2305.06161", "a.py", "words " * 300, "max_line_length"),
        ("starcoder@2305.06161", "a.xsd.c", '<?xml version="1.0"?><a/>', "xml"),
        ("starcoder@2305.06161", "a.yaml", "a: 1\nb: 23\nc: 456\n" * 5, "alphabetic_share"),
        ("starcoder@2305.06161", "a.json", '{"a": "b"}', "data_size"),
        ("starcoder2@2402.19173", "a.swift", CODE, ""),
        ("starcoder2@2402.19173", "a.go", "// Code generated by protoc. DO NOT EDIT.\n" + CODE, "generated"),
        ("starcoder2@2402.19173", "a.py", CODE + "x = '" + "QUJDRA+/\n" * 120 + "'\n", "encoded"),
        ("starcoder2@2402.19173", "a.yaml", "key: value\n" * 513, "max_lines"),
        ("starcoder2@2402.19173", "words.txt", CODE, "text_name"),
        ("starcoder2@2402.19173", "a.html", PAGE, ""),
        ("starcoder2@2402.19173", "a.html", "<p>a</p>\n" * 20, "visible_text"),
    ],
)  # fmt: skip
def test_presets_by_example(preset: str, path: str, text: str, expected: str) -> None:
    assert rule(preset, text, path) == expected


def test_the_named_default_is_the_flow_as_it_is() -> None:
    assert flow("llama1@redpajama") == flow("''")


def test_the_blocks_own_thresholds_come_after_the_presets() -> None:
    found = flow("starcoder2@2402.19173", "    max_lines:\n      max_lines: 7\n    visible_text: off\n")
    stages = {stage.name: stage for stage in found.clean}
    assert "visible_text" not in stages
    lines = stages["max_lines"]
    assert isinstance(lines, MaxLines)
    assert (lines.max_lines, lines.limits["JSON"]) == (7, 512)


def test_an_unknown_preset_is_one_sentence() -> None:
    with pytest.raises(WinnowError, match=r"line 4: sources.github.preset: .* did you mean 'starcoder@2305"):
        flow("starcoder")
