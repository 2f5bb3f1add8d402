"""Runs a command for so many seconds at most: `within.py SECONDS COMMAND...`; exit status 124 where it took
longer. What `timeout` does, which not every system has."""

from __future__ import annotations

import subprocess
import sys

if __name__ == "__main__":
    try:
        sys.exit(subprocess.run(sys.argv[2:], timeout=float(sys.argv[1]), check=False).returncode)
    except subprocess.TimeoutExpired:
        print(f"stopped after {sys.argv[1]} seconds", file=sys.stderr)
        sys.exit(124)
