#!/bin/sh
# Says in one sentence what this machine lacks before anything is installed.
set -eu
PYTHON="${PYTHON:-python3}"
say() { echo "winnow: $1" >&2; exit 1; }
command -v "$PYTHON" >/dev/null 2>&1 || say "no $PYTHON here; install Python 3.11 or 3.12 (or: make PYTHON=/path/to/python)"
"$PYTHON" -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 12)))' ||
    say "$PYTHON is $("$PYTHON" -V 2>&1); Winnow needs Python 3.11 or 3.12 (make PYTHON=/path/to/python)"
"$PYTHON" -c 'import venv, ensurepip' 2>/dev/null || say "Python's venv is missing; on Debian: apt-get install python3-venv"
command -v c++ >/dev/null 2>&1 || command -v g++ >/dev/null 2>&1 || command -v clang++ >/dev/null 2>&1 ||
    say "no C++ compiler, which fasttext and kenlm are built with; on Debian: apt-get install g++"
header=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
[ -f "$header/Python.h" ] || say "Python's header files are missing; on Debian: apt-get install python3-dev"
