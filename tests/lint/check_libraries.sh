#!/bin/sh
# Each program is linked with the libraries of its list in tests/lint and no other. usage: check_libraries.sh BUILD
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1

# check PROGRAM LIST
check() {
    target=src/app/$1 list=tests/lint/$2
    ninja -C "$build" -j2 "$target" >"$build/lint-build.log" 2>&1 || { tail -n 20 "$build/lint-build.log"; echo "$target:1: it does not build"; return 1; }
    readelf -d "$build/$target" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | {
        status=0
        while read -r library; do
            grep -q "^$library " "$list" || { echo "$list:1: $target needs $library, which is not in the list"; status=1; }
        done
        exit $status
    }
}

status=0
check avouch libraries || status=1
check avouch-fetch libraries-fetch || status=1
exit $status
