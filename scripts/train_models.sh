#!/bin/sh
# Train the bundled English models again.
#
#   scripts/train_models.sh TOOLS WIKIPEDIA CRAWL C4
#
# TOOLS is the folder of lmplz and build_binary (scripts/kenlm_tools.sh); the others are patterns of files with
# English texts, such as out/curated/wikipedia/*.parquet, out/curated/commoncrawl/*.parquet (judged with
# perplexity off, since they give its cutoffs) and out/curated/c4/*.parquet. PYTHON names the interpreter (default python3).
set -eu

if [ $# -ne 4 ]; then
    echo "usage: $0 TOOLS WIKIPEDIA CRAWL C4" >&2
    exit 2
fi
tools=$1 wikipedia=$2 crawl=$3 c4=$4
python=${PYTHON:-python3}
about=$(mktemp)
trap 'rm -f "$about"' EXIT

cat >"$about" <<'END'
## Data, command, licence

Text: the English Wikipedia articles of the sample dumps, CC-BY-SA-3.0 and 4.0, by their authors (each article's
history names them); a model of their n-grams is under the same licence. Cutoffs: English pages of Common Crawl
and C4, used to take percentiles and not held in the model.

    scripts/train_models.sh TOOLS WIKIPEDIA CRAWL C4

Small, to run anywhere: it shows the mechanism. CCNet's published model of the same language was trained on the
openings of a million articles, or train one on a whole dump with `python -m pipeline.train lm`.
Its ROC AUC on pages that people labelled is in docs/quality.md.
END
"$python" -m pipeline.train lm --language en --pieces 16000 --prune 0 0 1 --kenlm-tools "$tools" \
    --input "$wikipedia" --cutoffs-from "$crawl" "$c4" --output models --about "$about"

cat >"$about" <<'END'
## Data, command, licence

Positives: the English Wikipedia articles of the sample dumps, CC-BY-SA-3.0 and 4.0, by their authors. Negatives:
texts of C4, ODC-By. The model holds words and weights of them, under CC-BY-SA-4.0.

    scripts/train_models.sh TOOLS WIKIPEDIA CRAWL C4

**It only shows the mechanism.** It was trained on some ninety articles, not on pages that Wikipedia cites, and
its threshold is off by default. RedPajama took 300,000 cited pages.
Its ROC AUC on pages that people labelled is in docs/quality.md, beside length alone.
END
"$python" -m pipeline.train classifier --min-chars 600 --chunk-chars 600 --min-count 3 --rate 0.5 \
    --positives "$wikipedia" --negatives "$c4" --output models --about "$about"
