#!/bin/sh
# Measures the server: its costs in answers of nginx, its memory, its latencies, against the targets that it has set itself
# (docs/performance.md). One run, interleaved, medians of five.
#
#   sh tests/bench/run.sh [--quick] [--full] [--document] [ROW...]     --help lists the rows
#
# AVOUCH_BUILD is the build directory (default: build-bench); it is made and built as a release is. Status 0 even where a target
# is missed: whoever shares a machine with others would never pass.
set -u
cd "$(dirname "$0")/../.." || exit 1
. contrib/packages.sh
build=${AVOUCH_BUILD:-build-bench}
python=/usr/bin/python3

mkdir -p "$build"
# shellcheck disable=SC2086 # a list of words
install_packages "$build/log.apt" $build_packages nginx-light wrk openssl || exit 1
[ -f "$build/build.ninja" ] || meson setup "$build" >"$build/log.setup" 2>&1 || { tail -n 15 "$build/log.setup"; exit 1; }
ninja -C "$build" src/app/avouch bench-tools >"$build/log.build" 2>&1 || { tail -n 15 "$build/log.build"; exit 1; }
exec "$python" -B tests/bench/bench.py --build "$build" "$@"
