"""Whether a stage has become slower beside its native floor: `python -m benchmarks.check`, in CI.

    python -m benchmarks.check [--only STAGE ...] [--record]

Each stage of benchmarks/floors.py is timed against its floor on the bundled samples, the two in turn, by CPU
time: seconds say what else the machine does, the ratio of two things done at the same moment does not. The
exit status is 1 where the median ratio of a stage is more than 1.3 times the one in results/floors.json,
twice in a row. `--record` writes that file anew.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.floors import Pair, pairs

RECORDED = Path(__file__).parent / "results" / "floors.json"
WORSE = 1.3
TURNS = 7
TURN_SECONDS = 0.04  # shorter calls are repeated to fill it: they would measure the clock


def ratio(pair: Pair, turns: int = TURNS) -> float:
    """CPU time of a stage for its floor's 1, the median over turns; the first, untimed one warms up."""
    calls = (pair.stage, pair.floor)
    repeats = [max(1, round(TURN_SECONDS / max(_cpu_seconds(call, 1), 1e-6))) for call in calls]
    found = []
    for turn in range(turns):
        order = (0, 1) if turn % 2 else (1, 0)
        spent = {side: _cpu_seconds(calls[side], repeats[side]) / repeats[side] for side in order}
        found.append(spent[0] / spent[1])
    return statistics.median(found)


def _cpu_seconds(call: Callable[[], object], repeats: int) -> float:
    gc.collect()  # nobody pays for what the one before left behind
    start = time.process_time()
    for _ in range(repeats):
        call()
    return time.process_time() - start


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a line a stage, and say which have become slower."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.check", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", nargs="+", metavar="STAGE", help="these stages")
    parser.add_argument(
        "--record", action="store_true", help="take what is measured as the measure from now on"
    )
    chosen = parser.parse_args(arguments)
    recorded: dict[str, float] = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    slower = []
    measured = {}
    for name, make in pairs().items():
        if chosen.only and name not in chosen.only:
            continue
        with make() as pair:
            now = measured[name] = ratio(pair)
            before = recorded.get(name)
            if before is None and not chosen.record:
                print(f"{name}: {now:.2f} times its floor, and none is recorded")
                slower.append(name)
                continue
            if before is not None and not chosen.record and now > WORSE * before:
                now = measured[name] = min(now, ratio(pair))
                if now > WORSE * before:
                    slower.append(name)
        was = f", {before:.2f} when it was recorded" if before is not None else ""
        print(f"{name}: {now:.2f} times the CPU time of {pair.floor_name}{was}")
    if chosen.record:
        kept = recorded | {name: round(now, 3) for name, now in measured.items()}
        RECORDED.write_text(
            json.dumps({name: kept[name] for name in pairs() if name in kept}, indent=1) + "\n"
        )
    elif slower:
        print(
            f"slower than {WORSE} times what is recorded: {', '.join(slower)}. If that is meant, say why in "
            "the commit and record anew: python -m benchmarks.check --record --only STAGE",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
