#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# RabbitMQ and Redis for tests and demonstrations. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/services.sh up | env | status | down | tools
       deploy/services.sh restart | kill   rabbitmq | redis
       deploy/services.sh ctl COMMAND...

  up       makes both servers available; returns when they answer; harmless when they already do
  env      prints the line to eval: export AMQP_URL=… REDIS_URL=…
  status   one line per server; exit status 1 unless both answer
  down     stops what `up` started and deletes its data
  tools    makes prometheus and promtool available, which tests start themselves; starts nothing
  restart  stops and starts one private server with its data, on the same port
  kill     kills one private server with SIGKILL; `restart` or `up` brings it back
  ctl      runs rabbitmqctl on the private RabbitMQ: `ctl add_vhost music`, `ctl close_all_connections reason`

A server whose AMQP_URL or REDIS_URL is set is used as it is, and never stopped. Otherwise a private one runs on
a loopback port: this machine's own program, installed with apt (as root or by sudo) where it is missing, else a
container (docker compose), else Homebrew's. Nothing is started at boot, no running server is disturbed.

  SERVICES_STATE=DIR   where a set lives (default .state/services in the repository); one directory, one set
  SERVICES_DURABLE=1   Redis writes every command to disk before it answers: data survive `kill redis`
  SERVICES_API=1       RabbitMQ's HTTP API as well (RABBITMQ_API_URL); not in a container
  SERVICES_CLUSTER=DIR RabbitMQ is a node of a cluster whose first node is that of the set in DIR (the first set names its own
                       directory); not in a container
  SERVERS=debian13     RabbitMQ and Valkey of that Debian release (or debian12) instead of this machine's own; they are unpacked
                       into .state/servers once; needs root and debootstrap
  SERVICES_PRIVATE=1   private servers even where AMQP_URL or REDIS_URL are set

exit status: 0 done, 1 failed (reason on stderr), 2 something is missing on this machine, 64 wrong usage
TEXT
}

