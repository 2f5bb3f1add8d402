"""Checked-out repositories: licences found, files read, what is none of a repository's own passed over."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.license_text import is_license_file, license_of
from filters.spdx import declared_license
from pipeline.errors import WinnowError
from pipeline.files import open_file
from pipeline.inputs import InputFile, InputPattern, find_inputs, fingerprint_inputs
from pipeline.readers.checkouts import CheckoutReader
from pipeline.readers.github import GithubReader
from pipeline.records import DeadLetter, Document, Event, PassedOver
from pipeline.schema import document_id

TEXTS = {
    path.stem: path.read_text()
    for path in (Path(__file__).parent / "data" / "github" / "licenses").glob("*.txt")
}
MIT, APACHE, BSD = TEXTS["mit"], TEXTS["apache-2.0"], TEXTS["bsd-3-clause"]
COMMIT = "2ac89889f4cc330eabd50f295dcef02828522c69"
COMMONS = (
    '"Commons Clause" License Condition v1.0\n\nThe Software is provided to you by the Licensor under the'
    " License, as defined below, subject to the following condition: the License does not grant to you the"
    " right to Sell the Software.\n\n"
)
ADVERTISING = (
    "All advertising materials mentioning features or use of this software must display the following"
    " acknowledgement: This product includes software developed by the organization."
)
Files = Mapping[str, str | bytes]


def tar(files: Files, links: Mapping[str, str] | None = None) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return sink.getvalue()


def zipped(files: Files) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return sink.getvalue()


def read(data: bytes, name: str = "x.tar", **options: Any) -> list[Event]:
    reader = GithubReader(checkouts=CheckoutReader(**options))
    return list(reader.read(io.BytesIO(data), name))


def metadata(events: list[Event]) -> dict[str, dict[str, Any]]:
    return {e.metadata["path"]: e.metadata for e in events if isinstance(e, Document)}


def licenses(files: Files, **options: Any) -> dict[str, str | None]:
    found = metadata(read(tar(files), **options))
    return {path: values.get("license", values.get("license_name")) for path, values in found.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MIT, "MIT"),
        (MIT.replace("\n", "\r\n"), "MIT"),
        (APACHE, "Apache-2.0"),
        (TEXTS["apache-2.0-without-appendix"], "Apache-2.0"),
        (BSD, "BSD-3-Clause"),
        (BSD[: BSD.index("3.  Neither")] + BSD[BSD.index("THIS SOFTWARE") :], "BSD-2-Clause"),
        (BSD.replace("3.  Neither", f"3.  {ADVERTISING}\n\n4.  Neither"), "BSD-4-Clause"),
        (TEXTS["unlicense"], "Unlicense"),
        (TEXTS["mit-with-exception"], ""),
        (MIT + APACHE, ""),
        (COMMONS + APACHE, ""),
        (MIT.replace("Permission is", "For non-commercial use permission is"), ""),
        ("Copyright 2020 X. All rights reserved.", ""),
        ("This project is under the MIT license.", ""),
        ("YEAR: 2023\nCOPYRIGHT HOLDER: dplyr authors\n", None),
        ("BSD-3-Clause License\n====\n\n.. literalinclude:: ../LICENSE.txt\n", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_licence_of_a_text(text: str, expected: str | None) -> None:
    assert license_of(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("LICENSE", "a/LICENCE.md", "COPYING", "License.txt", "UNLICENSE")),
        *((name, True) for name in ("LICENSE-MIT", "MIT-LICENSE.txt", "COPYING.LESSER", "LICENSE.APACHE2")),
        *(
            (name, False)
            for name in ("license.py", "LICENSE/a.txt", "licensed.md", "src/copying.c", "README")
        ),
    ],
)
def test_licence_files_by_name(name: str, expected: bool) -> None:
    assert is_license_file(name) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("// SPDX-License-Identifier: MIT\nint a;", "MIT"),
        ("/* SPDX-License-Identifier: (GPL-2.0 OR MIT) */", "(GPL-2.0 OR MIT)"),
        ("<!-- SPDX-License-Identifier: MIT -->", "MIT"),
        ("#!/bin/sh\n# spdx-license-identifier: Apache-2.0\r\n", "Apache-2.0"),
        ("REM SPDX-License-Identifier: MIT\n", "MIT"),
        ("# SPDX-License-Identifier: MIT\n# SPDX-License-Identifier: ISC\n", "(ISC) AND (MIT)"),
        ("write('SPDX-License-Identifier: MIT')", ""),
        ("\n" * 4096 + "# SPDX-License-Identifier: MIT", ""),
        ("x = 1\n", ""),
    ],
)
def test_what_a_file_declares(text: str, expected: str) -> None:
    assert declared_license(text) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"r/a.py": "a", "r/LICENSE": MIT}, {"a.py": "MIT", "LICENSE": "MIT"}),
        ({"r/a.py": "a"}, {"a.py": None}),
        # All licence files of a folder hold; the nearest folder with one decides.
        (
            {"r/a.py": "a", "r/LICENSE-MIT": MIT, "r/LICENSE-APACHE": APACHE},
            {"a.py": "Apache-2.0 AND MIT"},
        ),
        (
            {"r/a.py": "a", "r/LICENSE": MIT, "r/v/x/b.py": "b", "r/v/LICENSE": BSD},
            {"a.py": "MIT", "v/x/b.py": "BSD-3-Clause"},
        ),
        ({"r/LICENSE": MIT, "r/v/b.py": "b", "r/v/LICENSE": "No rights."}, {"v/b.py": "not identified"}),
        ({"r/a.R": "a", "r/LICENSE": "YEAR: 2023\nHOLDER: x\n", "r/LICENSE.md": MIT}, {"a.R": "MIT"}),
        # A file's own header beats the repository's.
        ({"r/LICENSE": MIT, "r/a.c": "// SPDX-License-Identifier: GPL-2.0-only\n"}, {"a.c": "GPL-2.0-only"}),
        ({"r/a.c": "// SPDX-License-Identifier: MIT\n"}, {"a.c": "MIT"}),
        ({"r/LICENSE": MIT, "r/a.c": "// SPDX-License-Identifier: LicenseRef-x\n"}, {"a.c": "LicenseRef-x"}),
    ],
)  # fmt: skip
def test_the_licence_of_a_file(files: Files, expected: dict[str, str | None]) -> None:
    assert licenses(files).items() >= expected.items()


def test_where_a_licence_is_from_is_told() -> None:
    found = metadata(
        read(tar({"r/s/a.py": "a", "r/s/LICENSE-MIT": MIT, "r/b.c": "// SPDX-License-Identifier: MIT"}))
    )
    assert found["s/a.py"]["license_from"] == "s/LICENSE-MIT"
    assert found["b.c"]["license_from"] == "SPDX-License-Identifier"
    table = CheckoutReader(licenses={"r": "ISC"})
    (event,) = table.read(io.BytesIO(tar({"r/a.py": "a"})), "x")
    assert isinstance(event, Document)
    assert (event.metadata["license"], event.metadata["license_from"]) == ("ISC", "table")


@pytest.mark.parametrize(
    ("files", "name", "options", "expected"),
    [
        ({"flask-" + COMMIT + "/a.py": "a"}, "x.tar", {}, ("flask", "a.py", COMMIT)),
        ({"flask-" + COMMIT + "/a.py": "a"}, "x.tar", {"repositories": {"flask": "pallets/flask"}},
         ("pallets/flask", "a.py", COMMIT)),
        ({"flask-3.0/src/a.py": "a"}, "x.tar", {}, ("flask-3.0", "src/a.py", None)),
        ({"./flask/a.py": "a"}, "x.tar", {}, ("flask", "a.py", None)),
        ({"a.py": "a"}, "flask.tar.gz", {}, ("flask", "a.py", None)),
        ({"a.py": "a"}, "repos__flask", {"repositories": {"flask": "p/flask"}}, ("p/flask", "a.py", None)),
        ({"pallets/flask/a.py": "a"}, "x.tar", {"owners": True}, ("pallets/flask", "a.py", None)),
        ({"README": "of all", "flask/.git": "x", "flask/a.py": "a"}, "x", {}, ("flask", "a.py", None)),
        ({"README": "of one", ".git/HEAD": "", "sub/.git": "x", "a.py": "a"}, "x", {}, ("x", "a.py", None)),
    ],
)  # fmt: skip
def test_repositories_by_folder_archive_or_config(
    files: Files, name: str, options: dict[str, Any], expected: tuple[str, str, str | None]
) -> None:
    events = read(tar(files), name, **options)
    found = [e.metadata for e in events if isinstance(e, Document)]
    assert expected in [(m["repository"], m["path"], m.get("ref")) for m in found]


def test_a_file_read_from_rows_and_from_a_checkout_is_one_document_with_one_address() -> None:
    row = b'{"repo_name": "a/b", "path": "x y.py", "content": "x = 1", "ref": "%s"}\n' % COMMIT.encode()
    (by_row,) = GithubReader().read(io.BytesIO(row), "x")
    (by_tar,) = read(tar({f"b-{COMMIT}/x y.py": "x = 1"}), repositories={"b": "a/b"})
    assert isinstance(by_row, Document)
    assert isinstance(by_tar, Document)
    assert document_id("github", by_row.key) == document_id("github", by_tar.key)
    assert by_row.url == by_tar.url == f"https://github.com/a/b/blob/{COMMIT}/x%20y.py"


def test_what_is_not_the_repositorys_own_text_is_passed_over_by_kind() -> None:
    files: dict[str, str | bytes] = {
        "r/a.py": "a",
        "r/.git/HEAD": "ref",
        "r/b.bin": b"a\0b",
        "r/latin.c": "é".encode("latin-1"),
        "r/sub/.git": "gitdir: ../.git/modules/sub",
        "r/sub/deep/b.py": "b",
        "r/clone/.git/HEAD": "ref",
        "r/clone/c.py": "c",
    }
    events = read(tar(files, {"r/link.py": "a.py"}))
    kinds = Counter(event.kind for event in events if isinstance(event, PassedOver))
    assert kinds == {"git's own": 3, "binary": 1, "not UTF-8": 1, "submodule": 2, "link": 1}
    assert list(metadata(events)) == ["a.py"]


def test_links_in_zip_archives_are_passed_over() -> None:
    link = zipfile.ZipInfo("r/link.py")
    link.external_attr = 0o120777 << 16
    sink = io.BytesIO(zipped({"r/a.py": "a"}))
    with zipfile.ZipFile(sink, "a") as archive:
        archive.writestr(link, "a.py")
    document, passed = read(sink.getvalue())
    assert isinstance(document, Document)
    assert passed == PassedOver("link")


@pytest.mark.parametrize("store", [bytes, gzip.compress, zstandard.compress])
def test_every_stored_form_gives_the_same(store: Any) -> None:
    files: Files = {"r/a.py": "a", "r/LICENSE": MIT}
    assert read(store(tar(files))) == read(tar(files))
    assert metadata(read(zipped(files))) == metadata(read(tar(files)))


def test_a_large_file_and_a_name_that_leads_out_are_dead_letters() -> None:
    large, out, good = read(tar({"r/a.py": "a" * 11, "../r/b.py": "b", "r/c.py": "c"}), max_document_bytes=10)
    assert isinstance(large, DeadLetter)
    assert large.error == "the member has 11 bytes, more than 10"
    assert isinstance(out, DeadLetter)
    assert out.error == "the member's name leads out of the archive"
    assert isinstance(good, Document)


def test_an_archive_that_breaks_off_gives_what_was_readable_and_one_dead_letter() -> None:
    whole = tar({"r/LICENSE": MIT, "r/a.py": "a" * 3000, "r/b.py": "b" * 3000})
    events = read(whole[: whole.index(b"b" * 600) + 100])
    assert [type(event) for event in events] == [Document, Document, DeadLetter]
    assert metadata(events)["a.py"]["license"] == "MIT"
    packed = gzip.compress(whole)
    *_, broken = read(packed[: len(packed) // 2])
    assert isinstance(broken, DeadLetter)
    assert broken.error == "the tar archive breaks off: the file ends inside a gzip member"


def test_an_empty_archive_and_an_empty_folder_have_nothing(tmp_path: Path) -> None:
    assert read(tar({})) == read(gzip.compress(tar({}))) == read(zipped({})) == []
    with open_file(str(tmp_path)) as stream:
        assert list(GithubReader().read(stream, "x")) == []


def test_an_archive_that_expands_beyond_any_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.readers.archives.RATIO_FROM", 1 << 20)
    events = read(gzip.compress(tar({"r/a.py": "a", "r/bomb.py": "b" * (4 << 20)})))
    assert isinstance(events[-1], DeadLetter)
    assert "expands more than" in events[-1].error


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 3500))
def test_damage_anywhere_never_raises(noise: bytes, at: int) -> None:
    whole = tar({"r/b.bin": b"\0", "r/a.py": "a"})
    for event in read(whole[:at] + noise + whole[at + len(noise) :]):
        assert isinstance(event, Document | PassedOver | DeadLetter)


def inputs(pattern: Path | str, folders: bool = True) -> list[InputFile]:
    return find_inputs("github", [InputPattern(pattern=str(pattern))], folders=folders)


def checkout(folder: Path) -> Path:
    repository = folder / "flask"
    (repository / "src").mkdir(parents=True)
    (repository / ".git" / "objects").mkdir(parents=True)
    (repository / ".git" / "HEAD").write_text("ref")
    (repository / ".git" / "objects" / "pack").write_text("x" * 5000)
    (repository / "LICENSE").write_text(MIT)
    (repository / "src" / ("long" * 30 + ".py")).write_text("a = 1\n")
    (repository / "src" / "link.py").symlink_to("gone.py")
    return repository


def test_a_folder_is_one_input_and_reads_as_its_tar(tmp_path: Path) -> None:
    repository = checkout(tmp_path)
    (found,) = inputs(tmp_path / "*")
    assert (found.name, found.path) == ("flask", str(repository))
    assert found.size == sum(len(x) for x in ("ref", MIT, "a = 1\n", "gone.py"))
    with open_file(found.path) as stream:
        events = list(GithubReader().read(stream, found.name))
    assert {path: m["license"] for path, m in metadata(events).items()} == {
        "LICENSE": "MIT",
        "src/" + "long" * 30 + ".py": "MIT",
    }
    assert Counter(e.kind for e in events if isinstance(e, PassedOver)) == {"git's own": 1, "link": 1}


def test_the_fingerprint_of_a_folder_is_of_its_names_and_contents(tmp_path: Path) -> None:
    repository = checkout(tmp_path)
    memory = str(tmp_path / "memory.json")

    def fingerprint() -> str:
        return fingerprint_inputs(inputs(repository), memory, False)[0].fingerprint

    first = fingerprint()
    (repository / ".git" / "objects" / "pack").write_text("another")
    (repository / "LICENSE").write_text(MIT)
    assert fingerprint() == first
    (repository / "src" / "b.py").write_text("")
    second = fingerprint()
    assert second != first
    (repository / "src" / "b.py").rename(repository / "src" / "c.py")
    assert fingerprint() not in (first, second)


def test_patterns_of_folders(tmp_path: Path) -> None:
    for name in ("a", "a-b"):
        (tmp_path / name / "s").mkdir(parents=True)
        (tmp_path / name / "s" / "x.py").write_text("x")
    (tmp_path / "a.tar").write_bytes(tar({"r/a.py": "a"}))

    def names(pattern: str) -> list[str]:
        return [file.name for file in inputs(f"{tmp_path}/{pattern}")]

    assert names("*") == names("**") == ["a", "a-b", "a.tar"]
    assert names("a/") == ["a"]
    assert names("*.tar") == ["a.tar"]
    with pytest.raises(WinnowError, match="no file matches"):
        names("none*")
    with pytest.raises(WinnowError, match="no file matches"):
        inputs(tmp_path / "a", folders=False)
