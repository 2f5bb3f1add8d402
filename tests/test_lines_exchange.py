"""No line survives that should not, none is lost that should stay, whatever corpus, batches and order."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from types import SimpleNamespace
from typing import NamedTuple, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.ccnet_text import normalize_for_dedup
from pipeline.dedup.exchange import Slot
from pipeline.dedup.rounds_documents import REMOVAL
from pipeline.dedup.rounds_lines import DuplicateLines
from pipeline.files import join, write_file
from pipeline.packed import PackedFile, pack, read_packed
from pipeline.phases.exchange_rounds import Party, bucket_job, list_job
from pipeline.phases.phase import Run
from pipeline.records import Document
from pipeline.schema import documents_table
from pipeline.transforms.judging import Judging
from pipeline.units import digest, run_unit


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of small files need not survive a power cut."""
    monkeypatch.setattr("pipeline.files.os.fsync", lambda handle: None)


class Page(NamedTuple):
    """A page, the place of its file, that file's crawl, and whether an earlier round took the page."""

    text: str
    file: int
    crawl: str
    lost: bool

    def all_lines(self) -> list[str]:
        """The lines that are not blank."""
        return [line for line in self.text.split("\n") if line.strip()]

    def lines(self) -> dict[str, str]:
        """The lines that are not blank, by the form in which they are compared; of repeats the first."""
        found: dict[str, str] = {}
        for line in self.all_lines():
            found.setdefault(normalize_for_dedup(line), line)
        return found


def left_by_definition(old: list[Page], new: list[Page], round_: DuplicateLines) -> list[list[str]]:
    """The lines that stay of each page of `new`; a page that is lost keeps all."""
    taken = {form for page in old if not page.lost for form in page.lines()}
    scopes = {"global": "", "snapshot": "{crawl}", "files": "{place}"}
    groups = [scopes[round_.scope].format(crawl=p.crawl, place=p.file // round_.files_in_group) for p in new]
    having: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, page in enumerate(new):
        for form in () if page.lost else page.lines():
            having[groups[number], form].append(number)
    owns = {
        (pages[0], form)
        for (_, form), pages in having.items()
        if form not in taken and (len(pages) == 1 or round_.keep == "first")
    }
    return [
        page.all_lines() if page.lost else [x for form, x in page.lines().items() if (number, form) in owns]
        for number, page in enumerate(new)
    ]


PAGE = st.tuples(
    st.lists(st.sampled_from(["a", "A ", "b", "c1", "C2", "d", "", " ", "►"]), min_size=1, max_size=5),
    st.sampled_from([False, False, False, True]),
)
FILES = st.lists(st.tuples(st.sampled_from(["x", "y"]), st.lists(PAGE, max_size=4)), max_size=4)


def pages_of(files: list[tuple[str, list[tuple[list[str], bool]]]]) -> list[Page]:
    """The pages of files, one after the other."""
    return [
        Page("\n".join(lines), place, crawl, lost)
        for place, (crawl, pages) in enumerate(files)
        for lines, lost in pages
    ]


def lay_out(out: str, pages: list[Page], size: int, round_: DuplicateLines) -> list[tuple[Slot, list[Page]]]:
    """Write what `prepare` and an earlier round leave of `pages`, at most `size` of them in a batch."""
    batches = [
        of_file[start : start + size]
        for _, group in itertools.groupby(pages, key=lambda page: page.file)
        for of_file in [list(group)]
        for start in range(0, len(of_file), size)
    ]
    slots = []
    for number, batch in enumerate(batches):
        documents = [Document(key=str(n), text=page.text) for n, page in enumerate(batch)]
        lost = np.zeros(sum(page.lost for page in batch), REMOVAL)
        lost["row"] = [row for row, page in enumerate(batch) if page.lost]
        packed = pack(round_.fingerprint(documents_table("web", "in", list(enumerate(documents)))))
        write_file(join(out, f"{number}.packed"), packed)
        write_file(join(out, f"{number}.list"), pack({"removals": lost}))
        group = round_.group(batch[0].crawl, batch[0].file)
        names = f"{number}.packed", digest(packed.hex()), len(batch), 0, ((f"{number}.list", ""),)
        slots.append((Slot(number, "web", f"{number:02d}", group, *names), batch))
    return slots


class Case(NamedTuple):
    """Files of an earlier and of a new run, pages a batch, and settings."""

    old: list[tuple[str, list[tuple[list[str], bool]]]]
    new: list[tuple[str, list[tuple[list[str], bool]]]]
    size: int
    scope: str
    keep: str
    entries: int


CASES = st.builds(
    Case,
    old=FILES,
    new=FILES,
    size=st.integers(1, 4),
    scope=st.sampled_from(["global", "snapshot", "files"]),
    keep=st.sampled_from(["none", "first"]),
    entries=st.sampled_from([0, 3 * 10**7]),  # of which follow 4 buckets, or 8
)


@settings(max_examples=60)
@given(CASES, st.randoms(use_true_random=False))
def test_what_is_left_is_what_the_definition_says(
    tmp_path_factory: pytest.TempPathFactory, case: Case, rng: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    out, earlier = str(folder / "out"), str(folder / "earlier")
    round_ = DuplicateLines.model_validate({"scope": case.scope, "keep": case.keep, "files_in_group": 2})
    old, new = pages_of(case.old), pages_of(case.new)
    batches = lay_out(out, new, case.size, round_)
    owners = [
        Slot(**{**slot.identity(), "number": number, "group": "", "out": earlier})
        for number, (slot, _) in enumerate(lay_out(earlier, old, case.size, round_), start=-99)
    ]
    slots = [slot for slot, _ in batches]
    rng.shuffle(slots)
    rng.shuffle(owners)
    party = Party("web", slots, round_, case.entries, owners)
    run = cast(Run, SimpleNamespace(out=out, engine=SimpleNamespace(workers=1)))
    for make_job in (bucket_job, list_job):
        job = make_job(run, "lines/duplicate_lines", 1, party)
        for unit in rng.sample(job.units, len(job.units)):
            run_unit(out, job.work, unit)
    left = []
    for slot, pages in batches:
        documents = [Document(key=str(n), text=page.text) for n, page in enumerate(pages)]
        batch = Judging(documents_table("web", "in", list(enumerate(documents))))
        for row, page in enumerate(pages):
            if page.lost:
                batch.lose(row, "duplicate_id", "")
        removals = read_packed(f"{out}/lists/lines/duplicate_lines/web/{slot.batch}.packed")["removals"]
        with PackedFile(join(out, slot.fingerprint)) as file:
            round_.apply(batch, removals, file)
        left += [[line for line in text.split("\n") if line.strip()] for text in batch.texts]
    assert left == left_by_definition(old, new, round_)
