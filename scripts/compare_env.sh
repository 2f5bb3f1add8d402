#!/bin/sh
# Make the environment that `python -m benchmarks.run --compare` measures datatrove in: .venv-compare, from the
# pins beside this script, which conflict with ours. PYTHON makes it (default python3). Repeated, it does nothing
# while the pins are the same.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
pins=$root/scripts/compare_pins.txt
place=$root/.venv-compare
if cmp -s "$pins" "$place/.pins"; then
    exit 0
fi
rm -rf "$place"
"${PYTHON:-python3}" -m venv "$place"
"$place/bin/python" -m pip install --quiet --no-deps --requirement "$pins"
"$place/bin/python" -c "import datatrove, spacy, fasttext, tokenizers"
cp "$pins" "$place/.pins"
echo "datatrove $("$place/bin/python" -m pip show datatrove | sed -n 's/^Version: //p') is in .venv-compare"
