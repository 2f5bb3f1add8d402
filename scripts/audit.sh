#!/bin/sh
# Known weaknesses of the pinned packages, from PyPI's advisories: `sh scripts/audit.sh`. Needs the network, so it
# is no part of the tests.
set -eu
cd "$(dirname "$0")/.."
command -v pip-audit >/dev/null || { echo "pip-audit is missing: pip install pip-audit" >&2; exit 2; }
# --strict: a package that could not be looked up is a failure, not "no known vulnerabilities".
exec pip-audit --strict --requirement constraints.txt --no-deps --disable-pip
