"""Every mistake in a config is one sentence with file, line, key and the nearest valid name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import parse_config, read_config
from pipeline.errors import WinnowError
from pipeline.options import default_config, parse_options
from pipeline.sizes import format_bytes, parse_amount

GOOD = """\
tokens: 1.4T
sources:
  commoncrawl:
    proportion: 100.0
    inputs: [a.wet.gz]
    short: {min_characters: 200}
"""


def test_a_good_config() -> None:
    config, sources = parse_config(GOOD, "my.yaml")
    assert config.tokens == 1_400_000_000_000
    flow = sources["commoncrawl"].flow
    assert flow is not None
    assert flow.stages()["short"].settings() == {"stage": "short", "min_characters": 200}


def test_inputs_with_a_snapshot() -> None:
    text = GOOD.replace("[a.wet.gz]", "[a.wet.gz, {pattern: b.wet.gz, snapshot: CC-MAIN-2019-09}]")
    given = parse_config(text, "my.yaml")[1]["commoncrawl"].block.inputs
    assert [(one.pattern, one.snapshot) for one in given] == [
        ("a.wet.gz", ""),
        ("b.wet.gz", "CC-MAIN-2019-09"),
    ]


def test_llama1_as_shipped() -> None:
    config, sources = read_config(default_config())
    assert config.tokens == "largest"
    assert config.published_tokens == 1_400_000_000_000
    shares = {name: source.block.proportion for name, source in sources.items()}
    assert shares == {
        "commoncrawl": 67.0,
        "c4": 15.0,
        "github": 4.5,
        "wikipedia": 4.5,
        "books": 4.5,
        "arxiv": 2.5,
        "stackexchange": 2.0,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("tokens:", "tokns:"), "my.yaml, line 1: tokns: unknown key; did you mean 'tokens'?"),
        (("1.4T", "1.4Q"), "my.yaml, line 1: tokens: '1.4Q' is no amount"),
        (("proportion:", "propotion:"), "line 4: sources.commoncrawl.propotion: unknown key; did you mean"),
        (("100.0", "99.0"), "my.yaml, line 2: sources: the proportions sum to 99, not to 100 or to 1"),
        (
            ("100.0", "many"),
            "my.yaml, line 4: sources.commoncrawl.proportion: input should be a valid number",
        ),
        (("  commoncrawl:", "  comoncrawl:"), "unknown source 'comoncrawl'; did you mean 'commoncrawl'?"),
        (
            ("min_characters", "min_charcters"),
            "line 6: sources.commoncrawl.short.min_charcters: unknown key; did",
        ),
        (("200", "-1"), "line 6: sources.commoncrawl.short.min_characters: input should be greater than"),
        (
            ("short: {min_characters: 200}", "shrt: off"),
            "line 6: sources.commoncrawl.shrt: unknown key; did you",
        ),
        (("short: {min_characters: 200}", "short: 5"), "line 6: sources.commoncrawl.short: write a block"),
        (
            ("    inputs", "    proportion: 3\n    inputs"),
            "line 5: sources.commoncrawl.proportion stands twice",
        ),
        (("inputs: [a.wet.gz]", "inputs: [a"), "not valid YAML"),
        (
            ("inputs: [a.wet.gz]", "flow: documnets"),
            "line 5: sources.commoncrawl.flow: unknown flow 'documnets'",
        ),
        (("    proportion: 100.0\n", ""), "line 3: sources.commoncrawl: `proportion:` is missing"),
        (("sources:", "souces:"), "a config is a mapping with a block `sources:`"),
        (
            ("[a.wet.gz]", "[{pattern: a.wet.gz, snapshoot: x}]"),
            "line 5: sources.commoncrawl.inputs.0.snapshoot: unknown key; did you mean 'snapshot'?",
        ),
        (("[a.wet.gz]", "[a, {snapshot: x}]"), "line 5: sources.commoncrawl.inputs.1: `pattern:` is missing"),
        (
            ("[a.wet.gz]", "[{pattern: a, snapshot: 2019}]"),
            "inputs.0.snapshot: input should be a valid string",
        ),
        (("[a.wet.gz]", "a.wet.gz"), "line 5: sources.commoncrawl.inputs: input should be a valid list"),
        (
            ("tokens: 1.4T", "holdout: {shre: 0.1}"),
            "line 1: holdout.shre: unknown key; did you mean 'share'?",
        ),
        (
            ("short: {min_characters: 200}", "duplicate_lines: {against: [{outptu: old}]}"),
            "duplicate_lines.against.0.outptu: unknown key; did you mean 'output'?",
        ),
        (
            ("short: {min_characters: 200}", "duplicate_lines: {against: [{source: old}]}"),
            "line 6: sources.commoncrawl.duplicate_lines.against.0: `output:` is missing",
        ),
        (
            ("short: {min_characters: 200}", "duplicate_lines: {against: old}"),
            "line 6: sources.commoncrawl.duplicate_lines.against: input should be a valid list, not 'old'",
        ),
        (
            ("short: {min_characters: 200}", "perplexity: {models: {en: {kenml: x}}}"),
            "line 6: sources.commoncrawl.perplexity.models.en.kenml: unknown key; did you mean 'kenlm'?",
        ),
    ],
)
def test_mistakes(change: tuple[str, str], message: str) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    with pytest.raises(WinnowError) as error:
        parse_config(text, "my.yaml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("flow", "stage", "setting", "there"),
    [
        ("commoncrawl", "short", "", True),
        ("commoncrawl", "short", "short: off", False),
        ("c4", "language", "", False),
        ("c4", "language", "language: on", True),
        ("c4", "language", "language: {min_score: 0.9}", True),
        ("c4", "language", "language: off", False),
    ],
)
def test_stages_turned_on_and_off(flow: str, stage: str, setting: str, there: bool) -> None:
    text = f"sources:\n  mine:\n    flow: {flow}\n    proportion: 1\n    {setting}\n"
    _, sources = parse_config(text, "my.yaml")
    made = sources["mine"].flow
    assert made is not None
    assert (stage in made.stages()) == there


def test_a_missing_config(tmp_path: Path) -> None:
    with pytest.raises(WinnowError, match=r"cannot read .*none\.yaml: No such file"):
        read_config(str(tmp_path / "none.yaml"))


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1.4T", 1_400_000_000_000),
        ("16MiB", 16 << 20),
        ("2e6", 2_000_000),
        ("1_000", 1000),
        ("2b", 2 * 10**9),
    ],
)
def test_amounts(text: str, amount: int) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize("text", ["", "T", "1.5", "-3", "12 apples", "0x10"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        parse_amount(text)


def test_sizes_for_people() -> None:
    assert [format_bytes(n) for n in (0, 999, 1500, 2_500_000_000)] == ["0 B", "999 B", "1.5 kB", "2.5 GB"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--phases", "jugde"], "no phase is called 'jugde'"),
        (["--input", "commoncrawl"], "write SOURCE=PATTERN"),
        (["--limit", "ten"], "invalid int value"),
        (["--tokens", "lots"], "--tokens"),
        (["mixtures/llama1.yaml"], "'mixtures/llama1.yaml' is no option"),
    ],
)
def test_mistaken_options(arguments: list[str], message: str) -> None:
    with pytest.raises(WinnowError, match=message):
        parse_options(arguments)


def test_options_for_beam_pass() -> None:
    assert parse_options(["--project", "p", "--limit", "3"]).beam == ["--project", "p"]
