#!/bin/sh
# clang-format over src/ and tests/. Not over include/: a header is read as a page, its comments stand in one column beside all
# members or functions, and clang-format 14 would tear that column apart at every line without a comment, and an enum from its COUNT.
# (How wide and how long a header may be: check_sizes.py.)
set -u
cd "$(dirname "$0")/../.." || exit 1
find src tests -name '*.[ch]' | sort | xargs clang-format --dry-run --Werror 2>&1 |
    sed -n 's/^\([^:]*:[0-9]*\):[0-9]*: error: .*/\1: clang-format -i would change this/p' | sort -u -t: -k1,1 -k2,2n | grep . || exit 0
exit 1
