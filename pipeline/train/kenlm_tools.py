"""KenLM's programs `lmplz` and `build_binary`, which its Python package does not bring."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal, cast

from pipeline.errors import WinnowError

Build = Literal["probing", "trie", "quantized"]

BUILDS: Final[dict[Build, list[str]]] = {
    "probing": ["probing"],
    "trie": ["trie"],
    # 8 bits for probabilities and for back-offs, pointers compressed (KenLM's documentation of structures).
    "quantized": ["-q", "8", "-b", "8", "-a", "22", "trie"],
}


@dataclass(frozen=True)
class Tools:
    """Where the two programs are."""

    lmplz: str
    build_binary: str

    def build(self, lines: Iterator[bytes], options: list[str], build: Build, target: Path) -> None:
        """Estimate a model of `lines` (tokens separated by spaces, each ending in a newline), write `target`.

        Temporary files lie beside it. Raises WinnowError with the program's last words where one fails.
        """
        arpa = target.with_suffix(".arpa")
        try:
            command = [self.lmplz, *options, "--discount_fallback", "-T", f"{target.parent}/"]
            _run([*command, "--arpa", str(arpa)], lines, target.with_suffix(".log"))
            _run(
                [self.build_binary, *BUILDS[build], str(arpa), str(target)],
                iter(()),
                target.with_suffix(".log"),
            )
        finally:
            arpa.unlink(missing_ok=True)


def find_tools(folder: str | None) -> Tools:
    """The programs in `folder`, else on the path; WinnowError says how to get them."""
    names = ("lmplz", "build_binary")
    found = {name: shutil.which(name, path=folder or os.environ.get("PATH")) for name in names}
    missing = [name for name in names if not found[name]]
    if missing:
        place = f"in {folder}" if folder else "on the path"
        raise WinnowError(
            f"{' and '.join(missing)} not found {place}: build them with `make kenlm-tools` and name their "
            "folder with --kenlm-tools"
        )
    return Tools(str(found["lmplz"]), str(found["build_binary"]))


def _run(command: list[str], lines: Iterator[bytes], log: Path) -> None:
    name = Path(command[0]).name
    try:
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out)
            try:
                _feed(cast(BinaryIO, process.stdin), lines)
            finally:
                code = process.wait()
        said = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    except OSError as error:
        raise WinnowError(f"{name} could not be run: {error.strerror}") from error
    finally:
        log.unlink(missing_ok=True)
    if code:
        raise WinnowError(f"{name} failed: {_reason(code, said)}")


def _feed(stream: BinaryIO, lines: Iterator[bytes]) -> None:
    try:
        with stream:
            stream.writelines(lines)
    except BrokenPipeError:
        pass  # the program has stopped, and its exit status says so


def _reason(code: int, said: list[str]) -> str:
    text = "\n".join(said)
    if code == -9 or "bad_alloc" in text or "Cannot allocate memory" in text:
        return "out of memory; give it less with --memory, so that it works on disk, or train on fewer texts"
    if "No space left" in text:
        return "no space is left in the output folder, where its temporary files lie"
    return said[-1] if said else f"exit status {code}"
