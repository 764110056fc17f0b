# shellcheck shell=bash
# A private Redis on a loopback port, everything of it under one directory. To be sourced after lib.sh and install.sh.

redis_dir=$STATE/redis

redis_lay_out() {
    mkdir -p "$redis_dir"
    if [ "${SERVICES_DURABLE:-0}" = 1 ]; then
        printf 'appendonly yes\nappendfsync always\n'
    else
        printf 'appendonly no\n'
    fi >"$redis_dir/redis.conf"
    printf 'save ""\nbind 127.0.0.1\ndaemonize no\nmaxmemory-policy noeviction\n' >>"$redis_dir/redis.conf"
}

redis_alive() { record_alive "$redis_dir/record"; }

# Not only does something answer on the port: it is the recorded process.
redis_probe() {
    local info
    redis_alive && info=$(with_deadline 5 redis-cli -h 127.0.0.1 -p "$(<"$redis_dir/ports")" INFO server 2>/dev/null) &&
        grep -q "^process_id:$(record_pid "$redis_dir/record")[^0-9]" <<<"$info"
}

redis_url() { printf 'redis://127.0.0.1:%s/' "$(<"$redis_dir/ports")"; }

redis_start() {
    local log=$redis_dir/start.log
    : >"$log"
    # Its working directory, not a setting, says where the data go: a path may hold any character.
    cd "$redis_dir" || return 1
    suite_command
    launch "$redis_dir/record" "$log" ${suite_run[@]+"${suite_run[@]}"} "$(redis_bin)" ./redis.conf --port "$(<"$redis_dir/ports")" || return 1
    wait_until 60 redis_settled && redis_probe
}

redis_settled() { redis_probe || ! redis_alive; }

redis_stop() { stop_record "$redis_dir/record" 10; }

redis_kill() { kill_record "$redis_dir/record"; }

redis_discard() { redis_kill && redis_stop; }

redis_port_clash() { grep -qsi 'address already in use' "$redis_dir/start.log"; }

redis_new_ports() { free_ports 1 | tr -d ' ' >"$redis_dir/ports"; }

redis_ports_free() { ! port_taken "$(<"$redis_dir/ports")"; }

redis_logs() { tail -n 15 "$redis_dir/start.log"; }
