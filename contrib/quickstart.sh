#!/bin/sh
# A whole sign-in on this machine: installs Debian packages, builds avouch, starts it in development mode and a small
# application beside it, signs in once by itself, then leaves both running for a browser. Ctrl-C ends both.
#
#   sh contrib/quickstart.sh
#   AVOUCH_QUICKSTART_ONCE=1 sh contrib/quickstart.sh     ends after the sign-in; status 0 only if it worked
#   AVOUCH_QUICKSTART_PORT=9080                            avouch's port; the application has the next one
set -u
cd "$(dirname "$0")/.." || exit 1
. contrib/packages.sh

port=${AVOUCH_QUICKSTART_PORT:-9080}
app_port=$((port + 1))
build=${AVOUCH_BUILD:-build}
python=/usr/bin/python3 # Debian's, which has Debian's authlib
work=$(mktemp -d)
started=$(date +%s)
server='' app=''

finish() {
    status=$?
    trap - EXIT INT TERM
    # shellcheck disable=SC2086 # one word or none
    [ -z "$app$server" ] || kill $app $server 2>/dev/null
    wait 2>/dev/null
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'echo; say "ended"; exit 0' INT TERM

fail() {
    say "$1"
    for log in "$work"/*.log; do
        [ -s "$log" ] && { echo "--- $(basename "$log"):"; tail -n 15 "$log"; }
    done
    exit 1
}

# wait_for WHAT URL PID: until it answers, while the process lives
wait_for() {
    for _ in $(seq 100); do
        kill -0 "$3" 2>/dev/null || fail "$1 ended at once"
        "$python" contrib/demo/demo.py --ping "$2" && return 0
        sleep 0.1
    done
    fail "$1 does not answer at $2"
}

# shellcheck disable=SC2086 # a list of words
install_packages "$work/apt.log" $build_packages python3-authlib python3-requests || exit 1

say "building (in $build/)"
if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" >"$work/meson.log" 2>&1 || fail "meson setup failed"
fi
ninja -C "$build" src/app/avouch src/app/avouch-fetch >"$work/ninja.log" 2>&1 || fail "the build failed"
avouch=$build/src/app/avouch

say "starting avouch, development mode: made-up people, plain HTTP, loopback only"
"$avouch" serve --dev --listen "127.0.0.1:$port" --dev-user alice@example.com --dev-user bob@example.com \
    2>"$work/avouch.log" &
server=$!
wait_for avouch "http://localhost:$port/healthz" "$server"

say "registering the application: avouch client add"
if "$avouch" client show demo --dev >/dev/null 2>&1; then
    "$avouch" client edit demo --dev --redirect-uri "http://localhost:$app_port/callback" --json >/dev/null 2>"$work/client.log"
    "$avouch" client rotate-secret demo --dev --json >"$work/client.json" 2>>"$work/client.log"
else
    "$avouch" client add --dev --client-id demo --name "Demo" --redirect-uri "http://localhost:$app_port/callback" \
        --json >"$work/client.json" 2>"$work/client.log"
fi || fail "the application could not be registered"

"$python" contrib/demo/demo.py --port "$app_port" --issuer "http://localhost:$port" --client "$work/client.json" \
    2>"$work/app.log" &
app=$!
wait_for "the application" "http://localhost:$app_port/" "$app"

say "signing in as a browser would: application, avouch, application"
"$python" contrib/demo/demo.py --sign-in "http://localhost:$app_port/login" || fail "the sign-in failed"
say "done in $(($(date +%s) - started)) s"
[ -z "${AVOUCH_QUICKSTART_ONCE:-}" ] || exit 0

cat <<END

Both are running. Open in a browser on this machine:

    http://localhost:$app_port/     the application: sign in, see the claims
    http://localhost:$port/     avouch: who you are; be somebody else at http://localhost:$port/dev

What just happened is in the audit log:

    $avouch audit show --dev

Ctrl-C ends both.
END
wait "$server"
fail "avouch has ended"
