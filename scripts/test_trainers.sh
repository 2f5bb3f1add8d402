#!/bin/sh
# Have the trainers' own packages read what a small run writes, token for token.
#
#   scripts/test_trainers.sh [megatron] [olmo] [datatrove] [litdata] [litgpt] [streaming]
#
# Each trainer gets an environment of its own below .venv-trainers, from the pins in tests/trainers/pins; they
# share one PyTorch (some 5 GB on disk). PYTHON makes the environments (default python3), PROJECT_PYTHON runs
# the project (default .venv/bin/python). A trainer whose packages cannot be installed here is told and left
# out; one that reads wrongly, or none at all, fails.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
project=${PROJECT_PYTHON:-$root/.venv/bin/python}
place=$root/.venv-trainers
tests=$root/tests/trainers
trainers=${*:-megatron olmo datatrove litdata litgpt streaming}

# Install once: a stamp holds the pins that an environment was made from.
installed() { cmp -s "$tests/pins/$1.txt" "$place/$1/.pins"; }
make_environment() {
    rm -rf "${place:?}/$1"
    "$python" -m venv "$place/$1" || return 1
    if [ "$1" = torch ]; then
        "$place/$1/bin/python" -m pip install --quiet --requirement "$tests/pins/$1.txt" || return 1
    else
        # The pins are complete but for PyTorch and what it needs; trainers ask for much more than reading takes.
        "$place/$1/bin/python" -m pip install --quiet --no-deps --requirement "$tests/pins/$1.txt" || return 1
    fi
    cp "$tests/pins/$1.txt" "$place/$1/.pins"
}
packages() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
echo "Writing a small run."
PYTHONPATH="$root:$tests/.." "$project" "$tests/make_run.py" "$run"

if ! installed torch; then
    echo "Installing PyTorch."
    make_environment torch || { echo "trainers: PyTorch cannot be installed here, so none was tested" >&2; exit 1; }
fi
tested= failed= missing=
for trainer in $trainers; do
    if [ ! -f "$tests/pins/$trainer.txt" ]; then
        echo "$0: no trainer is called $trainer" >&2
        exit 2
    fi
    if ! installed "$trainer"; then
        echo "Installing $trainer."
        make_environment "$trainer" || { missing="$missing $trainer"; continue; }
    fi
    packages "$place/torch" >"$(packages "$place/$trainer")/torch.pth" # each time: the folder may have moved
    echo "$trainer:"
    if (cd "$tests" && PYTHONPATH= HF_HUB_OFFLINE=1 WINNOW_TRAINER_RUN="$run" "$place/$trainer/bin/python" -m pytest \
        -q -W ignore -p no:cacheprovider --rootdir=. --confcutdir=. "read_$trainer.py"); then
        tested="$tested $trainer"
    else
        failed="$failed $trainer"
    fi
done
echo "trainers: read by${tested:- none}${missing:+; not installed here:$missing}${failed:+; failed:$failed}"
[ -z "$failed" ] && [ -n "$tested" ]