DEPLOY=$(cd "$(dirname "${BASH_SOURCE[0]}")" >/dev/null && pwd)
STATE=${SERVICES_STATE:-$(dirname "$DEPLOY")/.state/services}
case $STATE in /*) ;; *) STATE=$PWD/$STATE ;; esac
case ${SERVICES_CLUSTER:-/} in /*) ;; *) SERVICES_CLUSTER=$PWD/$SERVICES_CLUSTER ;; esac

. "$DEPLOY/lib.sh"
. "$DEPLOY/services/suite.sh"
. "$DEPLOY/services/install.sh"
. "$DEPLOY/services/external.sh"
. "$DEPLOY/services/rabbitmq.sh"
. "$DEPLOY/services/redis.sh"
. "$DEPLOY/services/docker.sh"

# One verb at a time per set. The kernel drops the lock when this process ends, however it ends.
lock_state() {
    mkdir -p "$STATE"
    if [ ! -e "$STATE/.services" ]; then
        [ -z "$(ls -A "$STATE")" ] || die 1 "$STATE is not empty and not a directory of mine: name another in SERVICES_STATE"
        : >"$STATE/.services"
    fi
    exec 9>>"$STATE/.services" || return 1
    if command -v flock >/dev/null; then
        flock 9
    else
        perl -MFcntl=:flock -e 'open(F, ">>&=9") && flock(F, LOCK_EX) or exit 1'
    fi || die 1 "cannot lock $STATE"
    # Whoever held the lock before may have been `down`, which removes the file: is it still the one that was locked?
    printf '%s\n' "$$" >&9
    [ "$(tail -n 1 "$STATE/.services" 2>/dev/null)" = "$$" ] || lock_state
}

# native or docker once a private server is laid out, else nothing.
backend_of() { cat "$STATE/$1/backend" 2>/dev/null || true; } # rabbitmq|redis

# Every backend knows the same operations: lay_out start probe url kill stop discard, and those on ports and logs.
run_on() { # rabbitmq|redis operation argument...
    case $(backend_of "$1") in
        native) "$1_$2" "${@:3}" ;;
        docker) "docker_$2" "$1" "${@:3}" ;;
        *) return 1 ;;
    esac
}

missing() { # rabbitmq|redis
    local what='redis-server (7.0 or newer)'
    [ "$1" = redis ] || what='rabbitmq-server (3.10 or newer)'
    die 2 "$what is not on this machine, and I cannot install it. One of these helps:
  - Debian or Ubuntu, as root: apt-get install --no-install-recommends rabbitmq-server redis-server
    (I do it myself as root, or where sudo works)
  - docker with the compose plugin, and a daemon that answers \`docker info\`
  - Homebrew (https://brew.sh)
  - a server elsewhere: set $(url_variable "$1")"
}

missing_tools() {
    die 2 "prometheus and promtool (2.42 or newer) are not on this machine, and I cannot install them. One of these helps:
  - Debian or Ubuntu, as root: apt-get install --no-install-recommends prometheus
    (I do it myself as root, or where sudo works; it is neither started nor enabled)
  - Homebrew (https://brew.sh)
  - a release of Prometheus unpacked anywhere, and its directory on the PATH"
}

choose_backend() { # rabbitmq|redis; prints native or docker
    if suite_is_chosen; then
        suite_install "$STATE/install.log"
        found_natively "$1" || missing "$1"
        echo native
    elif found_natively "$1" || apt_install "$1" "$STATE/install.log"; then
        echo native
    elif docker_usable; then
        echo docker
    elif brew_install "$1" "$STATE/install.log"; then
        echo native
    else
        missing "$1"
    fi
}

lay_out() { # rabbitmq|redis
    local backend
    backend=$(choose_backend "$1") || exit $?
    mkdir -p "$STATE/$1"
    printf '%s\n' "$backend" >"$STATE/$1/backend"
    suite_note
    run_on "$1" lay_out
    run_on "$1" new_ports
}

# With `move`, a port that somebody else has taken is given up for another, also when it is taken just before we bind it.
start() { # rabbitmq|redis move|stay
    local service=$1 try began=$SECONDS
    for try in 1 2 3 4 5; do
        if [ "$try" -gt 1 ] || ! run_on "$service" ports_free; then
            [ "$2" = move ] || die 1 "$service cannot come back on its port: another program has it"
            run_on "$service" new_ports
        fi
        say "$service: starting ..."
        if (run_on "$service" start); then
            : >"$STATE/$service/ready"
            say "$service: up at $(run_on "$service" url) after $((SECONDS - began)) s"
            return 0
        fi
        run_on "$service" stop || true
        run_on "$service" port_clash || break
        say "$service: another program took a port in the meantime"
    done
    run_on "$service" logs >&2 || true
    die 1 "$service did not start (its files: $STATE/$service; \`down\` discards them)"
}

up_one() { # rabbitmq|redis
    local service=$1 url
    url=$(given_url "$service")
    if [ -n "$url" ]; then
        probe_url "$url" || die 1 "$(url_variable "$service") is set, but no $service answers at $(shown_url "$url") (unset it for a private one)"
        say "$service: using $(shown_url "$url")"
    elif run_on "$service" probe; then
        [ "$service" != redis ] || check_durability
        say "$service: already up at $(run_on "$service" url)"
    else
        # What never answered may be half made; what once did keeps its data.
        [ -e "$STATE/$service/ready" ] || discard "$service"
        [ -n "$(backend_of "$service")" ] || lay_out "$service"
        started="$started $service"
        run_on "$service" stop # alive, yet without an answer; or RabbitMQ's epmd
        start "$service" move
    fi
}

check_durability() {
    [ "${SERVICES_DURABLE:-0}" != 1 ] || ! [ -e "$STATE/redis/redis.conf" ] ||
        grep -q '^appendonly yes' "$STATE/redis/redis.conf" ||
        die 1 "redis is up without SERVICES_DURABLE=1: \`down\` first"
}

discard() { # rabbitmq|redis
    run_on "$1" discard || [ -z "$(backend_of "$1")" ] || die 1 "could not stop $1: see $STATE/$1"
    rm -rf "${STATE:?}/$1"
}

# A start that fails or is interrupted stops what it started; the files stay for a look.
undo_up() {
    local code=$? service
    trap - EXIT
    for service in $started; do run_on "$service" stop || true; done
    exit "$code"
}

verb_up() {
    lock_state
    heal_policy
    started=''
    trap undo_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    up_one redis
    up_one rabbitmq
    trap - EXIT
}

verb_env() {
    local service url line=export
    for service in rabbitmq redis; do
        url=$(given_url "$service")
        [ -n "$url" ] || url=$(run_on "$service" probe && run_on "$service" url) ||
            die 1 "$service is not up (deploy/services.sh up)"
        line="$line $(url_variable "$service")=$(quoted "$url")"
    done
    if [ -z "$(given_url rabbitmq)" ] && [ "$(backend_of rabbitmq)" = native ] && url=$(rabbitmq_api_url); then
        line="$line RABBITMQ_API_URL=$(quoted "$url")"
    fi
    printf '%s\n' "$line"
}

verb_status() {
    local service url all=0
    for service in rabbitmq redis; do
        url=$(given_url "$service")
        if [ -n "$url" ]; then
            if probe_url "$url"; then url="up, yours, $(shown_url "$url")"; else url="no answer, yours, $(shown_url "$url")" all=1; fi
        elif run_on "$service" probe; then
            url="up, private ($(backend_of "$service")), $(run_on "$service" url)"
        else
            url=down all=1
        fi
        printf '%-9s %s\n' "$service" "$url"
    done
    return "$all"
}

verb_down() {
    if [ ! -e "$STATE" ]; then
        say "nothing to stop in $STATE"
        return 0
    fi
    lock_state
    discard rabbitmq
    discard redis
    rm -f "$STATE/install.log" "$STATE/servers" "$STATE/.services"
    rmdir "$STATE" 2>/dev/null || true
    say "stopped, and nothing left in $STATE"
}

verb_tools() {
    found_natively prometheus && return 0
    lock_state
    heal_policy
    apt_install prometheus "$STATE/install.log" || brew_install prometheus "$STATE/install.log" || missing_tools
}

private_only() { # rabbitmq|redis
    case $1 in rabbitmq | redis) ;; *) usage >&2 && exit 64 ;; esac
    lock_state
    [ -e "$STATE/$1/ready" ] || die 1 "there is no private $1 in $STATE"
}

verb_restart() {
    private_only "$1"
    run_on "$1" stop
    start "$1" stay
}

verb_kill() {
    private_only "$1"
    run_on "$1" kill
    say "$1: killed"
}

# Without the lock: tests call it side by side, and it changes nothing of ours.
verb_ctl() {
    [ -e "$STATE/rabbitmq/ready" ] || die 1 "there is no private rabbitmq in $STATE"
    run_on rabbitmq ctl "$@"
}

suite_choose
case $#:${1:-} in
    [2-9]:ctl) shift && verb_ctl "$@" ;;
    1:up | 1:env | 1:status | 1:down | 1:tools) "verb_$1" ;;
    2:restart | 2:kill) "verb_$1" "$2" ;;
    1:-h | 1:--help | 1:help) usage ;;
    *)
        usage >&2
        exit 64
        ;;
esac
