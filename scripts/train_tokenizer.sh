#!/bin/sh
# Makes models/tokenizer.model from the bundled samples: curates them, then trains on all that was kept.
#   sh scripts/train_tokenizer.sh [PYTHON]
set -eu
python=${1:-.venv/bin/python}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$python" -m pipeline.run --output "$out" --phases prepare,lines,judge,duplicates,curate
"$python" -m tokenizer.train --input "$out"/curated/*/*.parquet --output models/tokenizer.model --vocab-size 32000
"$python" -m tokenizer.check models/tokenizer.model --texts "$out"/curated/*/*.parquet
