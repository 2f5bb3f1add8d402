#!/bin/sh
# Makes the bundled language model and classifier again, from the bundled samples alone: curates them
# (scripts/bundled_models.yaml), then trains. The same samples give the same bytes, in any folder.
#   sh scripts/train_models.sh [PYTHON [OUTPUT]]
# KENLM_TOOLS names the folder of lmplz and build_binary (default .kenlm, where `make kenlm-tools` puts them).
set -eu
cd "$(dirname "$0")/.."
python=${1:-.venv/bin/python} models=${2:-models} tools=${KENLM_TOOLS:-.kenlm}
if [ ! -x "$tools/lmplz" ]; then
    echo "lmplz is not in $tools: run make kenlm-tools first, or name its folder in KENLM_TOOLS" >&2
    exit 1
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$python" -m pipeline.run --config scripts/bundled_models.yaml --output "$out" \
    --phases prepare,lines,judge,duplicates,curate
curated=$out/curated

cat >"$out/about.md" <<'END'
## Data, command, licence

Text: the English Wikipedia articles of the bundled samples (`samples/wikipedia`, `samples/training`), CC-BY-SA-3.0 and
4.0, by their authors (each article's history names them); a model of their n-grams is under the same licence.
Cutoffs: English pages of Common Crawl and texts of C4 among the samples, used to take percentiles and not held in the
model. None of the pages that people labelled, on which the model is judged, is among either.

    make kenlm-tools
    sh scripts/train_models.sh

Small, to run anywhere: it shows the mechanism. CCNet's published model of the same language was trained on the
openings of a million articles; docs/models.md trains one on a dump of any language.
Its ROC AUC on pages that people labelled is in docs/quality.md.
END
"$python" -m pipeline.train lm --language en --pieces 16000 --prune 0 0 1 --kenlm-tools "$tools" \
    --input "$curated/wikipedia/*.parquet" --cutoffs-from "$curated/commoncrawl/*.parquet" "$curated/c4/*.parquet" \
    --output "$models" --about "$out/about.md"

"$python" -m pipeline.train references --output "$out/references.jsonl.gz" \
    --input "samples/wikipedia/*.xml.bz2" "samples/training/*.xml.bz2"
cat >"$out/about.md" <<'END'
## Data, command, licence

Positives: pages of the sample crawl on hosts that the articles of the sample dumps cite (no page of the crawl is cited
itself), and the English articles of those dumps, CC-BY-SA-3.0 and 4.0, by their authors. Negatives: the other pages,
and texts of C4, ODC-By. The crawl's pages are their publishers'; the model holds no text, only words and their weights,
and is under CC-BY-SA-4.0.

    make kenlm-tools
    sh scripts/train_models.sh

**It only shows the mechanism.** Most of its positives are articles and not pages that Wikipedia cites, and the others
are known by their host alone; its threshold is off by default. RedPajama took 300,000 cited pages. None of the pages
that people labelled, on which it is judged in docs/quality.md beside length alone, was trained on.
END
"$python" -m pipeline.train classifier --language en --min-chars 600 --chunk-chars 600 --min-count 3 --rate 0.5 \
    --pages "$curated/commoncrawl/*.parquet" "$curated/c4/*.parquet" --references "$out/references.jsonl.gz" \
    --match host --positives "$curated/wikipedia/*.parquet" --output "$models" --about "$out/about.md"
