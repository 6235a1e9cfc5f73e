#!/bin/sh
# Races: many who redeem one code, sign-ins that get in each other's way, and the whole server under ThreadSanitizer.
#
#   sh tests/race/run.sh [--full] [--seed S] [--only NAME] [--keep]
#
# AVOUCH_BIN        the program (default build/src/app/avouch)
# AVOUCH_TSAN_BIN   the same built with -Db_sanitize=thread (default: build-tsan, made here)
# A line a test: "ok NAME", "not ok NAME - why", "ok NAME # SKIP why"; the last one is "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ -z "${AVOUCH_TSAN_BIN:-}" ]; then
    AVOUCH_TSAN_BIN=build-tsan/src/app/avouch
    { [ -f build-tsan/build.ninja ] || meson setup build-tsan -Db_sanitize=thread; } >/dev/null &&
        ninja -C build-tsan src/app/avouch >/dev/null || echo "# build-tsan cannot be built"
fi
export AVOUCH_TSAN_BIN
exec python3 -B tests/race/race.py "$@"
