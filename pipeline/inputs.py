"""The input files of a source: found by pattern, named without the machine's paths, fingerprinted."""

from __future__ import annotations

import glob
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import xxhash
from apache_beam.io.filesystems import FileSystems
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.errors import WinnowError
from pipeline.files import exists, is_local, join, open_file, read_file, write_file
from pipeline.readers.folder_tar import folder_bytes, folder_state
from pipeline.remote import match, reason, store
from pipeline.sealed import sealed, unsealed

_WILDCARD = re.compile(r"[*?\[]")
_CHUNK = 1 << 22


class InputPattern(BaseModel):
    """A pattern of input files, in a config alone or with the name of the crawl that the files are of."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    pattern: str = Field(min_length=1)
    snapshot: str = Field(
        "", description="as CC-MAIN-2019-09, for documents whose file does not say it (isPartOf of WARC)"
    )

    @model_validator(mode="before")
    @classmethod
    def _alone(cls, value: Any) -> Any:
        return {"pattern": value} if isinstance(value, str) else value


@dataclass(frozen=True)
class InputFile:
    """One input: `name` is what outputs and ledgers call it, `path` where it is read from.

    `snapshot` is the crawl of the documents that do not name theirs, `state` what `state_of` said when it was
    fingerprinted, `beside` are the files that it is read with, as an index.
    """

    name: str
    path: str
    size: int
    snapshot: str = ""
    fingerprint: str = ""
    state: tuple[Any, ...] = ()
    beside: tuple[InputFile, ...] = ()

    def identity(self) -> list[Any]:
        """What outputs depend on, for keys: name, content, crawl, and the same of the files beside it."""
        return [self.name, self.fingerprint, self.snapshot, [file.identity() for file in self.beside]]


def find_inputs(
    source: str,
    patterns: Iterable[InputPattern],
    with_folder: frozenset[str] = frozenset(),
    folders: bool = False,
) -> list[InputFile]:
    """The files that `patterns` match, by name.

    A name is the path below the pattern's fixed folder, with `/` written as `__`; files named as in
    `with_folder` have at least their folder's before it; where two inputs would share one, folders are put
    before it until they differ. With `folders` a folder on this machine is one input. Raises WinnowError
    for a pattern that matches nothing, and for a file that is given two snapshots.
    """
    sizes: dict[str, int] = {}
    short: dict[str, str] = {}
    snapshots: dict[str, str] = {}
    for given in patterns:
        pattern, snapshot = given.pattern, given.snapshot
        matches = _match(pattern, folders)
        if not matches:
            raise WinnowError(f"sources.{source}.inputs: no file matches {pattern}")
        fixed = _fixed_folder(pattern)
        for path, size in matches.items():
            if snapshots.setdefault(path, snapshot) != snapshot:
                two = " and ".join(repr(name) for name in sorted((snapshots[path], snapshot)))
                raise WinnowError(f"sources.{source}.inputs: {path} is given with two snapshots, {two}")
            sizes[path] = size
            name = path[len(fixed) :].lstrip("/") if path.startswith(fixed) else posixpath.basename(path)
            short[path] = "/".join(path.split("/")[-2:]) if name in with_folder else name
    names = _distinct(short)
    return sorted(
        (InputFile(names[path], path, size, snapshots[path]) for path, size in sizes.items()),
        key=lambda file: file.name,
    )


def with_files_beside(files: list[InputFile], wanted: Callable[[str], Sequence[str]]) -> list[InputFile]:
    """Add to each file those of the paths `wanted(its path)` that are there."""
    found = []
    for file in files:
        sizes = {path: _size_of(path) for path in wanted(file.path)}
        beside = [InputFile(posixpath.basename(p), p, size) for p, size in sizes.items() if size is not None]
        found.append(replace(file, beside=tuple(beside)))
    return found


def _size_of(path: str) -> int | None:
    if is_local(path):
        return Path(path).stat().st_size if Path(path).is_file() else None
    return _match(path, folders=False).get(path)


def _match(pattern: str, folders: bool) -> dict[str, int]:
    if folders and is_local(pattern):
        return _local_match(pattern)
    matches = match(pattern)
    if is_local(pattern):
        return {m.path: m.size_in_bytes for m in matches if Path(m.path).is_file()}
    return {m.path: m.size_in_bytes for m in matches}


def _local_match(pattern: str) -> dict[str, int]:
    """The files and folders that match, but for what lies in a folder that does."""
    found: dict[str, int] = {}
    last = "\0"
    matches = [path.rstrip("/") for path in glob.glob(pattern, recursive=True)]  # noqa: PTH207 Beam's patterns
    for path in sorted(matches, key=lambda path: path.split("/")):
        if (
            path.startswith(last)
            or path + "/" == _fixed_folder(pattern) != pattern
            or not Path(path).exists()
        ):
            continue
        if Path(path).is_dir():
            found[path], last = folder_bytes(path), f"{path}/"
        else:
            found[path] = Path(path).stat().st_size
    return found


def _fixed_folder(pattern: str) -> str:
    wildcard = _WILDCARD.search(pattern)
    head = pattern if wildcard is None else pattern[: wildcard.start()]
    return head[: head.rfind("/") + 1]


def _distinct(short: dict[str, str]) -> dict[str, str]:
    """A distinct, file-safe name for each path, the shorter the better."""
    names = {path: name.replace("/", "__") for path, name in short.items()}
    depth = 1
    while len(set(names.values())) < len(names):
        taken: dict[str, int] = {}
        for name in names.values():
            taken[name] = taken.get(name, 0) + 1
        for path, name in names.items():
            if taken[name] > 1:
                names[path] = "__".join(path.split("/")[-1 - depth - name.count("__") :])
        depth += 1
    return names


def fingerprint_inputs(
    files: list[InputFile], memory_path: str, verify: bool, remember: bool = True
) -> list[InputFile]:
    """Add to each file what identifies its content.

    Object stores give a checksum; a local file is hashed once (xxh3_128) and later trusted by size and
    modification time, remembered in the file at `memory_path`, unless `verify` asks to hash it again.
    Without `remember` nothing is written.
    """
    memory = {} if verify or not exists(memory_path) else unsealed(read_file(memory_path)) or {}
    listed = [*files, *(other for file in files for other in file.beside)]
    remote = any(not is_local(file.path) for file in listed)
    with ThreadPoolExecutor(max_workers=32 if remote else 4) as pool:
        marks = list(pool.map(lambda file: _fingerprint(file, memory), listed))
    known = dict(zip([file.path for file in listed], marks, strict=True))
    if remember:
        write_file(memory_path, sealed(known))

    def marked(file: InputFile) -> InputFile:
        *state, fingerprint = known[file.path]
        beside = tuple(map(marked, file.beside))
        return replace(file, fingerprint=str(fingerprint), state=tuple(state), beside=beside)

    return [marked(file) for file in files]


def _fingerprint(file: InputFile, memory: dict[str, list[object]]) -> list[object]:
    state = state_of(file.path)
    if not is_local(file.path):
        return [*state, state[0]]
    known = None if Path(file.path).is_dir() else memory.get(file.path)
    if known is not None and known[:-1] == state:
        return known
    digest = xxhash.xxh3_128()
    try:
        with open_file(file.path) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise WinnowError(f"cannot read {file.path}: {reason(error)}") from error
    return [*state, digest.hexdigest()]


def state_of(path: str) -> list[Any]:
    """What tells at little cost that an input is not as it was: size and time of change on this machine
    (of a folder, of all in it), size and checksum on an object store; raises WinnowError where it is gone."""
    try:
        if not is_local(path):
            size = _match(path, folders=False).get(path)
            if size is None:
                raise WinnowError(f"cannot read {path}: it is not there")
            with store("look up", path):
                return [f"{size}:{FileSystems.checksum(path)}"]
        if Path(path).is_dir():
            return folder_state(path)
        state = Path(path).stat()
    except OSError as error:
        raise WinnowError(f"cannot read {path}: {reason(error)}") from error
    return [state.st_size, state.st_mtime_ns]


@contextmanager
def unchanged(states: Mapping[str, Sequence[Any]]) -> Iterator[None]:
    """Raise WinnowError at the end where an input, by its path, is not as it was when the run looked at it.

    What was made of it is then of no known content, and whatever failed may have failed for that.
    """
    try:
        yield
    finally:
        for path, state in states.items():
            if state and state_of(path) != list(state):
                raise WinnowError(f"{path} changed while the run was reading it; run again to read it anew")


def memory_path(out: str, source: str) -> str:
    """Where the fingerprints of a source's local inputs are remembered."""
    return join(out, "work", "inputs", f"{source}.json")
