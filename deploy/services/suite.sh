# shellcheck shell=bash
# RabbitMQ and Valkey of another Debian release than this machine's, in a folder of their own. To be sourced after lib.sh.
#
# debootstrap unpacks the release, apt installs the servers in it, and they run in it by chroot. Nothing of it is installed on
# this machine, and nothing in it is started by itself.

SERVERS_MIRROR=${SERVERS_MIRROR:-http://deb.debian.org/debian}

suite_codename() { # set
    case $1 in
        debian12) echo bookworm ;;
        debian13) echo trixie ;;
        *) return 1 ;;
    esac
}

suite_is_chosen() { [ -n "${SERVERS:-}" ]; }

suite_root() { printf '%s/.state/servers/%s\n' "$(dirname "$DEPLOY")" "$SERVERS"; }

# Sets SERVERS: that of the set in this directory until `down`, else the caller's. Nothing means this machine's own servers.
suite_choose() {
    local kept=''
    if [ -e "$STATE/rabbitmq" ] || [ -e "$STATE/redis" ]; then kept=$(cat "$STATE/servers" 2>/dev/null || true); else kept=${SERVERS:-}; fi
    [ -z "${SERVERS:-}" ] || [ "$SERVERS" = "$kept" ] ||
        die 1 "the servers in $STATE are ${kept:-those of this machine}, not $SERVERS: \`down\` first"
    SERVERS=$kept
    ! suite_is_chosen || suite_codename "$SERVERS" >/dev/null || die 64 "SERVERS=$SERVERS: expected debian12 or debian13, or nothing for this machine's own servers"
}

suite_note() {
    if suite_is_chosen; then printf '%s\n' "$SERVERS" >"$STATE/servers"; fi
}

# Becomes the command line in front of a program of the release: sets the array suite_run, empty for this machine's own.
suite_command() {
    suite_run=()
    ! suite_is_chosen || suite_run=(unshare --mount --propagation private "$DEPLOY/services/enter.sh" "$(suite_root)" "$STATE")
}

# What a program of the release is called, as seen from inside.
suite_program() { # path...
    local path
    for path in "$@"; do
        if [ -x "$(suite_root)$path" ]; then
            printf '%s\n' "$path"
            return 0
        fi
    done
    return 1
}

suite_install() { # log
    local root codename log=$1
    root=$(suite_root) codename=$(suite_codename "$SERVERS")
    [ ! -e "$root/.complete" ] || return 0
    [ "$(id -u)" = 0 ] || die 2 "SERVERS=$SERVERS: I must be root to unpack another Debian release and to run its servers (chroot)"
    command -v debootstrap >/dev/null || die 2 "SERVERS=$SERVERS: debootstrap is not on this machine (apt-get install debootstrap)"
    say "$SERVERS: unpacking its servers into $root (about 300 MB, some minutes) ..."
    mkdir -p "$(dirname "$root")"
    (
        exec 7>>"$root.lock"
        flock 7
        [ ! -e "$root/.complete" ] || exit 0
        rm -rf "$root"
        suite_unpack "$root" "$codename" && : >"$root/.complete"
    ) </dev/null >>"$log" 2>&1 9>&- && return 0
    tail -n 15 "$log" >&2
    die 2 "the servers of $SERVERS could not be unpacked (whole log: $log)"
}

suite_unpack() { # root codename
    debootstrap --variant=minbase "$2" "$1" "$SERVERS_MIRROR" || return 1
    # Nothing is started when it is installed.
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d" && chmod 755 "$1/usr/sbin/policy-rc.d"
    local redis=redis-server
    [ "$2" = bookworm ] || redis=valkey-server
    chroot "$1" env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends rabbitmq-server "$redis"
}
