# Sourced by quickstart.sh and test.sh: what avouch is built with, and how packages are installed.
# shellcheck shell=sh

build_packages="gcc libc6-dev meson ninja-build pkg-config python3 libh2o-evloop-dev libjansson-dev libcjose-dev liblmdb-dev
libssl-dev libyaml-dev libcurl4-openssl-dev libseccomp-dev"

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }

# install_packages LOG PACKAGE...: those that are missing; needs root or sudo for nothing else.
install_packages() {
    install_log=$1
    shift
    missing=
    for p in "$@"; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
    done
    [ -n "$missing" ] || return 0
    sudo=
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "These packages are missing, and there is no sudo to install them. As root, run:"
            echo "    apt-get update && apt-get install -y --no-install-recommends$missing"
            return 1
        fi
        sudo=sudo
    fi
    say "installing:$missing"
    # shellcheck disable=SC2086 # a list of words
    if $sudo apt-get update -qq >"$install_log" 2>&1 &&
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing \
            >>"$install_log" 2>&1; then
        return 0
    fi
    tail -n 20 "$install_log"
    echo "the installation failed; the whole output is in $install_log"
    return 1
}
