#!/bin/sh
# cppcheck over src/ and tests/; tests/lint/cppcheck-suppressions says what is not asked for, and why. usage: check_cppcheck.sh BUILD
set -u
cd "$(dirname "$0")/../.." || exit 1

cppcheck -j"$(nproc)" --quiet --error-exitcode=1 --std=c11 \
    --enable=warning,style,performance,portability --library=posix,gnu,openssl \
    --suppressions-list=tests/lint/cppcheck-suppressions --template='{file}:{line}: {message} [{id}]' \
    -D_GNU_SOURCE -DH2O_USE_LIBUV=0 -DAVOUCH_VERSION='""' \
    -Iinclude/avouch -I"$1/templates" -Isrc/http -Isrc/app -Itests/support -Itests/browser src tests 2>&1 | sort -u | grep . || exit 0
exit 1
