"""Model files: fetched once a machine, loaded once a process, never pickled."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import fasttext
import kenlm
import sentencepiece
import xxhash
from apache_beam.io.filesystems import FileSystems

import models
from filters.language import LABEL_PREFIX
from filters.perplexity import Cutoffs, LanguageModel, Mode, read_ccnet_cutoffs, read_cutoffs
from filters.punkt import Punkt
from filters.reference import NEGATIVE, POSITIVE
from pipeline import fasttext_file
from pipeline.errors import WinnowError
from pipeline.files import is_local, open_file, write_file
from pipeline.remote import match, store

BUNDLED: Final = "bundled:"
PUNKT_EN: Final = f"{BUNDLED}punkt-en/punkt.json"
CACHE_VARIABLE: Final = "WINNOW_MODEL_CACHE"

_CHUNK: Final = 1 << 20
_KENLM_MAGIC: Final = b"mmap lm http://kheafield.com/code"  # lm/binary_format.cc
_ARPA_START: Final = b"\\data\\"

_State = tuple[int, int, int] | None


class ModelError(WinnowError):
    """A model that is missing, damaged, or of another kind than is wanted."""


@dataclass(frozen=True)
class Model:
    """A model file on this machine: the name the config has for it, its path, and the xxh3_128 of its bytes.

    Two of the same bytes are equal, so that a process loads them once.
    """

    name: str = field(compare=False)
    path: str = field(compare=False)
    digest: str


# The models this process knows, by name, with the size, time and inode their files had before they were read.
_known: dict[str, tuple[Model, _State]] = {}


def resolve(name: str) -> Model:
    """The model called `name`: `bundled:FILE` of this package, or a path on any file system Beam knows.

    A remote file is fetched once into a cache folder (the environment's WINNOW_MODEL_CACHE, else one in the
    folder for temporary files), where it is named by its digest; it is fetched again when its size, checksum
    or time of change differ. A process looks at each name once, until `forget`. Raises ModelError where it is
    missing or empty.
    """
    if name not in _known:
        _known[name] = _look(name)
    return _known[name][0]


def _look(name: str) -> tuple[Model, _State]:
    path = _bundled(name.removeprefix(BUNDLED)) if name.startswith(BUNDLED) else name
    try:
        if is_local(path):
            state = _file_state(path)
            with open_file(path) as stream:
                digest, size = _digest(stream)
        else:
            path, digest, size = _fetch(path)
            state = _file_state(path)
    except WinnowError as error:
        raise ModelError(f"model {name} cannot be read: {str(error).rsplit(': ', 1)[-1]}") from error
    if not size:
        raise ModelError(f"model {name} is an empty file")
    return Model(name, path, digest), state


def _file_state(path: str) -> _State:
    try:
        found = Path(path).stat()
    except OSError:
        return None  # what reads it says why
    return found.st_size, found.st_mtime_ns, found.st_ino


def forget() -> None:
    """Look at every model anew when it is next resolved."""
    _known.clear()


def digests() -> dict[str, str]:
    """The xxh3_128 of each model that this process has resolved, by name."""
    return {name: model.digest for name, (model, _) in _known.items()}


@contextmanager
def same_models(expected: Mapping[str, str]) -> Iterator[None]:
    """Raise ModelError at the end where a used model of `expected` (digests by name) has other bytes.

    What this process knows from an earlier run is looked at anew; models that only the body resolves count.
    """
    for name, (model, state) in list(_known.items()):
        if expected.get(name, model.digest) != model.digest or _file_state(model.path) != state:
            del _known[name]
    try:
        yield
    finally:
        for name, (model, state) in list(_known.items()):
            if expected.get(name, model.digest) != model.digest or _file_state(model.path) != state:
                raise ModelError(f"model {name} changed while the run was using it; run again")


def _bundled(file: str) -> str:
    folder = Path(models.__file__).parent
    if not (folder / file).is_file():
        there = ", ".join(
            sorted(path.name for path in folder.iterdir() if path.suffix in (".bin", ".ftz", ".model"))
        )
        raise ModelError(f"there is no bundled model {file}; there are: {there}")
    return str(folder / file)


def _digest(stream: BinaryIO, copy: BinaryIO | None = None) -> tuple[str, int]:
    """The xxh3_128 and length of a stream, of any length in little memory, copied on the way where asked."""
    hasher, size = xxhash.xxh3_128(), 0
    while chunk := stream.read(_CHUNK):
        hasher.update(chunk)
        size += len(chunk)
        if copy is not None:
            copy.write(chunk)
    return hasher.hexdigest(), size


def _fetch(path: str) -> tuple[str, str, int]:
    cache = Path(
        os.environ.get(CACHE_VARIABLE) or Path(tempfile.gettempdir()) / f"winnow-models-{os.getuid()}"
    )
    state = _state(path)
    note = cache / f"{xxhash.xxh3_128_hexdigest(state.encode())}.json"
    if note.is_file():
        fetched = json.loads(note.read_text())
        if (cache / fetched["digest"]).is_file():
            return str(cache / fetched["digest"]), fetched["digest"], fetched["size"]
    cache.mkdir(parents=True, exist_ok=True)
    part = tempfile.NamedTemporaryFile(dir=cache, suffix=".tmp", delete=False)  # noqa: SIM115 closed below
    try:
        with part, open_file(path) as stream:
            digest, size = _digest(stream, part)  # type: ignore[arg-type] # a temporary file is a BinaryIO
        Path(part.name).replace(cache / digest)
    finally:
        Path(part.name).unlink(missing_ok=True)
    write_file(str(note), json.dumps({"path": path, "digest": digest, "size": size}).encode())
    return str(cache / digest), digest, size


def _state(path: str) -> str:
    """What tells one version of a remote file from the next: its size, checksum and time of change."""
    found = match(path)
    if not found:
        raise WinnowError(f"cannot read {path}: no such file")
    with store("read", path):
        return json.dumps(
            [path, found[0].size_in_bytes, found[0].last_updated_in_seconds, FileSystems.checksum(path)]
        )


def kind(model: Model) -> str:
    """What a model file looks like, by its first bytes: `fastText`, `KenLM`, `SentencePiece` or `unknown`."""
    with Path(model.path).open("rb") as stream:
        head = stream.read(64)
    if head.startswith(fasttext_file.MAGIC):
        return "fastText"
    if head.startswith(_KENLM_MAGIC) or head.lstrip().startswith(_ARPA_START):
        return "KenLM"
    # A ModelProto begins with its first piece: field 1, its length, and in it field 1 again, its name.
    if head[:1] == b"\x0a" and head[2:3] == b"\x0a":
        return "SentencePiece"
    return "unknown"


def _expect(model: Model, wanted: str) -> None:
    found = kind(model)
    if found == "unknown":
        raise ModelError(f"model {model.name} is no {wanted} model, or is damaged")
    if found != wanted:
        raise ModelError(f"model {model.name} is a {found} model, and a {wanted} model is needed here")


@lru_cache(maxsize=16)
def load_fasttext(model: Model) -> Any:
    """The supervised fastText model in `model`; raises ModelError where the file is none or is damaged."""
    _expect(model, "fastText")
    try:
        fasttext_file.check(Path(model.path))
        return fasttext.load_model(model.path)
    except (ValueError, MemoryError, RuntimeError) as error:
        reason = f" ({error})" if isinstance(error, fasttext_file.BrokenFileError) else ""
        raise ModelError(f"model {model.name} is damaged or no fastText classifier{reason}") from error


def load_reference(model: Model) -> Any:
    """The fastText classifier of cited pages in `model`; raises ModelError where its labels are others."""
    loaded = load_fasttext(model)
    labels = sorted(loaded.get_labels())
    if labels != sorted((POSITIVE, NEGATIVE)):
        found = ", ".join(label.removeprefix(LABEL_PREFIX) for label in labels[:5])
        raise ModelError(f"model {model.name} is no reference classifier: its labels are {found}")
    return loaded


@lru_cache(maxsize=64)
def load_kenlm(model: Model) -> Any:
    """The KenLM model in `model`, mapped into memory; raises ModelError where the file is none."""
    _expect(model, "KenLM")
    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        return kenlm.Model(model.path, config)
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        raise ModelError(f"model {model.name} is a damaged KenLM model") from error


@lru_cache(maxsize=64)
def load_sentencepiece(model: Model) -> Any:
    """The SentencePiece model in `model`; raises ModelError where the file is none."""
    _expect(model, "SentencePiece")
    try:
        return sentencepiece.SentencePieceProcessor(model_file=model.path)
    except (OSError, RuntimeError) as error:
        raise ModelError(f"model {model.name} is a damaged SentencePiece model") from error


@lru_cache(maxsize=64)
def load_language_model(
    lm: Model, pieces: Model, cutoffs: Model | None, language: str, mode: Mode
) -> LanguageModel:
    """One language's models together, loaded once a process.

    `cutoffs` is CCNet's table or the JSON that `python -m pipeline.train lm` writes; without it, or without
    the language in the table, the model's texts are of bucket "none". Raises ModelError where a file is of
    another kind, or where the KenLM model knows hardly any piece of the SentencePiece model.
    """
    processor, loaded = load_sentencepiece(pieces), load_kenlm(lm)
    written = [processor.id_to_piece(number) for number in range(processor.get_piece_size())]
    known = sum(piece in loaded for piece in written)
    if known < len(written) / 2:
        raise ModelError(
            f"model {lm.name} was not trained on the pieces of {pieces.name}: "
            f"it knows {known} of their {len(written)}"
        )
    return LanguageModel(processor, loaded, _cutoffs(cutoffs, language, mode) if cutoffs else None, mode)


@lru_cache(maxsize=8)
def load_punkt(model: Model) -> Punkt:
    """The Punkt model in `model`; raises ModelError where the file is none."""
    try:
        return Punkt.parse(Path(model.path).read_bytes())
    except ValueError as error:
        raise ModelError(f"model {model.name} is damaged or no Punkt model") from error


def _cutoffs(file: Model, language: str, mode: Mode) -> Cutoffs | None:
    with open_file(file.path) as stream:
        text = stream.read().decode("utf-8", "replace")
    try:
        return (
            read_cutoffs(text, mode)
            if text.lstrip().startswith("{")
            else read_ccnet_cutoffs(text).get(language)
        )
    except ValueError as error:
        raise ModelError(f"cutoffs {file.name}: {error}") from error
