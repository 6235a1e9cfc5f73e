#!/bin/sh
# Kills the real server and troubles its disk, clock and tailscaled, and asks whether all that clients were told is true.
#
#   sh tests/crash/run.sh [--cycles N] [--seed S] [--full] [--only NAME] [--keep]
#   sh tests/crash/run.sh --seed S --cycles 1      one seed again
#
# AVOUCH_BIN          the program (default build/src/app/avouch)
# AVOUCH_FAULTS_BIN   the same built with -Dfaults=true (default: build-faults, made here)
# A line a test: "ok NAME", "not ok NAME - why", "ok NAME # SKIP why"; the last one is "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ -z "${AVOUCH_FAULTS_BIN:-}" ]; then
    AVOUCH_FAULTS_BIN=build-faults/src/app/avouch
    { [ -f build-faults/build.ninja ] || meson setup build-faults -Dfaults=true; } >/dev/null &&
        ninja -C build-faults src/app/avouch >/dev/null || echo "# build-faults cannot be built"
fi
export AVOUCH_FAULTS_BIN
exec python3 -B tests/crash/crash.py "$@"
