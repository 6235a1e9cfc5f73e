#!/bin/sh
# Fuzzes what reads outside bytes, and measures how much of it the corpora reach.
#
#   sh tests/fuzz/run.sh [--seconds N] [--keep] [--missed] [TARGET...]
#
#   --seconds N   for each target; 5 is the default, two run at a time
#   --keep        what was found so far and reaches something new goes into tests/fuzz/corpus
#   --missed      names the lines that a target exists for and its corpus does not reach
#
# AVOUCH_FUZZ_BUILD is the build directory (default: build-fuzz), made and built here with clang. New inputs are kept in
# ${XDG_CACHE_HOME:-$HOME/.cache}/avouch/fuzz/TARGET and tried again the next time. A line a target, "ok TARGET" or
# "not ok TARGET - why"; the last one is "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${AVOUCH_FUZZ_BUILD:-build-fuzz}

prepare() {
    [ -f "$build/build.ninja" ] ||
        CC=clang meson setup "$build" -Dfuzzing=true -Db_sanitize=address,undefined -Db_lundef=false || return 1
    ninja -C "$build" -j2 fuzzers
}

log=$(mktemp) && trap 'rm -f "$log"' EXIT
prepare >"$log" 2>&1 || { tail -n 20 "$log"; echo "not ok build - $build cannot be built"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
python3 -B tests/fuzz/fuzz.py --build "$build" "$@"
