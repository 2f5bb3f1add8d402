"""What came from the web cannot steer a terminal, name a file to write, or be run."""

from __future__ import annotations

import ast
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from pipeline.errors import USER_MESSAGE
from pipeline.look.show import print_json, say, terminal_handler
from pipeline.progress import Progress

ROOT = Path(__file__).parent.parent
OURS = ("filters", "pipeline", "tokenizer", "mixtures", "models", "scripts", "benchmarks", "examples")
HOSTILE = "a\x1b]0;owned\x07 \x9b31m [red]b[/red] \u202ec"
ESCAPED = r"a\u001b]0;owned\u0007 \u009b31m [red]b[/red] \u202ec"

# What runs or builds whatever its input says, and what writes where an archive says.
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "jsonpickle", "joblib"}
FORBIDDEN_CALLS = {
    "eval",
    "exec",
    "yaml.load",
    "yaml.load_all",
    "yaml.unsafe_load",
    "yaml.full_load",
    "os.system",
    "os.popen",
    "shutil.unpack_archive",
    "tempfile.mktemp",
}
FORBIDDEN_METHODS = {"extractall"}
FORBIDDEN_ARGUMENTS = {("allow_pickle", True), ("shell", True)}


def faults(tree: ast.Module) -> Iterator[str]:
    """What a module must not do, as LINE: WHAT."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in FORBIDDEN_MODULES:
                    yield f"{node.lineno}: import {alias.name}"
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in FORBIDDEN_MODULES:
                yield f"{node.lineno}: from {node.module}"
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in FORBIDDEN_CALLS or name.rsplit(".", 1)[-1] in FORBIDDEN_METHODS:
                yield f"{node.lineno}: {name}"
            for keyword in node.keywords:
                if isinstance(keyword.value, ast.Constant):
                    given = (keyword.arg or "", keyword.value.value)
                    if given in FORBIDDEN_ARGUMENTS:
                        yield f"{node.lineno}: {given[0]}={given[1]}"
            # torch.load is pickle unless it is told otherwise.
            if name == "torch.load" and ("weights_only", True) not in [
                (k.arg, k.value.value) for k in node.keywords if isinstance(k.value, ast.Constant)
            ]:
                yield f"{node.lineno}: torch.load without weights_only"


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from dill import loads",
        "yaml.load(text, yaml.Loader)",
        "eval(text)",
        "archive.extractall(folder)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(text, shell=True)",
        "torch.load(path)",
    ],
)
def test_the_scan_sees(source: str) -> None:
    assert list(faults(ast.parse(source)))


def test_nothing_of_ours_runs_data_or_unpacks_where_an_archive_says() -> None:
    files = [path for folder in OURS for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 200
    found = [
        f"{path.relative_to(ROOT)}:{fault}"
        for path in files
        for fault in faults(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_sentences_tables_and_json_are_escaped(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    written = io.StringIO()
    Progress(Console(file=written)).say(HOSTILE)
    say(Console(file=written), HOSTILE)
    assert written.getvalue().splitlines() == [ESCAPED, ESCAPED]
    print_json({"text": HOSTILE})
    printed = capsysbinary.readouterr().out
    assert orjson.loads(printed) == {"text": HOSTILE}
    assert not any(mark in printed.decode() for mark in "\x1b\x07\x9b\u202e")


def test_logs_are_escaped_and_say_no_sentence_twice() -> None:
    handler, written = terminal_handler(), io.StringIO()
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    logger = logging.Logger("ours")
    logger.addHandler(handler)
    logger.error("read %s", HOSTILE)
    logger.error("failed: %scannot write x%s", USER_MESSAGE, USER_MESSAGE)
    try:
        raise RuntimeError(f"{USER_MESSAGE}cannot write x{USER_MESSAGE}")
    except RuntimeError:
        logger.exception("processing")
    logger.warning("chatter")
    assert written.getvalue() == f"ERROR:ours:read {ESCAPED}\n"
