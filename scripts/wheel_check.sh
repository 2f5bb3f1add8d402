#!/bin/sh
# Installs the wheel in an empty environment and runs it on one file from another folder.
set -eu
PYTHON="${PYTHON:-python3}"
root=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$PYTHON" -m venv "$place/env"
"$place/env/bin/python" -m pip install --quiet --upgrade pip
"$root/.venv/bin/python" -m pip wheel --quiet --no-deps --wheel-dir "$place/dist" "$root"
"$place/env/bin/python" -m pip install --quiet --constraint "$root/constraints.txt" "$place"/dist/winnow-*.whl
input=$(ls "$root"/samples/commoncrawl/*.wet.gz | head -n 1)
cd "$place"
if "$place/env/bin/python" -m pipeline.run --output out 2>message; then
    echo "a wheel without samples should have said so" >&2
    exit 1
fi
grep -q "no samples" message
"$place/env/bin/python" -m pipeline.run --sources commoncrawl --input "commoncrawl=$input" --output out
test -f out/manifests/curate/commoncrawl.json
"$place/env/bin/winnow-worker" --help >/dev/null
echo "wheel: installed and run"
