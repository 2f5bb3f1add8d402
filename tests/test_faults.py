"""Full disks, changed inputs or models, edited manifests, two runs at once: one sentence, no corruption."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from conftest import RunJob, folder_digests, write_corpus
from mixing import make_run, write_curated

import models
from pipeline import files, lock
from pipeline.errors import WinnowError
from pipeline.inputs import state_of, unchanged
from pipeline.lock import LOCK_FILE, hold
from pipeline.manifest import manifest_path, read_manifest
from pipeline.models import forget
from pipeline.phases.encode import EncodeBatch
from pipeline.phases.input_writer import InputWriter
from pipeline.phases.tokenize import tokenize
from pipeline.run import main

SOURCE = "commoncrawl"
ROOT = Path(__file__).parent.parent


def arguments(pattern: str, out: Path, phases: str = "prepare") -> list[str]:
    """The main job over the small corpus, only the first phases by default."""
    return ["--input", f"{SOURCE}={pattern}", "--sources", SOURCE, "--output", str(out), "--phases", phases]


def sentence(capsys: pytest.CaptureFixture[str], *job: str) -> str:
    """What a run that must stop says beside its warnings: one line."""
    capsys.readouterr()
    assert main(list(job)) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("warning:")]
    assert len(said) == 1, said
    assert said[0].startswith("winnow: ")
    return said[0]


def leftovers(out: Path) -> list[str]:
    """Temporary files and locks below `out`."""
    return [
        path.name for path in out.rglob("*") if path.name.endswith(files.TEMPORARY) or path.name == "lock"
    ]


@pytest.fixture
def pattern(tmp_path: Path) -> str:
    """A corpus of two files."""
    return write_corpus(tmp_path / "in", files=2, pages=6)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("nth", [2, 5])
def test_a_write_that_fails(
    *,
    number: int,
    nth: int,
    pattern: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    run_job: RunJob,
) -> None:
    job = arguments(pattern, tmp_path / "out")
    synced, count = os.fsync, 0

    def fails(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count >= nth:
            raise OSError(number, os.strerror(number))
        synced(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files.os, "fsync", fails)
        said = sentence(capsys, *job)
    assert f"cannot write {tmp_path / 'out'}" in said
    assert said.endswith(os.strerror(number))
    assert not leftovers(tmp_path / "out")
    assert read_manifest(str(tmp_path / "out"), "prepare", SOURCE) is None
    run_job(*job)
    run_job(*arguments(pattern, tmp_path / "whole"))
    assert folder_digests(tmp_path / "out", "-") == folder_digests(tmp_path / "whole", "-")


@pytest.mark.slow
def test_a_limit_of_the_system_met_by_worker_processes(pattern: str, tmp_path: Path) -> None:
    job = [*arguments(pattern, tmp_path / "out"), "--workers", "2"]
    stopped = subprocess.run(
        [sys.executable, "-m", "pipeline.run", *job],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500)),
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in stopped.stderr.splitlines() if not line.startswith(("warning:", "phase="))]
    assert stopped.returncode == 1
    assert len(said) == 1, said
    assert "cannot write" in said[0]
    assert said[0].endswith(os.strerror(errno.EFBIG))
    assert not leftovers(tmp_path / "out")


def test_an_output_folder_that_cannot_be_made(
    pattern: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    said = sentence(capsys, *arguments(pattern, tmp_path / "file" / "out"))
    assert said == f"winnow: cannot write {tmp_path}/file/out/work/lock: Not a directory"


def as_nobody(*job: str) -> tuple[int, list[str]]:
    """The status of a run by a user who is not root, and what it says: root may read and write everywhere."""
    nobody = 65534
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, str(nobody if os.geteuid() == 0 else -1), *job],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, [line for line in done.stderr.splitlines() if not line.startswith("warning:")]


# What it imports lies where only root may look, in containers as in CI: so the user changes afterwards.
_AS_NOBODY = """
import os, sys
from pipeline.run import main
user = int(sys.argv[1])
if user >= 0:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
sys.exit(main(sys.argv[2:]))
"""


def test_permission_denied() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is closed to others
        place = Path(folder)
        place.chmod(0o755)
        pattern = write_corpus(place / "in", files=1, pages=3)
        (place / "out").mkdir(mode=0o555)
        assert as_nobody(*arguments(pattern, place / "out")) == (
            1,
            [f"winnow: cannot write {place}/out/work/lock: Permission denied"],
        )
        assert not list((place / "out").iterdir())
        (place / "other").mkdir()
        (place / "other").chmod(0o777)
        next((place / "in").iterdir()).chmod(0)
        status, said = as_nobody(*arguments(pattern, place / "other"))
        assert status == 1
        assert len(said) == 1
        assert said[0].startswith("winnow: ")
        assert said[0].endswith("Permission denied")


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(path.read_bytes())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_append, "changed while the run was reading it; run again to read it anew"),
        (lambda path: os.utime(path, (1, 1)), "changed while the run was reading it"),
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), "changed while the run was reading it"),
        (Path.unlink, "No such file or directory"),
    ],
    ids=["appended", "touched", "cut", "gone"],
)
def test_an_input_that_changes_while_it_is_read(
    *,
    change: Callable[[Path], object],
    said: str,
    pattern: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    run_job: RunJob,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    victim = tmp_path / "in" / "part-1.warc.wet.gz"
    add, done = InputWriter.add, False

    def add_and_change(self: InputWriter, *event: Any) -> None:
        nonlocal done
        if not done and self.unit == victim.name:
            done = True
            change(victim)
        add(self, *event)

    monkeypatch.setattr(InputWriter, "add", add_and_change)
    job = arguments(pattern, tmp_path / "out")
    message = sentence(capsys, *job)
    assert str(victim) in message
    assert said in message
    assert not (tmp_path / "out" / f"work/prepare/{SOURCE}/receipts/{victim.name}.json").exists()
    assert read_manifest(str(tmp_path / "out"), "prepare", SOURCE) is None
    run_job(*job)
    run_job(*arguments(pattern, tmp_path / "fresh"))
    assert folder_digests(tmp_path / "out") == folder_digests(tmp_path / "fresh")


def test_a_folder_as_input_is_watched_too(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_text("1")
    states = {str(tmp_path): state_of(str(tmp_path))}
    with unchanged(states):
        pass
    with pytest.raises(WinnowError, match="changed while"), unchanged(states):
        (tmp_path / "a" / "one").write_text("2")
    with pytest.raises(WinnowError, match="changed while"), unchanged({"": (), **states}):
        (tmp_path / "a" / "two").write_text("")


def test_an_input_that_changes_between_phases(pattern: str, tmp_path: Path, run_job: RunJob) -> None:
    run_job(*arguments(pattern, tmp_path / "out"))
    _append(tmp_path / "in" / "part-0.warc.wet.gz")
    for out in ("out", "fresh"):
        run_job(*arguments(pattern, tmp_path / out, "prepare,lines"))
    assert folder_digests(tmp_path / "out") == folder_digests(tmp_path / "fresh")


def _edited(data: bytes) -> bytes:
    fields = orjson.loads(data)
    fields["units"][0]["outputs"][0]["rows"] += 1
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2)


@pytest.mark.parametrize(
    "edit",
    [_edited, lambda data: data[: len(data) // 2], lambda _: b"[]", lambda _: b"\xff", lambda _: b"{}"],
    ids=["edited", "cut", "list", "binary", "empty"],
)
def test_a_manifest_edited_by_hand(
    edit: Callable[[bytes], bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path)
    write_curated(tmp_path)
    path = Path(manifest_path(out, "curate", "web"))
    path.write_bytes(edit(path.read_bytes()))
    with pytest.raises(WinnowError) as error:
        tokenize(make_run(tmp_path))
    assert str(error.value) == (
        f"{path} was edited, is damaged or is of another version of Winnow: delete it, and the next run "
        "makes phase curate of web anew"
    )
    assert not (tmp_path / "tokens").exists()


def test_a_deleted_manifest_and_an_edited_receipt(pattern: str, tmp_path: Path, run_job: RunJob) -> None:
    out = tmp_path / "out"
    run_job(*arguments(pattern, out))
    expected = folder_digests(out, "-")
    before = {path: path.stat().st_ino for path in (out / "documents" / SOURCE).iterdir()}
    Path(manifest_path(str(out), "prepare", SOURCE)).unlink()
    receipt = out / f"work/prepare/{SOURCE}/receipts/part-0.warc.wet.gz.json"
    receipt.write_bytes(receipt.read_bytes().replace(b'"records": ', b'"records": 1'))
    run_job(*arguments(pattern, out))
    assert folder_digests(out, "-") == expected
    again = {path.name for path, number in before.items() if path.stat().st_ino != number}
    assert again
    assert all(name.startswith("part-0") for name in again)


def test_two_runs_into_one_folder(
    pattern: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], run_job: RunJob
) -> None:
    out = tmp_path / "out"
    run_job(*arguments(pattern, out))
    expected = folder_digests(out, "-")
    with hold(str(out)):
        said = sentence(capsys, *arguments(pattern, out), "--fresh")
    assert said == (
        f"winnow: another run is writing into {out}: wait for it, or give this one another --output"
    )
    assert folder_digests(out, "-") == expected
    (out / LOCK_FILE).touch()  # as a killed run leaves it
    assert main([*arguments(pattern, out), "--fresh"]) == 0
    assert folder_digests(out, "-") == expected


def test_of_many_runs_at_once_one_holds_the_folder(tmp_path: Path) -> None:
    holding, most, times = 0, 0, 0

    def run() -> None:
        nonlocal holding, most, times
        for _ in range(60):
            with suppress(WinnowError), hold(str(tmp_path / "out")):
                holding += 1
                most = max(most, holding)
                times += 1
                time.sleep(0.0005)
                holding -= 1

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert times > 4
    assert not leftovers(tmp_path)


@pytest.fixture
def object_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock as on an object store, and in a hurry."""
    monkeypatch.setattr(lock, "is_local", lambda path: False)
    for name, seconds in (("BEAT", 0.05), ("PATIENCE", 1.0), ("SETTLE", 0.1)):
        monkeypatch.setattr(lock, name, seconds)


