"""An S3-compatible server (moto's) holds inputs, models and outputs: a run there is a run in a folder."""

from __future__ import annotations

import io
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import orjson
import pyarrow as pa
import pytest
import xxhash
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from conftest import RunJob, folder_digests, run_quietly, wet_bytes, write_corpus
from moto.server import ThreadedMotoServer

from pipeline import lock
from pipeline.engine import Engine
from pipeline.errors import WinnowError
from pipeline.files import delete, exists, list_folder, open_file, read_file, read_range, write_file
from pipeline.inputs import InputPattern, find_inputs
from pipeline.lock import hold
from pipeline.parquet import to_parquet
from pipeline.readers.parquet_rows import parquet_rows
from pipeline.remote import NO_CREDENTIALS, use_options

BUCKET = "corpus"
CONFIG = """\
sequence_length: 512
tokenizer: {place}tokenizer.model
sources:
  commoncrawl:
    proportion: 1
    language: {{model: "{place}lid.176.ftz"}}
    perplexity:
      keep: [head, middle, tail]
      models:
        en:
          kenlm: {place}en.lm.bin
          sentencepiece: {place}en.sp.model
          cutoffs: {place}en.cutoffs.json
    wikipedia_reference: {{model: "{place}reference.en.ftz", min_score: 0}}
"""
MODELS = Path(__file__).parent.parent / "models"


class Store:
    """A bucket, how to reach it from a command line, and a second way to look into it than the one tested."""

    def __init__(self, url: str) -> None:
        keys = {"s3_endpoint_url": url, "s3_access_key_id": "key", "s3_secret_access_key": "secret"}
        self.options = [f"--{name}={value}" for name, value in keys.items()] + ["--s3_region_name=us-east-1"]
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )
        self.client.create_bucket(Bucket=BUCKET)

    def put(self, key: str, data: bytes) -> str:
        """Store an object; returns its path."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=data)
        return f"s3://{BUCKET}/{key}"

    def objects(self, prefix: str) -> dict[str, bytes]:
        """All visible objects below `prefix`, by the rest of their names."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {
            key[len(prefix) :]: self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys
        }


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """A server of its own for this module, with Beam's file systems pointed at it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    bucket = Store(f"http://{host}:{port}")
    use_options(PipelineOptions(bucket.options))
    yield bucket
    server.stop()
    FileSystems.set_options(None)


@pytest.fixture(scope="module")
def corpus(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of inputs and configs; the inputs and all models are in the bucket too."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder / "in", files=2)
    for file in (folder / "in").iterdir():
        store.put(f"in/{file.name}", file.read_bytes())
    store.put("in/", b"")  # what a console leaves for a new folder
    (folder / "here.yaml").write_text(CONFIG.format(place="bundled:"))
    (folder / "there.yaml").write_text(CONFIG.format(place=f"s3://{BUCKET}/models/"))
    for name in re.findall(r"bundled:([\w.]+)", (folder / "here.yaml").read_text()):
        store.put(f"models/{name}", (MODELS / name).read_bytes())
    return folder


def command(store: Store, corpus: Path, out: str, *more: str) -> list[str]:
    """The arguments of a run with everything in the bucket."""
    inputs = ["--sources", "commoncrawl", "--input", f"commoncrawl=s3://{BUCKET}/in/*.wet.gz"]
    place = ["--config", str(corpus / "there.yaml"), "--output", f"s3://{BUCKET}/{out}"]
    return [*inputs, *place, "--workers", "1", *store.options, *more]


def results(objects: dict[str, bytes]) -> dict[str, str]:
    """Digests of what a run is for: not of receipts and manifests, whose keys hold how inputs are known."""
    return {
        name: xxhash.xxh3_128_hexdigest(data)
        for name, data in objects.items()
        if not name.startswith(("work/", "manifests/"))
    }


@pytest.fixture(scope="module")
def undisturbed(store: Store, corpus: Path) -> dict[str, bytes]:
    """All objects of a whole run in the bucket."""
    run_quietly(*command(store, corpus, "whole"))
    return store.objects("whole/")


@pytest.mark.slow
def test_bytes_are_those_of_a_local_run(
    undisturbed: dict[str, bytes], corpus: Path, tmp_path: Path, run_job: RunJob
) -> None:
    inputs = ["--sources", "commoncrawl", "--input", f"commoncrawl={corpus}/in/*.wet.gz"]
    place = ["--config", str(corpus / "here.yaml"), "--output", str(tmp_path / "out")]
    run_job(*inputs, *place, "--workers", "1")
    local = {n: d for n, d in folder_digests(tmp_path / "out").items() if not n.startswith("manifests/")}
    assert results(undisturbed) == local
    manifests = [name for name in undisturbed if name.startswith("manifests/")]
    assert len(manifests) == 7
    for name in manifests:
        here = orjson.loads((tmp_path / "out" / name).read_bytes())
        there = orjson.loads(undisturbed[name])
        assert there["units"] == here["units"], name
        assert {output["path"] for unit in there["units"] for output in unit["outputs"]} <= set(undisturbed)


@pytest.mark.slow
def test_killed_and_resumed(
    undisturbed: dict[str, bytes],
    store: Store,
    corpus: Path,
    run_job: RunJob,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finished = results(undisturbed)
    for seen in ("killed/documents/", "killed/judged/"):
        job = subprocess.Popen(
            [sys.executable, "-m", "pipeline.run", *command(store, corpus, "killed")],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 120
        while not store.client.list_objects_v2(Bucket=BUCKET, Prefix=seen)["KeyCount"]:
            assert job.poll() is None, "the run ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(job.pid, signal.SIGKILL)
        job.wait()
        left = store.objects("killed/")
        assert "work/lock.json" in left
        assert "manifests/judge/commoncrawl.json" not in left
        assert results(left).items() <= finished.items(), "an object in part, or of a wrong name"
        if seen == "killed/documents/":
            # The next run, another process, would wait a minute for a sign of life of this one.
            store.client.delete_object(Bucket=BUCKET, Key="killed/work/lock.json")
    in_a_hurry(monkeypatch)
    run_job(*command(store, corpus, "killed"))
    assert store.objects("killed/") == undisturbed


def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock's heartbeat as it is, but hundreds of times as fast."""
    for name, seconds in (("BEAT", 0.1), ("PATIENCE", 1.0), ("SETTLE", 0.2)):
        monkeypatch.setattr(lock, name, seconds)


