"""Do what deploy/Dockerfile does without Docker: its own commands, stage by stage, in fresh environments.

    python scripts/check_image.py      # or: make check-image

Not done is what needs a container: Debian's packages (a compiler must be here) and Beam's `boot`. Then: the
libraries that are compiled hold no instruction that an x86-64 processor may lack, the worker starts, and the
main job runs one file from the installed wheel. Ends with an error where a command fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
# Folders of the image that stand below a folder of our own here.
PLACES = re.compile(r"(?<![\w.])/(src|wheels|tmp/constraints\.txt)\b")
# Registers of AVX and AVX-512: a processor of 2003 has none.
WIDE = re.compile(rb"%[yz]mm\d")

# A path of the caller's would show pip packages that the image does not have.
CLEAN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def instructions() -> list[tuple[str, str]]:
    """The file's instructions, their lines joined: (word, what follows)."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line.strip())]


def build(place: Path) -> Path:
    """Do every stage below `place`; returns the environment of the last one."""
    environment, env = dict(CLEAN), place
    for word, rest in instructions():
        if word == "FROM" and rest.startswith("python:"):
            env = place / f"env-{len(list(place.glob('env-*')))}"
            subprocess.run([sys.executable, "-m", "venv", str(env)], check=True)
            environment = {**CLEAN, "PATH": f"{env / 'bin'}{os.pathsep}{CLEAN['PATH']}"}
        elif word == "ENV":
            for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|(\S+))', rest):
                environment[name] = quoted or bare
        elif word == "COPY" and not rest.startswith("--from"):
            *sources, target = PLACES.sub(rf"{place}/\1", rest).split()
            for source in sources:
                copy(ROOT / source, Path(target), target.endswith("/") or len(sources) > 1)
        elif word == "RUN":
            command = PLACES.sub(rf"{place}/\1", rest)
            command = " && ".join(part for part in command.split(" && ") if "apt" not in part)
            if command:
                print(f"+ {command}", flush=True)
                subprocess.run(["sh", "-ec", command], env=environment, check=True)
    return env


def copy(source: Path, target: Path, into: bool) -> None:
    """Copy as COPY does: a file into a folder or to a name, a folder's content into a folder."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        (target if into else target.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def compiled_here(env: Path) -> list[Path]:
    """The libraries that the image's build compiles."""
    found = [path for path in env.rglob("*.so") if re.match(r"(fasttext_pybind|kenlm|libkenlm)", path.name)]
    assert len(found) == 3, found
    return found


def main() -> None:
    """Build, then look at what was built."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        env = build(place)
        for library in compiled_here(env):
            code = subprocess.run(["objdump", "-d", str(library)], capture_output=True, check=True).stdout
            assert code.count(b"\n") > 10_000 and not WIDE.search(code), f"{library.name} needs AVX"
            print(f"{library.name}: for any x86-64 processor")
        subprocess.run(
            [env / "bin" / "winnow-worker", "--help"], env=CLEAN, stdout=subprocess.DEVNULL, check=True
        )
        sample = next((ROOT / "samples" / "commoncrawl").glob("*.wet.gz"))
        job = ["-m", "pipeline.run", "--sources", "commoncrawl", "--input", f"commoncrawl={sample}"]
        subprocess.run([env / "bin" / "python", *job, "--output", "out"], cwd=place, env=CLEAN, check=True)
    print("the image's commands work")


if __name__ == "__main__":
    main()
