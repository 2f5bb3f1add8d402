"""What is shown while a run works, read from receipts."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

from rich.console import Console

from pipeline.files import join, write_file
from pipeline.progress import Progress, view
from pipeline.tally import Count, Snapshot, Tally, fields_of, memory_in_use
from pipeline.units import Receipt, Unit, receipts_folder


def finish(out: Path, unit: Unit, facts: dict[str, object]) -> None:
    path = join(str(out), receipts_folder(unit.room, unit.source), f"{unit.name}.json")
    write_file(path, Receipt(unit.name, unit.key, [], facts).to_json())


def units(room: str, *names: str) -> list[Unit]:
    return [Unit(room, name.split("-")[0], name, "key", size=100) for name in names]


def test_a_tally_counts_what_receipts_say(tmp_path: Path) -> None:
    pending = units("judge", "web-1", "web-2", "books-1")
    tally = Tally(str(tmp_path), pending)
    assert tally.look().total == Count(units=3)
    assert tally.look().left is None
    finish(tmp_path, pending[0], {"rows": 10, "kept": 4})
    snapshot = tally.look()
    assert snapshot.sources["web"] == Count(2, 1, 100, 10, 4, 6)
    assert snapshot.left is not None
    assert snapshot.left > 0
    finish(tmp_path, pending[2], {"rows": 5, "kept": 5})
    assert tally.look().total == Count(3, 2, 200, 15, 9, 6)
    assert tally.look().total == Count(3, 2, 200, 15, 9, 6)  # a receipt counts once


def test_every_kind_of_receipt_is_understood() -> None:
    count = Count()
    count.add(1, {"batches": [{"rows": 3}, {"rows": 4}], "records": 9})
    count.add(1, {"curated": 2, "dropped": 5})
    count.add(1, {"tokens": 7})
    assert count == Count(0, 3, 3, 14, 2, 5)


def test_a_receipt_of_another_room_or_unit_does_not_count(tmp_path: Path) -> None:
    pending = units("judge", "web-1")
    finish(tmp_path, units("curate", "web-1")[0], {"curated": 1, "dropped": 0})
    finish(tmp_path, units("judge", "web-9")[0], {"rows": 1, "kept": 1})
    assert Tally(str(tmp_path), pending).look().total.done == 0


def test_log_lines_are_pairs_for_machines(tmp_path: Path) -> None:
    stream = io.StringIO()
    pending = units("judge", "web-1", "web-2")
    with Progress(Console(file=stream), every=0.05).room("judge", str(tmp_path), pending, 7):
        finish(tmp_path, pending[0], {"rows": 10, "kept": 4})
        time.sleep(0.3)
    last = stream.getvalue().strip().split("\n")[-1]
    pairs = dict(pair.split("=") for pair in last.split(" "))
    assert pairs["phase"] == "judge"
    assert (pairs["units"], pairs["documents"], pairs["kept"], pairs["dropped"]) == ("1/2", "10", "4", "6")
    assert pairs["done_before"] == "7"
    assert int(pairs["memory_mb"]) == 0 or int(pairs["memory_mb"]) > 10
    assert float(pairs["seconds_left"]) >= 0


def test_the_live_view_has_a_row_a_source() -> None:
    stream = io.StringIO()
    snapshot = Snapshot(
        {"web": Count(4, 1, 10_000_000, 500, 300, 200), "books": Count(2)}, 10.0, 3700.0, 10**8
    )
    Console(file=stream, width=120).print(view("judge", 3, snapshot))
    shown = stream.getvalue()
    assert "judge: 1 of 6 units, 3 done before; 0:10, about 1:01:40 left; memory 100.0 MB" in shown
    assert re.search(r"web +\S+ +1/4 +500 +50 +1\.0 MB +300 +200", shown)
    assert re.search(r"books +\S* +0/2", shown)


def test_on_a_terminal_the_view_is_live_and_leaves_nothing(tmp_path: Path) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    with Progress(console).room("judge", str(tmp_path), units("judge", "web-1"), 0):
        time.sleep(0.8)
    assert "0 of 1 units" in stream.getvalue()


def test_pairs_say_when_there_is_no_estimate() -> None:
    assert "seconds_left=unknown" in fields_of("judge", Snapshot({}, 1.0, None, 0))


def test_memory_in_use_counts_this_process() -> None:
    assert memory_in_use() > 10_000_000
