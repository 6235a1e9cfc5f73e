#!/bin/sh
# The end-to-end tests: the real binary, real connections, real clients. usage: sh tests/e2e/run.sh [TEST...]
#   AVOUCH_BIN           what is tested, absolute or from the top of the project; default build/src/app/avouch
#   AVOUCH_E2E_JOBS      tests at one time; default 4
#   AVOUCH_E2E_SECONDS   the run is ended after that; default 600
#   AVOUCH_E2E_TRACE     1: tracebacks of what fails
# One line a test, then "N passed, N failed, N skipped"; status 1 if anything failed.
set -u
cd "$(dirname "$0")/../.." || exit 1
# Debian's own: it has python3-authlib
python=/usr/bin/python3
[ -x "$python" ] || python=python3
export PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8 TZ=UTC
exec "$python" tests/e2e/run.py "$@"
