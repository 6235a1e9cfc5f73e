#!/bin/sh
# Looks over the shell scripts with shellcheck, where it is installed. SC2034: what a sourced file sets is used by who sources it.
set -u
cd "$(dirname "$0")/../.." || exit 1

command -v shellcheck >/dev/null || { echo "shellcheck is not installed (apt-get install shellcheck)"; exit 77; }
find contrib tests .ci -name '*.sh' -o -path .ci/run | sort | xargs shellcheck --severity warning --exclude SC2034 --format gcc |
    sed 's/^\([^:]*:[0-9]*\):[0-9]*: /\1: /' | grep . || exit 0
exit 1
