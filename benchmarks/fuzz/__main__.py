"""Feeds each reader mutated real files and hostile ones: `python -m benchmarks.fuzz --files 2000 --seed 0`.

A file is read by a helper process with a limit of time and of memory, so that a crash or a hang is caught
and its number printed; `--only READER NUMBER` reads that one alone, and shows what happens.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.fuzz.helper import fuzz, read_one, samples_of_all
from benchmarks.fuzz.readers import SAMPLES_OF


def main() -> int:
    """Fuzz and report; returns the exit status: 0 where every promise was kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reader", choices=sorted(SAMPLES_OF), action="append", help="default: all")
    parser.add_argument("--files", type=int, default=2000, help="mutated files for each reader")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs=2, metavar=("READER", "NUMBER"), help="one file, in this process")
    options = parser.parse_args()
    if options.only:
        print(read_one(samples_of_all(), (options.only[0], options.seed, int(options.only[1]))))
        return 0
    faults: list[str] = []
    for reader in options.reader or SAMPLES_OF:
        line = fuzz(reader, options.seed, options.files, options.first)
        print(
            f"{reader:17} {line.files:6} files {line.dead:7} dead letters {len(line.faults):4} faults, "
            f"slowest {line.slowest:6.2f} s ({line.slowest_file}), peak {line.peak / (1 << 20):5.0f} MB",
            flush=True,
        )
        print("\n".join(line.faults[:40]), end="\n" if line.faults else "", flush=True)
        faults += line.faults
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
