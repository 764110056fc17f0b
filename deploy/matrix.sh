#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# The fleet's tests against several versions of the servers. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/matrix.sh [SERVERS[,SERVERS...] [ARGUMENT...]]

Runs the fleet's tests (cargo test -p worker --test fleet) against each of these sets of servers, by default all of them:

  own       this machine's RabbitMQ and Redis
  debian12  RabbitMQ 3.10, Redis 7.0
  debian13  RabbitMQ 4.0, Valkey 8.1

Those of a Debian release are unpacked once (see SERVERS in deploy/services.sh): that needs root and debootstrap. What tests
start by themselves is of the same set. Further arguments go to the tests: `deploy/matrix.sh debian13 outages::`.

exit status: 0 all passed, 1 some tests failed, 2 something is missing on this machine
TEXT
}

case ${1:-} in -h | --help) usage && exit 0 ;; -*) usage >&2 && exit 64 ;; esac
sets=${1:-own,debian12,debian13}
[ $# = 0 ] || shift

DEPLOY=$(cd "$(dirname "${BASH_SOURCE[0]}")" >/dev/null && pwd)
. "$DEPLOY/lib.sh"
. "$DEPLOY/services/suite.sh"
cd "$DEPLOY/.."

finish() {
    local code=$?
    trap - EXIT
    trap '' INT TERM HUP
    close_run "$RUN" || code=1
    exit "$code"
}

open_run matrix
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
export SERVICES_PRIVATE=1
unset AMQP_URL REDIS_URL

# Tests that need a Redis for themselves start `redis-server` from the PATH.
shim() {
    mkdir -p "$RUN/bin"
    local program root STATE=$RUN
    root=$(suite_root)
    program=$(suite_program /usr/bin/valkey-server /usr/bin/redis-server) || die 2 "there is no redis-server in $root"
    suite_command
    printf '#!/bin/sh\nexec %s "$@"\n' "$(for word in "${suite_run[@]}" "$program"; do printf '%s ' "$(quoted "$word")"; done)" >"$RUN/bin/redis-server"
    chmod 755 "$RUN/bin/redis-server"
}

summary='' failed=0
path=$PATH
for set in ${sets//,/ }; do
    began=$SECONDS result=passed
    SERVERS=$set PATH=$path
    [ "$set" != own ] || SERVERS=''
    export SERVERS
    deploy/services.sh up || exit $?
    if [ -n "$SERVERS" ]; then shim && PATH=$RUN/bin:$path; fi
    line=$(deploy/services.sh env)
    eval "$line"
    versions="RabbitMQ $(deploy/services.sh ctl version), $(redis-cli -u "$REDIS_URL" INFO server | tr -d '\r' | grep -E '^(redis|valkey)_version:' | tr '\n' ' ')"
    say "== $set: $versions"
    cargo test --locked -p worker --test fleet -- "$@" || result=FAILED failed=1
    unset AMQP_URL REDIS_URL
    deploy/services.sh down
    summary="$summary$(printf '%-9s %-7s %5d s  %s' "$set" "$result" $((SECONDS - began)) "$versions")
"
done
say '== summary'
printf '%s' "$summary"
exit "$failed"
