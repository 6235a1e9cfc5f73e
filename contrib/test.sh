#!/bin/sh
# Installs what the tests need, builds with every warning as an error (gcc and clang), runs every suite.
# usage: sh contrib/test.sh [SUITE...]     suites: gcc clang asan       (none: all of them)
# Ends with one line "N passed, N failed, N skipped"; status 0 only if nothing failed.
set -u
cd "$(dirname "$0")/.."
build=${AVOUCH_BUILD:-build-test}
log=$build/log
suites=${*:-gcc clang asan}
passed=0 failed=0 skipped=0

packages="gcc libc6-dev clang libclang-rt-14-dev meson ninja-build pkg-config python3 libh2o-evloop-dev libjansson-dev libcjose-dev liblmdb-dev
libssl-dev libyaml-dev openssl"

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }

install_packages() {
    missing=
    for p in $packages; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
    done
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    sudo=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "these packages are missing and there is no sudo to install them:$missing"; exit 1; }
        sudo=sudo
    fi
    $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing \
        >"$log.apt" 2>&1 || { cat "$log.apt"; echo "the installation failed"; exit 1; }
}

# name, compiler, meson options: configure, build, run unit and fuzz replays; meson's own summary is counted
run_suite() {
    name=$1 cc=$2
    shift 2
    start=$(date +%s)
    say "$name: building with $cc"
    rm -rf "$build/$name"
    if ! { CC=$cc meson setup "$build/$name" "$@" && ninja -C "$build/$name"; } >"$log.$name" 2>&1; then
        grep -E 'error|FAILED|ERROR' "$log.$name" | head -n 20
        tail -n 15 "$log.$name"
        say "$name: the build failed"
        failed=$((failed + 1))
        return
    fi
    say "$name: built in $(($(date +%s) - start)) s, running unit and fuzz"
    meson test -C "$build/$name" --no-rebuild --print-errorlogs >"$log.$name" 2>&1
    count() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" "$log.$name" | tail -n 1; }
    ok=$(count Ok) bad=$(count Fail) slow=$(count Timeout) skip=$(count Skipped)
    grep -E '^ *[0-9]+/[0-9]+ .*(FAIL|TIMEOUT|ERROR|SKIP)' "$log.$name"
    if [ "${bad:-0}" -gt 0 ] || [ "${slow:-0}" -gt 0 ] || [ -z "$ok" ]; then
        grep -E '^(# |not ok|.*(ERROR|Sanitizer))' "$log.$name" | head -n 60
    fi
    [ -n "$ok" ] || failed=$((failed + 1))
    passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-0} + ${slow:-0})) skipped=$((skipped + ${skip:-0}))
    say "$name: ${ok:-0} programs passed, $((${bad:-0} + ${slow:-0})) failed, in $(($(date +%s) - start)) s"
}

mkdir -p "$build"
install_packages
for suite in $suites; do
    case $suite in
    gcc) run_suite gcc gcc ;;
    clang) run_suite clang clang ;;
    asan) run_suite asan gcc -Db_sanitize=address,undefined -Db_lundef=false ;;
    *) echo "there is no suite $suite: gcc, clang, asan"; exit 2 ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
