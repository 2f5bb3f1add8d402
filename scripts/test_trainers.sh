#!/bin/sh
# Have the trainers' own packages read what a small run writes, token for token, and run the project's tests
# that need PyTorch.
#
#   scripts/test_trainers.sh [--where-it-installs] [ours] [megatron] [olmo] [datatrove] [litdata] [litgpt]
#                            [streaming]
#
# Each trainer gets an environment of its own below .venv-trainers, from the pins in tests/trainers/pins; they
# share one PyTorch, and `ours` is the project's environment with that PyTorch (5 GB on disk together). PYTHON
# makes the environments (default python3), PROJECT_PYTHON runs the project (default .venv/bin/python).
# TRAINERS_SECONDS bounds all installing (default 1500).
# A trainer whose packages cannot be installed here, or not in that time, is told and left out; one that reads
# wrongly fails. None at all fails too, but with --where-it-installs, which is for CI.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
project=${PROJECT_PYTHON:-$root/.venv/bin/python}
place=$root/.venv-trainers
tests=$root/tests/trainers
none_status=1
if [ "${1:-}" = --where-it-installs ]; then
    none_status=0
    shift
fi
trainers=${*:-ours megatron olmo datatrove litdata litgpt streaming}
end=$(($(date +%s) + ${TRAINERS_SECONDS:-1500}))

# Install once: a stamp holds the pins that an environment was made from.
installed() { cmp -s "$tests/pins/$1.txt" "$place/$1/.pins"; }
make_environment() {
    echo "Installing $1."
    left=$((end - $(date +%s)))
    rm -rf "${place:?}/$1"
    # The pins are complete for what reading takes; trainers, and PyTorch, ask for gigabytes more.
    if [ "$left" -gt 0 ] && "$python" -m venv "$place/$1" && "$python" "$tests/within.py" "$left" \
        "$place/$1/bin/python" -m pip install --quiet --no-deps --requirement "$tests/pins/$1.txt"; then
        cp "$tests/pins/$1.txt" "$place/$1/.pins"
        return 0
    fi
    rm -rf "${place:?}/$1" # half of PyTorch is gigabytes too
    return 1
}
packages() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
# Run pytest in tests/trainers: run_readers PYTHON ARGUMENT...
run_readers() {
    runner=$1
    shift
    (cd "$tests" && PYTHONPATH= HF_HUB_OFFLINE=1 WINNOW_TRAINER_RUN="$run" "$runner" -m pytest -q -W ignore \
        -p no:cacheprovider --rootdir=. --confcutdir=. "$@")
}
# The project's own tests of PyTorch: it is looked for last, so that it shadows nothing of the project's.
run_ours() {
    (cd "$root" && "$project" -c 'import sys; sys.path.append(sys.argv.pop(1)); import pytest, torch
sys.exit(pytest.main(sys.argv[1:]))' "$(packages "$place/torch")" -q tests/test_torch_rows.py tests/test_train_tiny.py)
}

for trainer in $trainers; do
    if [ "$trainer" != ours ] && [ ! -f "$tests/read_$trainer.py" ]; then
        echo "$0: no trainer is called $trainer" >&2
        exit 2
    fi
done
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
echo "Writing a small run."
PYTHONPATH="$root:$tests/.." "$project" "$tests/make_run.py" "$run"

tested= failed= missing=
installed torch || make_environment torch || { missing=" PyTorch, so none" && trainers=; }
for trainer in $trainers; do
    if [ "$trainer" = ours ]; then
        echo "ours:"
        if run_ours; then tested="$tested ours"; else failed="$failed ours"; fi
        continue
    fi
    installed "$trainer" || make_environment "$trainer" || { missing="$missing $trainer"; continue; }
    packages "$place/torch" >"$(packages "$place/$trainer")/torch.pth" # each time: the folder may have moved
    echo "$trainer:"
    if run_readers "$place/$trainer/bin/python" "read_$trainer.py"; then
        tested="$tested $trainer"
    else
        failed="$failed $trainer"
    fi
done
echo "trainers: read by${tested:- none}${missing:+; could not be installed here:$missing}${failed:+; failed:$failed}"
[ -z "$failed" ] || exit 1
[ -n "$tested" ] || exit "$none_status"
