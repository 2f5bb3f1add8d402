#!/bin/sh
# Makes .venv-gcp: what .venv holds, seen from there, and Google's clients, which would slow each start of .venv.
#   sh scripts/gcp_env.sh
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
"$python" -m venv --clear .venv-gcp
.venv-gcp/bin/python - "$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')" <<'BESIDE'
import sys
import sysconfig
from pathlib import Path

beside = Path(sysconfig.get_paths()["purelib"], "beside.pth")
beside.write_text(f"import site; site.addsitedir({str(Path(sys.argv[1]).resolve())!r})\n")
BESIDE
.venv-gcp/bin/python -m pip install --quiet --constraint constraints.txt "apache-beam[gcp]"
touch .venv-gcp/.installed
