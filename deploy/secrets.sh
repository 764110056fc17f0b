#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# Fresh passwords for a set of servers, in files. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/secrets.sh [--tls] DIRECTORY [NAMESPACE]

Writes into DIRECTORY (made anew, for its owner alone) what workers, producers and the servers themselves have to know:

  amqp-url redis-url          for AMQP_URL_FILE and REDIS_URL_FILE
  rabbitmq-api-url            RabbitMQ's HTTP API, for KEDA; with NAMESPACE under the name that other namespaces see
  rabbitmq-api-tls            `enable` with --tls, else `disable`: whether KEDA uses the certificates of k8s/components/tls
  default_user.conf redis.conf            the same user and password, for the servers' own configuration
  username password host port provider type    the same for the RabbitMQ Cluster Operator
  grafana-password            of Grafana's user admin, for deploy/compose.yaml; without NAMESPACE only

  --tls   RabbitMQ's URLs begin with amqps:// and https://. The URL of Redis does not change: a Redis with TLS is not among the
          components of k8s/, so write its own URL into DIRECTORY/redis-url

For deploy/compose.yaml:   deploy/secrets.sh deploy/secrets
For Kubernetes:            deploy/secrets.sh /tmp/analysis-dev analysis-dev
                           kubectl -n analysis-dev create secret generic analysis-servers --from-file=/tmp/analysis-dev
                           rm -r /tmp/analysis-dev                      # the cluster has it now

Nothing is overwritten: a new password would shut out servers that still have the old one.

exit status: 0 done, 1 failed (reason on stderr), 64 wrong usage
TEXT
}

DEPLOY=$(cd "$(dirname "${BASH_SOURCE[0]}")" >/dev/null && pwd)
. "$DEPLOY/lib.sh"

tls=no
[ "${1:-}" != --tls ] || { tls=yes && shift; }
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
case $tls in
    no) amqp=amqp port=5672 http=http api_port=15672 api_tls=disable ;;
    yes) amqp=amqps port=5671 http=https api_port=15671 api_tls=enable ;;
esac
put amqp-url "$amqp://analysis:$rabbitmq@rabbitmq:$port/%2f"
put redis-url "redis://:$redis@redis:6379/0"
put rabbitmq-api-url "$http://analysis:$rabbitmq@rabbitmq$domain:$api_port/%2f"
put rabbitmq-api-tls "$api_tls"
put default_user.conf "default_user = analysis
default_pass = $rabbitmq
default_user_tags.administrator = true
"
put redis.conf "requirepass $redis
"
# Nothing in k8s/ reads it.
[ -n "$domain" ] || put grafana-password "$(password)"
put username analysis
put password "$rabbitmq"
put host "rabbitmq$domain"
put port "$port"
put provider rabbitmq
put type rabbitmq
say "wrote $directory"