@pytest.mark.usefixtures("object_store")
def test_a_lock_object_is_held_by_who_beats(tmp_path: Path) -> None:
    out = str(tmp_path)
    with hold(out) as still_ours:
        with pytest.raises(WinnowError, match="another run is writing into"), hold(out):
            pass
        still_ours()
    assert list(tmp_path.rglob("*.json")) == []
    lock._write(f"{out}/{lock.LOCK_OBJECT}", "killed", 7)
    with hold(out) as still_ours:
        still_ours()
        lock._write(f"{out}/{lock.LOCK_OBJECT}", "another", 0)
        with pytest.raises(WinnowError, match=r"another run has taken .* over"):
            still_ours()
    assert lock._read(f"{out}/{lock.LOCK_OBJECT}") == ("another", 0)


@pytest.mark.usefixtures("object_store")
def test_of_two_that_begin_at_once_one_gets_the_lock_object(tmp_path: Path) -> None:
    got, both_tried = [], threading.Barrier(2)

    def run() -> None:
        with suppress(WinnowError), hold(str(tmp_path)):
            got.append(1)
            time.sleep(0.4)
        both_tried.wait(10)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [1]


def test_a_model_swapped_between_runs_and_during_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = Path(models.__file__).parent
    tokenizer = tmp_path / "t.model"
    shutil.copy(bundled / "tokenizer.model", tokenizer)

    def run(out: str) -> list[str]:
        forget()  # as another process would
        return tokenize(make_run(tmp_path / out, sources=("web",), tokenizer=str(tokenizer))).ran

    for out in ("out", "fresh", "during"):
        write_curated(tmp_path / out, {"web": 12})
    assert run("out") == ["web"]
    shutil.copy(bundled / "code-tokenizer.model", tokenizer)
    assert run("out") == ["web"] == run("fresh")
    assert folder_digests(tmp_path / "out") == folder_digests(tmp_path / "fresh")
    encode, calls = EncodeBatch.__call__, 0

    def swap(self: EncodeBatch, *unit: Any) -> dict[str, Any]:
        nonlocal calls
        calls += 1
        if calls == 2:
            shutil.copy(bundled / "tokenizer.model", tokenizer)
        return encode(self, *unit)

    monkeypatch.setattr(EncodeBatch, "__call__", swap)
    with pytest.raises(WinnowError, match=r"model .*t\.model changed while the run was using it; run again"):
        run("during")
    assert read_manifest(str(tmp_path / "during"), "tokenize", "web") is None
    assert run("during") == run("out") == ["web"]
    assert folder_digests(tmp_path / "during") == folder_digests(tmp_path / "out")
