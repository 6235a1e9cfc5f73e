#!/bin/sh
# The program is linked with the libraries of tests/lint/libraries and no other. usage: check_libraries.sh BUILD
set -u
cd "$(dirname "$0")/../.." || exit 1
list=tests/lint/libraries
target=src/app/avouch

ninja -C "$1" -t query "$target" >/dev/null 2>&1 || { echo "no meson.build makes a program avouch yet"; exit 77; }
ninja -C "$1" -j2 "$target" >"$1/lint-build.log" 2>&1 || { tail -n 20 "$1/lint-build.log"; echo "$target:1: it does not build"; exit 1; }
readelf -d "$1/$target" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | {
    status=0
    while read -r library; do
        grep -q "^$library " $list || { echo "$list:1: $target needs $library, which is not in the list"; status=1; }
    done
    exit $status
}
