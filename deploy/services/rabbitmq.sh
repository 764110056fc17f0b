# shellcheck shell=bash
# A private RabbitMQ on loopback ports, everything of it under one directory. To be sourced after lib.sh and install.sh.
# Beside the broker runs an epmd of its own (Erlang's name server), so that sets never see each other's.

rabbitmq_dir=$STATE/rabbitmq

rabbitmq_ports() { # sets amqp_port dist_port epmd_port api_port
    read -r amqp_port dist_port epmd_port api_port <"$rabbitmq_dir/ports"
}

# The broker and its tools get this environment and nothing else: a RABBITMQ_* or ERL_* of the caller's would point them elsewhere.
rabbitmq_environment() { # sets the array rabbitmq_env
    local locale=C.UTF-8
    [ "$(uname)" = Linux ] || locale=en_US.UTF-8
    rabbitmq_ports
    suite_command
    rabbitmq_env=(${suite_run[@]+"${suite_run[@]}"} env -i
        "PATH=$PATH" "HOME=$rabbitmq_dir/home" "LC_ALL=$locale" "TMPDIR=${TMPDIR:-/tmp}"
        "ERL_EPMD_PORT=$epmd_port" "ERL_EPMD_ADDRESS=127.0.0.1" "ERL_INETRC=$rabbitmq_dir/inetrc"
        "ERL_CRASH_DUMP=$rabbitmq_dir/erl_crash.dump"
        "RABBITMQ_NODENAME=$(<"$rabbitmq_dir/node")" "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1"
        "RABBITMQ_NODE_PORT=$amqp_port" "RABBITMQ_DIST_PORT=$dist_port"
        # Zero: any free port, so that the tools of several sets do not compete for the default range.
        "RABBITMQ_CTL_DIST_PORT_MIN=0" "RABBITMQ_CTL_DIST_PORT_MAX=0"
        "RABBITMQ_CTL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}"
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}"
        "RABBITMQ_CONF_ENV_FILE=/dev/null" "RABBITMQ_CONFIG_FILE=$rabbitmq_dir/rabbitmq.conf"
        "RABBITMQ_ADVANCED_CONFIG_FILE=$rabbitmq_dir/advanced.config"
        "RABBITMQ_ENABLED_PLUGINS_FILE=$rabbitmq_dir/enabled_plugins"
        "RABBITMQ_PLUGINS_EXPAND_DIR=$rabbitmq_dir/plugins" "RABBITMQ_GENERATED_CONFIG_DIR=$rabbitmq_dir/generated"
        "RABBITMQ_MNESIA_BASE=$rabbitmq_dir/data" "RABBITMQ_MNESIA_DIR=$rabbitmq_dir/data/node"
        "RABBITMQ_FEATURE_FLAGS_FILE=$rabbitmq_dir/data/feature_flags"
        "RABBITMQ_LOG_BASE=$rabbitmq_dir" "RABBITMQ_LOGS=$rabbitmq_dir/broker.log"
        "RABBITMQ_PID_FILE=$rabbitmq_dir/erlang.pid"
        # Makes the start script become the Erlang machine instead of waiting beside it: one process to signal.
        "RUNNING_UNDER_SYSTEMD=true")
}

# The directory of the set whose epmd and cookie this node uses: its own, or that of the cluster's first node.
rabbitmq_founder() { cat "$rabbitmq_dir/cluster" 2>/dev/null || printf '%s\n' "$rabbitmq_dir"; }

rabbitmq_has_joined() { [ "$(rabbitmq_founder)" != "$rabbitmq_dir" ]; }

