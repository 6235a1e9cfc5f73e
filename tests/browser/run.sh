#!/bin/sh
# The pages in a real browser: sh tests/browser/run.sh BUILD_DIR [SHOTS_DIR]
# Prints TAP; the exit status says whether all is well. Debian's chromium (or $CHROMIUM) and python3 are all it needs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
shots=${2:-$build/browser-shots}
browser=${CHROMIUM:-chromium}

if ! command -v "$browser" >/dev/null; then
    echo "1..0 # SKIP $browser is not installed (apt-get install chromium)"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
ninja -C "$build" tests/unit/request_page/render_pages >"$work/ninja.log" 2>&1 || { cat "$work/ninja.log" >&2; exit 1; }
mkdir "$work/pages"
TZ=UTC "$build/tests/unit/request_page/render_pages" "$work/pages"
PYTHONDONTWRITEBYTECODE=1 python3 "$here/pages_test.py" "$work/pages" "$shots" "$browser"
