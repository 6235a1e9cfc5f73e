#!/bin/sh
# Installs what the tests need, builds with every warning as an error, runs the suites.
#
#   sh contrib/test.sh [SUITE...]      none: all of them
#   sh contrib/test.sh --full          and what takes long: many crash cycles, long fuzzing, ...
#
# unit scenario fuzz    in the gcc build: rules by themselves, whole requests in process, the corpora of the fuzz targets
# clang asan            the same three built with clang, and with gcc under AddressSanitizer and UndefinedBehaviorSanitizer
# quickstart            contrib/quickstart.sh, once
# lint                  layers, sizes, documents, formatting, clang-tidy, cppcheck
# e2e e2e-asan          the real program with clients written by others; the same under the sanitizers
# browser               every page in headless Chromium
# crash                 the real program killed, with a full or failing disk, a jumping clock, behind a supervisor
# race                  a thousand redemptions of one code; the whole program under ThreadSanitizer
# strain                thousands of slow connections, files that run out, what the time of an answer tells
# tailnet               a real control server and tailscaled in network namespaces; skipped without root, Go 1.26 or /dev/net/tun
#
# fuzzing               every fuzz target for some seconds, and how much of what it exists for its corpus reaches; only by name or with --full
# bench                 what it costs, against its targets: a table, which passes by being made; only by name or with --full
#
# The last line is "N passed, N failed, N skipped"; status 0 only if nothing failed. What is slow to get or to build once
# lies in ${XDG_CACHE_HOME:-$HOME/.cache}/avouch.
set -u
cd "$(dirname "$0")/.." || exit 1
. contrib/packages.sh

build=${AVOUCH_BUILD:-build-test}
passed=0 failed=0 skipped=0
full=''
suites=''
for argument in "$@"; do
    case $argument in
    --full) full=--full ;;
    *) suites="$suites $argument" ;;
    esac
done
suites=${suites:-unit scenario fuzz quickstart clang asan lint browser e2e e2e-asan crash race strain tailnet ${full:+fuzzing bench}}

test_packages="clang clang-tidy clang-format cppcheck libclang-rt-14-dev llvm openssl curl jq python3-authlib python3-requests
python3-yaml shellcheck apache2 libapache2-mod-auth-openidc chromium mandoc xxd binutils iproute2 procps"
# Debian's npm does not go with a node from elsewhere: only where there is none
command -v npm >/dev/null || test_packages="$test_packages nodejs npm"

# count TEXT: adds a "N passed, N failed, N skipped" to ours; false if it is none
count() {
    case $1 in
    *' passed, '*' failed, '*' skipped') ;;
    *) return 1 ;;
    esac
    # shellcheck disable=SC2086 # split into words
    set -- $1
    passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + $5))
}

# make NAME COMPILER OPTION...: a build directory, configured and built; false: its errors were shown
make() {
    name=$1 cc=$2
    shift 2
    if [ -f "$build/made-$name" ]; then return 0; fi
    start=$(date +%s)
    if ! { { [ -f "$build/$name/build.ninja" ] || CC=$cc meson setup "$build/$name" "$@"; } && ninja -C "$build/$name"; } \
        >"$build/log.$name" 2>&1; then
        grep -E 'error|FAILED|ERROR' "$build/log.$name" | head -n 20
        tail -n 15 "$build/log.$name"
        say "$name: the build failed"
        return 1
    fi
    say "$name: built with $cc in $(($(date +%s) - start)) s"
    : >"$build/made-$name"
}

make_asan() { make asan gcc -Db_sanitize=address,undefined -Db_lundef=false; }

# meson_suites NAME SUITE...: those of meson's suites in that build directory
meson_suites() {
    name=$1
    shift
    options=$(for s in "$@"; do printf ' --suite %s' "$s"; done)
    # shellcheck disable=SC2086 # a list of words
    meson test -C "$build/$name" --no-rebuild --print-errorlogs $options >"$build/log.$name" 2>&1
    value() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" "$build/log.$name" | tail -n 1; }
    ok=$(value Ok) bad=$(value Fail) slow=$(value Timeout) skip=$(value Skipped)
    grep -E '^ *[0-9]+/[0-9]+ .*(FAIL|TIMEOUT|ERROR|SKIP)' "$build/log.$name"
    if [ "${bad:-0}" -gt 0 ] || [ "${slow:-0}" -gt 0 ] || [ -z "$ok" ]; then
        grep -E '^(# |not ok|.*(ERROR|Sanitizer))' "$build/log.$name" | head -n 60
    fi
    [ -n "$ok" ] || failed=$((failed + 1))
    passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-0} + ${slow:-0})) skipped=$((skipped + ${skip:-0}))
}