def test_a_run_that_lives_keeps_others_out_and_one_that_is_dead_does_not(
    store: Store, corpus: Path, run_job: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_hurry(monkeypatch)
    here, path = f"s3://{BUCKET}/locked", "locked/work/lock.json"
    job = command(store, corpus, "locked", "--phases", "prepare")
    with hold(here) as still_ours:
        with pytest.raises(WinnowError, match=rf"^another run is writing into {here}: "):
            run_job(*job)
        still_ours()
        assert list(store.objects("locked/")) == ["work/lock.json"]
        beats = set()
        while len(beats) < 3:
            beats.add(orjson.loads(store.objects("locked/")["work/lock.json"])["beat"])
    assert store.objects("locked/") == {}
    store.put(path, orjson.dumps({"run": "killed", "beat": 7}))
    run_job(*job)
    assert "work/lock.json" not in store.objects("locked/")
    assert "manifests/prepare/commoncrawl.json" in store.objects("locked/")


def test_a_run_whose_lock_was_taken_commits_nothing_more(
    store: Store, corpus: Path, run_job: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_hurry(monkeypatch)
    monkeypatch.setattr(lock, "BEAT", 600.0)  # as one that was not heard of
    run = Engine.run

    def take_over(self: Engine, *work: Any) -> None:
        run(self, *work)
        store.put("taken/work/lock.json", orjson.dumps({"run": "another", "beat": 0}))

    monkeypatch.setattr(Engine, "run", take_over)
    with pytest.raises(WinnowError, match=rf"^another run has taken s3://{BUCKET}/taken over"):
        run_job(*command(store, corpus, "taken", "--phases", "prepare,lines"))
    left = store.objects("taken/")
    assert not [name for name in left if name.startswith("manifests/")]
    assert orjson.loads(left["work/lock.json"])["run"] == "another"


@pytest.mark.slow
def test_done_work_is_known_and_a_changed_object_is_noticed(
    undisturbed: dict[str, bytes], store: Store, corpus: Path, run_job: RunJob
) -> None:
    _, outcomes = run_job(*command(store, corpus, "whole"))
    assert not [outcome.phase for outcome in outcomes if outcome.ran]
    kept = (corpus / "in" / "part-0.warc.wet.gz").read_bytes()
    store.put("in/part-0.warc.wet.gz", wet_bytes([("https://example.org/new", "A new page. " * 40)]))
    try:
        _, outcomes = run_job(*command(store, corpus, "whole", "--phases", "prepare"))
    finally:
        store.put("in/part-0.warc.wet.gz", kept)
    assert [outcome.ran for outcome in outcomes] == [["commoncrawl"]]
    now = store.objects("whole/documents/")
    before = {n.removeprefix("documents/"): d for n, d in undisturbed.items() if n.startswith("documents/")}
    assert {name.split(".")[0] for name in now if now[name] != before.get(name)} == {"commoncrawl/part-0"}


@pytest.mark.slow
def test_fresh_takes_what_is_ours_and_workers_reach_the_store(
    undisturbed: dict[str, bytes], store: Store, corpus: Path, run_job: RunJob
) -> None:
    store.put("again/curated/commoncrawl/old.parquet", b"of an earlier run")
    store.put("again/manifests/curate/commoncrawl.json", b"{}")
    store.put("again/notes.txt", b"a person's")
    store.put("again-and-again/documents/x", b"another run's")
    options = ("--fresh", "--phases", "prepare", "--workers", "2")
    run_job(*command(store, corpus, "again", *options))
    there = store.objects("again/")
    documents = {n: d for n, d in undisturbed.items() if n.startswith(("documents/", "manifests/prepare/"))}
    assert {n: d for n, d in there.items() if n.startswith(("documents/", "manifests/"))} == documents
    assert "curated/commoncrawl/old.parquet" not in there
    assert there["notes.txt"] == b"a person's"
    assert store.objects("again-and-again/") == {"documents/x": b"another run's"}


def test_objects_are_written_whole(store: Store) -> None:
    path = f"s3://{BUCKET}/files/a/b"
    big = bytes(range(256)) * 30_000  # more than one part of an upload
    for data in (b"one", b"", big):
        write_file(path, data)
        assert store.objects("files/") == {"a/b": data}
        assert read_file(path) == data
        assert list_folder(f"s3://{BUCKET}/files") == {"a/b": len(data)}
    assert read_range(path, 1_000_001, 3) == big[1_000_001:1_000_004]
    with pytest.raises(WinnowError, match="cut short"):
        read_range(path, len(big) - 1, 2)
    assert not store.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads")


def test_a_folder_marker_is_no_file_and_never_deletes_what_is_below(store: Store) -> None:
    store.put("marked/", b"")
    store.put("marked/in/", b"")
    store.put("marked/in/a.jsonl", b"{}")
    store.put("marked/in/b.jsonl", b"{}")
    assert list_folder(f"s3://{BUCKET}/marked") == {"in/a.jsonl": 2, "in/b.jsonl": 2}
    found = find_inputs("c4", [InputPattern(pattern=f"s3://{BUCKET}/marked/in/*")])
    assert [file.name for file in found] == ["a.jsonl", "b.jsonl"]
    delete([f"s3://{BUCKET}/marked/in/a.jsonl", f"s3://{BUCKET}/marked/in/gone.jsonl"])
    assert set(store.objects("marked/")) == {"", "in/", "in/b.jsonl"}
    assert list_folder(f"s3://{BUCKET}/mark") == {}


def test_what_a_store_cannot_do_is_said_in_a_sentence(store: Store) -> None:
    with pytest.raises(WinnowError, match=r"^cannot write s3://no-such-bucket/x: .*bucket does not exist"):
        write_file("s3://no-such-bucket/x", b"x")
    with pytest.raises(WinnowError, match=rf"^cannot read s3://{BUCKET}/none: .*$"):
        read_file(f"s3://{BUCKET}/none")
    assert not exists(f"s3://{BUCKET}/none")
    with pytest.raises(WinnowError, match=r"^sources\.c4\.inputs: no file matches"):
        find_inputs("c4", [InputPattern(pattern=f"s3://{BUCKET}/none/*")])


def test_a_store_that_fails_while_it_is_read_is_no_damage_of_the_file(store: Store) -> None:
    texts = [xxhash.xxh3_128_hexdigest(str(number).encode()) for number in range(90_000)]
    rows = pa.table({"text": texts})
    path = store.put("going/rows.parquet", to_parquet(rows))
    with open_file(path) as stream:
        reading = parquet_rows(stream)
        stream.seek(0, io.SEEK_END)
        store.client.delete_object(Bucket=BUCKET, Key="going/rows.parquet")
        with pytest.raises(WinnowError, match=r"^cannot read s3://corpus/going/rows\.parquet: "):
            list(reading)


def test_missing_credentials_are_said_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    use_options(PipelineOptions([o for o in store.options if "key" not in o]))
    try:
        with pytest.raises(WinnowError) as error:
            find_inputs("c4", [InputPattern(pattern=f"s3://{BUCKET}/in/*")])
    finally:
        use_options(PipelineOptions(store.options))
    assert str(error.value) == f"cannot look up s3://{BUCKET}/in/*: {NO_CREDENTIALS}"
