# shellcheck shell=bash
# The same servers in containers, where nothing can be installed. To be sourced after lib.sh and external.sh.

docker_usable() { docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; }

# One project per service and state directory: sets side by side do not see each other.
docker_compose() { # rabbitmq|redis argument...
    local service=$1 project
    project=analysis-$service-$(printf '%s' "$STATE" | cksum | cut -d ' ' -f 1)
    shift
    docker compose --project-name "$project" --file "$STATE/$service/compose.yaml" "$@" </dev/null >&2 9>&-
}

docker_lay_out() { # rabbitmq|redis
    local append=no
    [ "${SERVICES_DURABLE:-0}" = 1 ] && append=yes
    case $1 in
        # guest is let in from loopback alone, which a forwarded port is not; hence a user of our own.
        rabbitmq) cat <<'YAML' ;;
services:
  rabbitmq:
    image: rabbitmq:4.1-alpine
    hostname: rabbitmq
    ports: ["127.0.0.1:${PORT}:5672"]
    environment: {RABBITMQ_DEFAULT_USER: analysis, RABBITMQ_DEFAULT_PASS: analysis}
    healthcheck: {test: [CMD, rabbitmq-diagnostics, -q, check_port_connectivity], interval: 2s, timeout: 20s, retries: 60}
YAML
        redis) cat <<YAML ;;
services:
  redis:
    image: redis:7-alpine
    command: [redis-server, --save, "", --appendonly, "$append", --appendfsync, always]
    ports: ["127.0.0.1:\${PORT}:6379"]
    healthcheck: {test: [CMD, redis-cli, PING], interval: 1s, timeout: 5s, retries: 60}
YAML
    esac >"$STATE/$1/compose.yaml"
}

docker_start() { PORT=$(<"$STATE/$1/ports") docker_compose "$1" up --detach --wait; }

docker_probe() { probe_url "$(docker_url "$1")"; }

docker_url() { # rabbitmq|redis
    local port
    port=$(<"$STATE/$1/ports")
    case $1 in
        rabbitmq) printf 'amqp://analysis:analysis@127.0.0.1:%s/%%2f' "$port" ;;
        redis) printf 'redis://127.0.0.1:%s/' "$port" ;;
    esac
}

docker_ctl() { # rabbitmq argument...
    local service=$1
    shift
    PORT=$(<"$STATE/$service/ports") docker_compose "$service" exec -T rabbitmq rabbitmqctl --quiet "$@"
}

docker_kill() { PORT=$(<"$STATE/$1/ports") docker_compose "$1" kill --signal KILL; }

# Without ports the layout was cut short, and nothing was ever started.
docker_stop() { [ ! -e "$STATE/$1/ports" ] || PORT=$(<"$STATE/$1/ports") docker_compose "$1" stop --timeout 20; }

docker_discard() { [ ! -e "$STATE/$1/ports" ] || PORT=$(<"$STATE/$1/ports") docker_compose "$1" down --volumes --timeout 5; }

docker_port_clash() { return 1; }

docker_new_ports() { free_ports 1 | tr -d ' ' >"$STATE/$1/ports"; }

docker_ports_free() { ! port_taken "$(<"$STATE/$1/ports")"; }

docker_logs() { PORT=$(<"$STATE/$1/ports") docker_compose "$1" logs --tail 15; }
