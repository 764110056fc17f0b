# shellcheck shell=bash
# Finds RabbitMQ, Redis and Prometheus on this machine, and installs them where that can be done without starting anything.
# To be sourced after ../lib.sh.

# Where packages put RabbitMQ's own scripts. Debian's /usr/sbin wrappers come last: they refuse ordinary users.
rabbitmq_bin() {
    local dir
    if suite_is_chosen; then
        suite_program /usr/lib/rabbitmq/bin/rabbitmq-server >/dev/null && echo /usr/lib/rabbitmq/bin
        return
    fi
    for dir in /usr/lib/rabbitmq/bin /usr/local/opt/rabbitmq/sbin /opt/homebrew/opt/rabbitmq/sbin \
        /home/linuxbrew/.linuxbrew/opt/rabbitmq/sbin /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin \
        "$(dirname "$(command -v rabbitmq-server || echo /nowhere/x)")"; do
        if [ -x "$dir/rabbitmq-server" ] && [ -x "$dir/rabbitmqctl" ]; then
            printf '%s\n' "$dir"
            return 0
        fi
    done
    return 1
}

epmd_bin() {
    local path
    if suite_is_chosen; then
        suite_program /usr/bin/epmd
        return
    fi
    for path in "$(command -v epmd || true)" /usr/lib/erlang/bin/epmd /usr/lib/erlang/erts-*/bin/epmd \
        /usr/local/opt/erlang/bin/epmd /opt/homebrew/opt/erlang/bin/epmd; do
        if [ -x "$path" ]; then
            printf '%s\n' "$path"
            return 0
        fi
    done
    return 1
}

# The client is this machine's own: it asks servers of any release.
redis_bin() {
    command -v redis-cli >/dev/null || return 1
    if suite_is_chosen; then suite_program /usr/bin/valkey-server /usr/bin/redis-server; else command -v redis-server; fi
}

prometheus_bin() { command -v prometheus && command -v promtool; }

found_natively() { # rabbitmq|redis|prometheus
    case $1 in
        rabbitmq) rabbitmq_bin && epmd_bin ;;
        redis) redis_bin ;;
        prometheus) prometheus_bin ;;
    esac >/dev/null
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

can_be_root() {
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null || return 1
    # With a terminal sudo may ask for the password; without one it has to work unasked.
    [ -t 0 ] || sudo -n true 2>/dev/null
}

POLICY=/usr/sbin/policy-rc.d
POLICY_KEPT=$POLICY.kept-by-services
POLICY_MARK='# written by deploy/services.sh for the time of one installation'

# Puts back what hold_services found.
release_services() {
    if grep -qsF "$POLICY_MARK" "$POLICY"; then as_root rm -f "$POLICY"; fi
    if [ -e "$POLICY_KEPT" ]; then as_root mv -f "$POLICY_KEPT" "$POLICY"; fi
}

# The same after an installation that was killed half-way; one that still runs is waited for.
heal_policy() {
    [ -e "$POLICY_KEPT" ] || grep -qsF "$POLICY_MARK" "$POLICY" || return 0
    (
        exec 8</usr/sbin
        flock 8
        can_be_root && release_services
    ) || say "an installation left $POLICY behind: remove it as root"
}

# Debian packages start their services when installed, unless this file answers 101 (forbidden).
hold_services() {
    release_services
    if [ -x "$POLICY" ]; then
        local answer=0
        "$POLICY" rabbitmq-server start >/dev/null 2>&1 || answer=$?
        [ "$answer" = 101 ] && return 0
    fi
    if [ -e "$POLICY" ]; then as_root mv "$POLICY" "$POLICY_KEPT"; fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = 'ii ' ]; } # package

# The system's own copies stay off at the next boot too: they were asked for by a test, not by the machine's owner.
disable_units() { # unit...
    command -v systemctl >/dev/null || return 0
    local unit
    for unit in "$@"; do
        # Not every package of the list was new to the system, or has every unit.
        as_root systemctl --quiet disable "$unit" || say "$unit is not disabled, or not there"
    done
}

apt_package() { case $1 in prometheus) echo prometheus ;; *) echo "$1-server" ;; esac } # rabbitmq|redis|prometheus

# Installs a service from this system's packages. Fails where there is no apt, or no way to be root.
apt_install() { # rabbitmq|redis|prometheus log
    local package log=$2
    package=$(apt_package "$1")
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null && can_be_root || return 1
    say "$1: installing $package with apt (it is neither started nor enabled) ..."
    [ "$(id -u)" = 0 ] || [ ! -t 0 ] || sudo -v || return 1
    (apt_transaction "$package") </dev/null >>"$log" 2>&1 9>&- && found_natively "$1" && return 0
    tail -n 15 "$log" >&2
    say "apt-get could not install $package (whole log: $log)"
    return 1
}

apt_transaction() { # package
    local apt='as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300' units=''
    # One installation at a time on this machine: the policy file is one for all. The lock ends with this subshell.
    exec 8</usr/sbin
    flock 8
    is_installed "$1" || units=$1.service
    [ "$1" != rabbitmq-server ] || is_installed erlang-base || units="$units epmd.socket epmd.service"
    trap release_services EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    hold_services || return 1
    $apt update || say 'the package index could not be refreshed: trying with the present one'
    $apt install --no-install-recommends "$1" || return 1
    # shellcheck disable=SC2086 # a list of names
    disable_units $units
}

# What the worker's feature `libav` is built with. Its tests run where these packages are; they are too large to be installed
# for a test.
LIBAV_PACKAGES='libavcodec-dev libavformat-dev libavutil-dev libclang-dev pkg-config'

libav_found() {
    command -v pkg-config || return 1
    # FFmpeg 5.1, the oldest that the bindings take.
    pkg-config --exists 'libavcodec >= 59.37' libavformat libavutil || return 1
    [ -n "${LIBCLANG_PATH:-}" ] || command -v llvm-config || compgen -G '/usr/lib/llvm-*/lib/libclang*.so*'
} >/dev/null

# The program ffmpeg, which writes files for the tests of decoding and says what they should sound like.
ffmpeg_available() { # log
    command -v ffmpeg >/dev/null && return 0
    command -v apt-get >/dev/null && can_be_root || return 1
    say 'ffmpeg: installing it with apt ...'
    (ffmpeg_transaction) </dev/null >>"$1" 2>&1 9>&- && command -v ffmpeg >/dev/null && return 0
    tail -n 15 "$1" >&2
    say "apt-get could not install ffmpeg (whole log: $1)"
    return 1
}

# The package starts no service. The lock is that of apt_transaction.
ffmpeg_transaction() {
    local apt='as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300'
    exec 8</usr/sbin
    flock 8
    $apt update || say 'the package index could not be refreshed: trying with the present one'
    $apt install --no-install-recommends ffmpeg
}

brew_install() { # rabbitmq|redis|prometheus log
    command -v brew >/dev/null || return 1
    say "$1: installing it with Homebrew ..."
    brew install "$1" </dev/null >>"$2" 2>&1 9>&- && found_natively "$1" && return 0
    tail -n 15 "$2" >&2
    say "Homebrew could not install $1 (whole log: $2)"
    return 1
}
