#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# Fresh passwords for a set of servers, in files. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/secrets.sh DIRECTORY [NAMESPACE]

Writes into DIRECTORY (made anew, for its owner alone) what workers, producers and the servers themselves have to know:

  amqp-url redis-url          for AMQP_URL_FILE and REDIS_URL_FILE
  rabbitmq-api-url            RabbitMQ's HTTP API, for KEDA; with NAMESPACE under the name that other namespaces see
  default_user.conf redis.conf            the same user and password, for the servers' own configuration
  grafana-password            of Grafana's user admin, for deploy/compose.yaml
  username password host port provider type    the same for the RabbitMQ Cluster Operator

For deploy/compose.yaml:   deploy/secrets.sh deploy/secrets
For Kubernetes:            deploy/secrets.sh /tmp/analysis analysis-dev
                           kubectl -n analysis-dev create secret generic analysis-servers --from-file=/tmp/analysis

Nothing is overwritten: a new password would shut out servers that still have the old one.

exit status: 0 done, 1 failed (reason on stderr), 64 wrong usage
TEXT
}

DEPLOY=$(cd "$(dirname "${BASH_SOURCE[0]}")" >/dev/null && pwd)
. "$DEPLOY/lib.sh"

case $#:${1:-} in
    1:-h | 1:--help) usage && exit 0 ;;
    1:-* | 2:-*) usage >&2 && exit 64 ;;
    1:* | 2:*) ;;
    *) usage >&2 && exit 64 ;;
esac

directory=$1
domain=${2:+.$2.svc}
[ ! -e "$directory" ] || die 1 "$directory is there already: remove it first if no server needs its passwords any more"

# 128 bits, in characters that need no escaping in a URL or a configuration file.
password() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# Containers read them as a user of their own; the directory keeps everybody else out.
(umask 077 && mkdir -p "$directory")
umask 022
# Without a line end: KEDA and environment variables take what is there.
put() { printf %s "$2" >"$directory/$1"; } # file text

rabbitmq=$(password)
redis=$(password)
put amqp-url "amqp://analysis:$rabbitmq@rabbitmq:5672/%2f"
put redis-url "redis://:$redis@redis:6379/0"
put rabbitmq-api-url "http://analysis:$rabbitmq@rabbitmq$domain:15672/%2f"
put default_user.conf "default_user = analysis
default_pass = $rabbitmq
default_user_tags.administrator = true
"
put redis.conf "requirepass $redis
"
put grafana-password "$(password)"
put username analysis
put password "$rabbitmq"
put host "rabbitmq$domain"
put port 5672
put provider rabbitmq
put type rabbitmq
say "wrote $directory"