rabbitmq_lay_out() {
    # Its disk monitor runs `df` through a shell without escaping, and hangs.
    case $rabbitmq_dir in *[\'\"\\]*) die 1 "RabbitMQ cannot run below a path with a quote in it: $STATE" ;; esac
    mkdir -p "$rabbitmq_dir/home" "$rabbitmq_dir/data"
    local random
    random=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
    printf 'analysis-%s@localhost\n' "${random:0:8}" >"$rabbitmq_dir/node"
    (umask 077 && printf '%s' "$random" >"$rabbitmq_dir/home/.erlang.cookie")
    if [ -n "${SERVICES_CLUSTER:-}" ]; then
        printf '%s\n' "$SERVICES_CLUSTER/rabbitmq" >"$rabbitmq_dir/cluster"
        if rabbitmq_has_joined; then
            cat "$SERVICES_CLUSTER/rabbitmq/home/.erlang.cookie" >"$rabbitmq_dir/home/.erlang.cookie" ||
                die 1 "SERVICES_CLUSTER=$SERVICES_CLUSTER is not the directory of a set whose RabbitMQ runs on this machine"
        fi
    fi
    chmod 400 "$rabbitmq_dir/home/.erlang.cookie"
    printf '[].\n' >"$rabbitmq_dir/enabled_plugins"
    if [ "${SERVICES_API:-0}" = 1 ]; then
        printf '[rabbitmq_management].\n' >"$rabbitmq_dir/enabled_plugins"
        # Lengths that are counted four times a second: with the usual 5 s, whoever runs the time faster would see the past.
        printf '[{rabbit, [{quorum_tick_interval, 250}, {collect_statistics_interval, 250}]}].\n' \
            >"$rabbitmq_dir/advanced.config"
    fi
    # Bare containers have no /etc/hosts; and localhost shall not mean ::1, where nothing listens.
    printf '{host, {127,0,0,1}, ["localhost"]}.\n{lookup, [file, native]}.\n' >"$rabbitmq_dir/inetrc"
}

rabbitmq_probe() { # is the broker of this record up and answering?
    record_alive "$rabbitmq_dir/record" && rabbitmq_ports && with_deadline 5 probe_amqp 127.0.0.1 "$amqp_port"
}

rabbitmq_url() { rabbitmq_ports && printf 'amqp://guest:guest@127.0.0.1:%s/%%2f' "$amqp_port"; }

# Starts epmd and the broker on the recorded ports, and returns when the broker has booted and answers.
rabbitmq_start() {
    local bin log=$rabbitmq_dir/start.log
    bin=$(rabbitmq_bin)
    rabbitmq_environment
    : >"$log"
    if ! rabbitmq_has_joined && ! record_alive "$rabbitmq_dir/epmd.record"; then
        launch "$rabbitmq_dir/epmd.record" "$log" ${suite_run[@]+"${suite_run[@]}"} "$(epmd_bin)" -address 127.0.0.1 -port "$epmd_port" || return 1
        wait_until 10 rabbitmq_epmd_settled || return 1
    fi
    rabbitmq_epmd_alive || return 1
    cd "$rabbitmq_dir" || return 1
    launch "$rabbitmq_dir/record" "$log" "${rabbitmq_env[@]}" "$bin/rabbitmq-server" || return 1
    # It waits for this very process, and gives up at once when it is gone. Its own time-out does not cover a boot step that hangs.
    with_deadline 300 "${rabbitmq_env[@]}" "$bin/rabbitmqctl" --quiet wait --timeout 290 \
        --pid "$(record_pid "$rabbitmq_dir/record")" >>"$log" 2>&1 9>&- &&
        rabbitmq_epmd_alive && rabbitmq_probe
}

rabbitmq_epmd_settled() { ! record_alive "$rabbitmq_dir/epmd.record" || port_taken "$epmd_port"; }

# On a port that is taken, epmd ends without a word and with status 0, and leaves the other one to serve.
rabbitmq_epmd_alive() {
    record_alive "$(rabbitmq_founder)/epmd.record" && return 0
    ! rabbitmq_has_joined || { say "the set of the cluster's first node is not up: $(rabbitmq_founder)" && return 1; }
    say 'epmd: address already in use' 2>>"$rabbitmq_dir/start.log"
    return 1
}

rabbitmq_ctl() { # argument...
    local began=$SECONDS code=0
    rabbitmq_environment
    # It starts an Erlang machine of its own: 1.5 s on an idle machine, a minute on one that builds something on every core.
    with_deadline 150 "${rabbitmq_env[@]}" "$(rabbitmq_bin)/rabbitmqctl" --quiet "$@" || code=$?
    # It is killed without a word of its own.
    [ "$code" != 137 ] || say "rabbitmqctl $1 had not ended after $((SECONDS - began)) s and was killed"
    return "$code"
}

# The epmd of a cluster stays: the other nodes find each other by it.
rabbitmq_stop() {
    stop_record "$rabbitmq_dir/record" 30 || return 1
    [ -e "$rabbitmq_dir/cluster" ] || stop_record "$rabbitmq_dir/epmd.record" 5
}

rabbitmq_kill() { kill_record "$rabbitmq_dir/record"; }

# Nobody will ask for the data again: no orderly end.
rabbitmq_discard() { rabbitmq_kill && rabbitmq_stop && stop_record "$rabbitmq_dir/epmd.record" 5; }

rabbitmq_port_clash() { grep -qsiE 'eaddrinuse|address already in use|could not bind|port [0-9]+ .*in use' "$rabbitmq_dir/start.log"; }

rabbitmq_new_ports() {
    free_ports 4 >"$rabbitmq_dir/ports"
    rabbitmq_ports
    printf 'log.file.level = info\n' >"$rabbitmq_dir/rabbitmq.conf"
    if [ -e "$rabbitmq_dir/cluster" ]; then rabbitmq_cluster_conf >>"$rabbitmq_dir/rabbitmq.conf"; fi
    ! rabbitmq_has_api || printf 'management.tcp.%s\n' 'ip = 127.0.0.1' "port = $api_port" >>"$rabbitmq_dir/rabbitmq.conf"
}

# Nodes without a majority pause: what they would accept meanwhile could be lost when the partition heals.
rabbitmq_cluster_conf() {
    local founder own_dist=$dist_port own_amqp=$amqp_port own_api=$api_port
    printf 'cluster_partition_handling = pause_minority\n'
    rabbitmq_has_joined || return 0
    founder=$(rabbitmq_founder)
    printf 'cluster_formation.peer_discovery_backend = classic_config\n'
    printf 'cluster_formation.classic_config.nodes.1 = %s\n' "$(<"$founder/node")"
    read -r _ _ epmd_port _ <"$founder/ports"
    printf '%s %s %s %s\n' "$own_amqp" "$own_dist" "$epmd_port" "$own_api" >"$rabbitmq_dir/ports"
}

rabbitmq_has_api() { grep -qs management "$rabbitmq_dir/enabled_plugins"; }

rabbitmq_api_url() { rabbitmq_has_api && rabbitmq_ports && printf 'http://guest:guest@127.0.0.1:%s' "$api_port"; }

rabbitmq_ports_free() {
    rabbitmq_ports && ! port_taken "$amqp_port" && ! port_taken "$dist_port" && ! port_taken "$api_port" &&
        { record_alive "$(rabbitmq_founder)/epmd.record" || ! port_taken "$epmd_port"; }
}

rabbitmq_logs() { tail -n 15 "$rabbitmq_dir/start.log" "$rabbitmq_dir/broker.log" 2>/dev/null; }