# script COMMAND...: a suite that counts by itself; its lines are shown but for what is well
script() {
    "$@" >"$build/log.script" 2>&1
    status=$?
    grep -vE '^ok ' "$build/log.script"
    last=$(tail -n 1 "$build/log.script")
    if ! count "$last" || { [ "$status" -ne 0 ] && [ "$(echo "$last" | cut -d' ' -f3)" -eq 0 ]; }; then
        failed=$((failed + 1))
        echo "status $status: $*"
    fi
}

one() { # one NAME COMMAND...: a single test
    name=$1
    shift
    if "$@" >"$build/log.$name" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        tail -n 40 "$build/log.$name"
    fi
}

run() {
    case $1 in
    unit | scenario | fuzz) make gcc gcc && meson_suites gcc "$1" ;;
    clang) make clang clang && meson_suites clang unit scenario fuzz ;;
    asan) make_asan && meson_suites asan unit scenario fuzz ;;
    quickstart) make gcc gcc && one quickstart env AVOUCH_QUICKSTART_ONCE=1 AVOUCH_QUICKSTART_PORT=19080 \
        AVOUCH_BUILD="$build/gcc" XDG_STATE_HOME="$PWD/$build/state" sh contrib/quickstart.sh ;;
    lint) make clang clang && AVOUCH_LINT_BUILD="$build/clang" script sh tests/lint/run.sh ;;
    e2e) make gcc gcc && AVOUCH_BIN="$build/gcc/src/app/avouch" script sh tests/e2e/run.sh ;;
    e2e-asan) make_asan && AVOUCH_BIN="$build/asan/src/app/avouch" script sh tests/e2e/run.sh ;;
    browser) make gcc gcc && script sh tests/browser/run.sh "$build/gcc" ;;
    crash) make gcc gcc && make faults gcc -Dfaults=true && AVOUCH_BIN="$build/gcc/src/app/avouch" \
        AVOUCH_FAULTS_BIN="$build/faults/src/app/avouch" script sh tests/crash/run.sh $full ;;
    race) make gcc gcc && make tsan gcc -Db_sanitize=thread && AVOUCH_BIN="$build/gcc/src/app/avouch" \
        AVOUCH_TSAN_BIN="$build/tsan/src/app/avouch" script sh tests/race/run.sh $full ;;
    strain) make gcc gcc && AVOUCH_BIN="$build/gcc/src/app/avouch" script sh tests/strain/run.sh $full ;;
    fuzzing) AVOUCH_FUZZ_BUILD="$build/fuzz" script sh tests/fuzz/run.sh ${full:+--seconds 60} ;;
    bench) one bench sh tests/bench/run.sh && tail -n 30 "$build/log.bench" ;;
    tailnet) make gcc gcc && AVOUCH_BIN="$build/gcc/src/app/avouch" script sh tests/tailnet/run.sh $full ;;
    *)
        echo "there is no suite $1; sh contrib/test.sh --help is the head of the file"
        exit 2
        ;;
    esac || failed=$((failed + 1))
}

mkdir -p "$build"
rm -f "$build"/made-*
# shellcheck disable=SC2086 # lists of words
install_packages "$build/log.apt" $build_packages $test_packages || exit 1
began=$(date +%s)
for suite in $suites; do
    start=$(date +%s) before="$passed $failed $skipped"
    say "$suite ..."
    run "$suite"
    # shellcheck disable=SC2086 # three words
    set -- $before
    say "$suite: $((passed - $1)) passed, $((failed - $2)) failed, $((skipped - $3)) skipped, in $(($(date +%s) - start)) s"
done
say "all of it in $(($(date +%s) - began)) s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
