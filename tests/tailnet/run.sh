#!/bin/sh
# avouch on a real tailnet: sh tests/tailnet/run.sh [TEST...]
#
# A control server (headscale) and eight tailscaled in network namespaces of their own, and AVOUCH_BIN
# (default build/src/app/avouch) as their provider. Nothing of the machine's own network is touched, and all of it hangs from
# one process in its own namespaces: when that ends, however it does, the kernel takes processes, interfaces and files away.
# Needs root, Go (once, see programs.sh), iproute2, util-linux, openssl, /dev/net/tun and python3-authlib.
# A line per test, the last one is "N passed, N failed, N skipped"; where the bed cannot be had: why, and status 0.
set -u
cd "$(dirname "$0")/../.." || exit 1
python=/usr/bin/python3 # Debian's, with Debian's packages

skip() {
    for test in $(grep -ho '^def test_[a-z0-9_]*' tests/tailnet/test_*.py | cut -d' ' -f2); do
        echo "SKIP ${test#test_}: $1"
    done
    echo "0 passed, 0 failed, $(grep -h '^def test_' tests/tailnet/test_*.py | wc -l) skipped"
    exit 0
}

fail() {
    echo "$1"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}

avouch=${AVOUCH_BIN:-build/src/app/avouch}
[ -x "$avouch" ] || fail "there is no $avouch: build it, or set AVOUCH_BIN"
avouch=$(cd "$(dirname "$avouch")" && pwd)/$(basename "$avouch")
for program in ip unshare setpriv openssl $python; do
    command -v "$program" >/dev/null || skip "$program is not installed"
done
[ "$(id -u)" -eq 0 ] || skip "namespaces and interfaces need root"
[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
unshare --mount --net --pid --fork --mount-proc ip link add bed type bridge 2>/dev/null || skip "no namespaces are to be had here"
$python -c 'import authlib, requests' 2>/dev/null || skip "python3-authlib and python3-requests are not installed"
programs=$(sh tests/tailnet/programs.sh)
case $? in
0) ;;
77) skip "headscale and tailscaled cannot be built without Go 1.26" ;;
78) skip "headscale and tailscaled cannot be had: no Go module proxy answers (go env GOPROXY)" ;;
*) fail "headscale and tailscaled cannot be built" ;;
esac
# the environment is emptied because proxies and certificate stores may be named in it
env -i PATH="$PATH" LC_ALL=C.UTF-8 setpriv --pdeathsig KILL unshare --mount --net --pid --fork --kill-child --mount-proc \
    $python -B tests/tailnet/main.py "$avouch" "$programs" "$@" &
bed=$!
trap 'kill -KILL $bed; exit 1' HUP INT TERM
wait $bed
