#!/bin/sh
# Build KenLM's `lmplz` and `build_binary` from its source distribution into a folder.
#
#   scripts/kenlm_tools.sh DIR
#
# The Python package `kenlm` only queries models; training one needs these two programs. PYTHON names the
# interpreter whose pip fetches the sources (default python3), JOBS the compilers run at once (default 2).
set -eu

if [ $# -ne 1 ]; then
    echo "usage: $0 DIR (where lmplz and build_binary go)" >&2
    exit 2
fi
target=$1
python=${PYTHON:-python3}
version=${KENLM_VERSION:-0.3.0} # the version in constraints.txt, so that queries and models agree

if [ -x "$target/lmplz" ] && [ -x "$target/build_binary" ]; then
    echo "KenLM's tools are already in $target."
    exit 0
fi

# Each thing that must be there, with the Debian package that brings it.
missing=
need() { missing="$missing $1"; }
has_header() { echo "#include <$1>" | c++ -E -x c++ - >/dev/null 2>&1; }
command -v cmake >/dev/null 2>&1 || need cmake
command -v make >/dev/null 2>&1 || need make
if command -v c++ >/dev/null 2>&1; then
    has_header boost/program_options.hpp || need libboost-program-options-dev
    has_header boost/system/error_code.hpp || need libboost-system-dev
    has_header boost/thread.hpp || need libboost-thread-dev
    has_header boost/test/unit_test.hpp || need libboost-test-dev
    has_header zlib.h || need zlib1g-dev
    has_header bzlib.h || need libbz2-dev
    has_header lzma.h || need liblzma-dev
else
    need g++
fi
if [ -n "$missing" ]; then
    echo "KenLM's tools need packages that this system lacks; install them with: sudo apt-get install$missing" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log
fail() {
    tail -n 20 "$log" >&2
    echo "$1" >&2
    exit 1
}

echo "Fetching the sources of kenlm $version."
"$python" -m pip download --quiet --no-deps --no-binary kenlm --dest "$work" "kenlm==$version" >"$log" 2>&1 ||
    fail "pip could not fetch the sources of kenlm $version; the last lines it printed are above."
tar -xzf "$work/kenlm-$version.tar.gz" -C "$work"

echo "Compiling lmplz and build_binary (about two minutes on two cores)."
cmake -S "$work/kenlm-$version" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF \
    -DCMAKE_POLICY_VERSION_MINIMUM=3.5 >"$log" 2>&1 ||
    fail "cmake could not set up KenLM; the last lines it printed are above."
cmake --build "$work/build" --parallel "${JOBS:-2}" --target lmplz build_binary >"$log" 2>&1 ||
    fail "KenLM did not compile; the last lines of the compiler are above."

mkdir -p "$target"
for tool in lmplz build_binary; do
    cp "$work/build/bin/$tool" "$target/$tool.part"
    mv "$target/$tool.part" "$target/$tool"
done
echo "KenLM's tools are in $target."
