#!/bin/sh
# Builds headscale and tailscaled, once: sh tests/tailnet/programs.sh      prints the directory that they are in
# Both come as Go modules, in one build because most of their packages are the same; some five minutes of one core.
# Status 77: no Go, or one that is too old. 78: the modules cannot be had.
# TS_BE_CLI=1 makes a `tailscale` of the tailscaled, for looking at a bed by hand.
set -eu
headscale=0.29.3 tailscale=1.102.5 go=1.26.6 # tailscale 1.104 wants Go 1.27
omit="aws bird cloud kube tap tpm ssh taildrop drive systray synology wakeonlan webclient webbrowser desktop_sessions dbus resolved
networkmanager qrcodes completion completion_scripts clientupdate relayserver posture portmapper capture conn25 appconnectors doctor
flashappliance syspolicy identityfederation oauthkey linkspeed colorable captiveportal" # nothing that a test looks at
directory=${XDG_CACHE_HOME:-$HOME/.cache}/avouch/tailnet-headscale-$headscale-tailscale-$tailscale

if [ ! -x "$directory/headscale" ] || [ ! -x "$directory/tailscaled" ]; then
    have=$(go env GOVERSION 2>/dev/null | sed 's/^go//') || have=''
    [ "$(printf '%s\n%s\n' "$go" "$have" | sort -V | head -n 1)" = "$go" ] || exit 77
    mkdir -p "$directory"
    work=$(mktemp -d "$directory/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    tags=ts_include_cli
    for feature in $omit; do tags=$tags,ts_omit_$feature; done
    start=$(date +%s)
    echo "building headscale $headscale and tailscaled $tailscale ..." >&2
    # a go.mod, because `go install MODULE@VERSION` also asks for a list of versions that not every proxy has
    printf 'module programs\n\ngo %s\n\nrequire (\n\tgithub.com/juanfont/headscale v%s\n\ttailscale.com v%s\n)\n' \
        "$go" "$headscale" "$tailscale" >"$work/go.mod"
    if ! (cd "$work" && CGO_ENABLED=0 GOTOOLCHAIN=local go build -mod=mod -trimpath -ldflags='-s -w' -tags="$tags" -o "$work/" \
        github.com/juanfont/headscale/cmd/headscale tailscale.com/cmd/tailscaled) >"$directory/log" 2>&1; then
        grep -v downloading "$directory/log" | tail -n 20 >&2
        grep -qE 'dial tcp|i/o timeout|connection refused|TLS handshake|proxyconnect|40[34] |410 Gone|50[0-9] ' "$directory/log" && exit 78
        exit 1
    fi
    mv "$work/headscale" "$work/tailscaled" "$directory"
    echo "built in $(($(date +%s) - start)) s" >&2
fi
echo "$directory"
