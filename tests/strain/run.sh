#!/bin/sh
# Strain: thousands of connections that are slow on purpose, files that run out, and what the time of an answer tells.
#
#   sh tests/strain/run.sh [--full] [--seed S] [--only NAME] [--keep]
#
# AVOUCH_BIN   the program (default build/src/app/avouch)
# A line a test: "ok NAME", "not ok NAME - why", "ok NAME # SKIP why"; the last one is "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
exec python3 -B tests/strain/strain.py "$@"
