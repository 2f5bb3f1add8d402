#!/bin/sh
# Fetches what `make test-engines` runs the samples on, into .engines: Beam's Prism, built with Go, and its job servers
# for Spark 3 and Flink, all of the installed Beam's version. What cannot be had here is said in a line and left out.
#
#   sh scripts/engines.sh [FLINK_VERSION]
#
# PYTHON names the interpreter (default .venv/bin/python).
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
flink=${1:-$("$python" -c 'from apache_beam.options.pipeline_options import FlinkRunnerOptions as F; print(F.PUBLISHED_FLINK_VERSIONS[-1])' 2>/dev/null)}
version=$("$python" -c 'from importlib.metadata import version; print(version("apache-beam"))')
place=$PWD/.engines
mkdir -p "$place"

if [ -x "$place/prism" ]; then
    echo "Prism $version is in .engines."
elif ! command -v go >/dev/null 2>&1; then
    echo "Prism is left out: it is built with Go (golang-go), which is not here."
elif GOBIN="$place" go install "github.com/apache/beam/sdks/v2/go/cmd/prism@v$version" 2>"$place/prism.log"; then
    echo "Prism $version is built into .engines."
else
    echo "Prism is left out: $(tail -n 1 "$place/prism.log")"
fi

command -v java >/dev/null 2>&1 || echo "Job servers need Java (default-jre-headless), which is not here."
fetch() { # artifact, Gradle target
    jar="$place/$1-$version.jar"
    if [ -f "$jar" ]; then
        echo "$1 $version is in .engines."
        return
    fi
    if command -v mvn >/dev/null 2>&1; then
        mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dmdep.useBaseVersion=true \
            -Dartifact="org.apache.beam:$1:$version" -DoutputDirectory="$place" >"$place/$1.log" 2>&1 || true
    else # as Beam itself would when a job is sent
        "$python" -c 'import sys; from apache_beam.utils.subprocess_server import JavaJarServer as jar
print(jar.local_jar(jar.path_to_beam_jar(sys.argv[1]), sys.argv[2]))' "$2" "$place" >"$place/$1.log" 2>&1 || true
    fi
    if [ -f "$jar" ]; then
        echo "$1 $version is fetched into .engines."
    else
        echo "$1 $version is left out: the registry does not serve it (.engines/$1.log)."
    fi
}
fetch beam-runners-spark-3-job-server :runners:spark:3:job-server:shadowJar
fetch "beam-runners-flink-$flink-job-server" ":runners:flink:$flink:job-server:shadowJar"
