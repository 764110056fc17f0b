# shellcheck shell=bash
# Servers that the caller named by URL: looked at, never touched. To be sourced after lib.sh.

url_variable() { [ "$1" = rabbitmq ] && echo AMQP_URL || echo REDIS_URL; } # rabbitmq|redis

# The caller's URL, or nothing.
given_url() { # rabbitmq|redis
    local name
    name=$(url_variable "$1")
    [ "${SERVICES_PRIVATE:-0}" = 1 ] || printf '%s' "${!name:-}"
}

# host and port of scheme://user:password@host:port/path, with the scheme's own port as the default.
url_address() { # url; sets host port
    local rest=${1#*://} default
    case $1 in
        amqp://*) default=5672 ;;
        amqps://*) default=5671 ;;
        redis://* | rediss://*) default=6379 ;;
        *) return 1 ;;
    esac
    rest=${rest%%[/?#]*}
    rest=${rest##*@}
    case $rest in
        '['*']'*) host=${rest%%]*} host=${host#[} port=${rest##*]} port=${port#:} ;;
        *:*) host=${rest%:*} port=${rest##*:} ;;
        *) host=$rest port='' ;;
    esac
    host=${host:-127.0.0.1} port=${port:-$default}
}

# AMQP 0-9-1: the protocol header is answered with a method frame, whose first byte is 1; other servers answer with text.
probe_amqp() { # host port
    local byte
    exec 3<>"/dev/tcp/$1/$2" || return 1
    printf 'AMQP\0\0\11\1' >&3
    IFS= read -r -n 1 -u 3 byte || return 1
    case $byte in [[:print:]]) return 1 ;; esac
} 2>/dev/null

# PONG, or a demand for the password: the client will bring it.
probe_redis() { # host port
    local line
    exec 3<>"/dev/tcp/$1/$2" || return 1
    printf 'PING\r\n' >&3
    IFS= read -r -u 3 line || return 1
    case $line in +PONG* | -NOAUTH*) ;; *) return 1 ;; esac
} 2>/dev/null

probe_tcp() { exec 3<>"/dev/tcp/$1/$2"; } 2>/dev/null # host port; for TLS, where more would need a handshake

probe_url() { # url
    local host port probe
    url_address "$1" || return 1
    case $1 in
        amqp://*) probe=probe_amqp ;;
        redis://*) probe=probe_redis ;;
        *) probe=probe_tcp ;;
    esac
    with_deadline 10 "$probe" "$host" "$port"
}

# A URL without its password, for messages.
shown_url() { printf '%s' "$1" | sed -E 's#(://[^:@/]*):[^@/]*@#\1:***@#'; }
