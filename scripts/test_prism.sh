#!/bin/sh
# Runs the bundled samples (or what the arguments say) on this machine's runner and on Beam's Prism, which gets the
# pipelines through its job service, schedules them itself and shuffles what the local runner exchanges by files; then
# compares every file that the two wrote.
#
#   sh scripts/test_prism.sh [options of the main job]
#
# PYTHON names the interpreter (default .venv/bin/python), PRISM a built Prism; without it, it is compiled by `go` into
# .prism (some minutes).
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
prism=${PRISM:-.prism/prism}
version=$("$python" -c 'import apache_beam; print(apache_beam.__version__)')
if [ ! -x "$prism" ]; then
    command -v go >/dev/null 2>&1 || { echo "Prism is built with Go: install it (golang-go), or name a built Prism in PRISM" >&2; exit 1; }
    echo "Compiling Prism $version into .prism."
    GOBIN="$PWD/.prism" go install "github.com/apache/beam/sdks/v2/go/cmd/prism@v$version"
fi
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
place=$(mktemp -d)
"$prism" -job_port "$port" -serve_http=false -log_level error >"$place/prism.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$place"' EXIT
"$python" -m pipeline.run --output "$place/local" "$@"
"$python" -m pipeline.run --output "$place/prism" --runner PortableRunner --job_endpoint "localhost:$port" \
    --environment_type LOOPBACK "$@"
# work/ holds how the work was cut, manifests/ name the way of the exchange beside the digests of the files.
diff -r -q -x work -x manifests "$place/local" "$place/prism"
count=$(find "$place/local" -type f -not -path "$place/local/work/*" -not -path "$place/local/manifests/*" | wc -l)
echo "prism $version: all $count files are those of the local runner"
