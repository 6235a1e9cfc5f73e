#!/bin/sh
# The lint suite: sh tests/lint/run.sh [CHECK...]     without names: all of them, see the list below
# A check prints a line per finding, FILE:LINE: what is wrong, and ends with 1; with 77 it says why it cannot run here.
# AVOUCH_LINT_BUILD is the build directory to look at (default: build-lint); it is made if it is not there, and must be clang's.
# Ends with one line "N passed, N failed, N skipped"; status 0 only if nothing failed.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${AVOUCH_LINT_BUILD:-build-lint}
checks=${*:-words layers sizes docs format shell shellcheck libraries cppcheck tidy}
passed=0 failed=0 skipped=0

# Configured anew where a meson.build has changed, and what is generated generated: headers are included.
prepare() {
    if [ ! -f "$build/build.ninja" ]; then
        CC=clang meson setup "$build" || return 1
    fi
    grep -q '"command": "\(ccache \)\?clang' "$build/compile_commands.json" || { echo "$build was not made with CC=clang"; return 1; }
    ninja -C "$build" build.ninja || return 1
    ninja -C "$build" -t targets rule CUSTOM_COMMAND | grep -v ^meson-internal | xargs -r ninja -C "$build"
}

# name: runs tests/lint/check_NAME.py or .sh
check() {
    script=tests/lint/check_$1.py with="python3 -B"
    [ -f "$script" ] || script=tests/lint/check_$1.sh with=sh
    [ -f "$script" ] || { echo "there is no check $1"; return 2; }
    $with "$script" "$build"
}

log=$(mktemp) && trap 'rm -f "$log"' EXIT
prepare >"$log" 2>&1 || { cat "$log"; echo "$build cannot be prepared"; exit 1; }
for name in $checks; do
    start=$(date +%s%N)
    check "$name" >"$log"
    status=$?
    took=$(($(date +%s%N) / 1000000 - start / 1000000))
    took="$((took / 1000)).$((took % 1000 / 100)) s"
    case $status in
    0) passed=$((passed + 1)) && echo "ok $name ($took)" ;;
    77) skipped=$((skipped + 1)) && echo "skipped $name: $(cat "$log") ($took)" ;;
    *) failed=$((failed + 1)) && cat "$log" && echo "not ok $name ($took)" ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
