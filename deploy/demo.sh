#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# The whole road once, on this machine: two workers, a producer, the samples at three priorities. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/demo.sh

Builds worker and producer, starts a private RabbitMQ and Redis (see deploy/services.sh) and two workers, enqueues the
samples of loadtest/samples at three priorities, shows progress, results, queues and metrics, stops everything in order,
and checks what came out. Nothing is left running.

exit status: 0 all as it should be, 1 not (the last line says what), 2 something is missing on this machine
TEXT
}

case $#:${1:-} in
    0:) ;;
    1:-h | 1:--help) usage && exit 0 ;;
    *) usage >&2 && exit 64 ;;
esac

DEPLOY=$(cd "$(dirname "${BASH_SOURCE[0]}")" >/dev/null && pwd)
. "$DEPLOY/lib.sh"
cd "$DEPLOY/.."
SAMPLES=$PWD/loadtest/samples

# A file takes a fraction of a second; a demonstration that hangs shall say so.
PATIENCE=300

wrong=''
check() { # what command...
    local what=$1
    shift
    "$@" || {
        say "NOT SO: $what"
        wrong=${wrong:-$what}
    }
}

worker_pids=''

finish() {
    local code=$?
    trap - EXIT
    trap '' INT TERM HUP
    if [ "$code" != 0 ] || [ -n "$wrong" ]; then tail -n 8 "$RUN"/worker-*.log >&2 || true; fi
    close_run "$RUN" || code=1
    if [ "$code" = 0 ] && [ -z "$wrong" ]; then
        say "demo: passed: $samples samples ok, $bad bad files each with its reason, queues empty, nothing left running"
    else
        say "demo: FAILED: ${wrong:-stopped early, see above}"
        [ "$code" != 0 ] || code=1
    fi
    exit "$code"
}

build() {
    local target
    say '== build'
    cargo build --release --locked -p worker -p producer || die 1 'the build failed'
    target=$(cargo metadata --no-deps --offline --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
    # A path of their own makes these processes recognisable among all others.
    mkdir "$RUN/bin"
    cp "$target/release/worker" "$target/release/producer" "$RUN/bin/"
}

# Programs see these settings and no others of the caller's.
settings() { # NAME=value...; sets the array run
    run=(env -i "PATH=$PATH" "HOME=${HOME:-/}" "TERM=${TERM:-dumb}" "AMQP_URL=$AMQP_URL" "REDIS_URL=$REDIS_URL"
        "MEDIA_ROOTS=samples=$SAMPLES" "$@")
}

producer() {
    say "\$ producer $(printf '%s ' "$@" | sed "s#$SAMPLES/##g" | cut -c 1-100)"
    settings
    with_deadline "$PATIENCE" "${run[@]}" "$RUN/bin/producer" "$@"
}

http_get() ( # port path
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
    cat <&3
) 2>/dev/null

is_ready() { case $(with_deadline 5 http_get "$1" /readyz) in 'HTTP/1.1 200'*) ;; *) return 1 ;; esac } # port

start_worker() { # number port
    settings "HTTP_ADDR=127.0.0.1:$2" ANALYSIS_MAX_WORKERS=2 LOG_FORMAT=json
    "${run[@]}" "$RUN/bin/worker" run </dev/null >"$RUN/worker-$1.log" 2>&1 &
    worker_pids="$worker_pids $!"
    write_record "$RUN/worker-$1.record" $! || true
    wait_until 60 ready_or_gone "$1" "$2" && is_ready "$2" && return 0
    tail -n 20 "$RUN/worker-$1.log" >&2
    die 1 "worker $1 does not become ready"
}

ready_or_gone() { is_ready "$2" || ! record_alive "$RUN/worker-$1.record"; } # number port

# Enqueues files as one batch, and remembers its id under a name.
enqueue() { # name priority file...
    local name=$1 level=$2 batch
    shift 2
    batch=$(producer enqueue --priority "$level" --label "demo: $name" "$@") || die 1 "could not enqueue: $name"
    printf '%s\n' "$batch" >"$RUN/$name.batch"
    say "$batch"
}

watch() { # name expected-exit-status
    local code=0
    producer watch "$(<"$RUN/$1.batch")" || code=$?
    check "watching '$1' ends with status $2 (not $code)" test "$code" = "$2"
}

# path, outcome and kind of failure of every record of a batch, in the order of the paths.
ends_of() { # name
    settings
    "${run[@]}" "$RUN/bin/producer" results "$(<"$RUN/$1.batch")" --format ndjson |
        sed -E 's#^\{"path":"samples/([^"]*)","outcome":"([^"]*)","kind":"?([^",]*)"?,.*#\1 \2 \3#' |
        awk '{print $1, $2, ($2 == "failed" ? $3 : "null")}' | sort
}

# The ends that the truth beside the bad files accepts: path, outcome and kind.
accepted_ends() {
    awk -F'"' '/"path":/ {path = $4} /"outcome":/ {outcome = $4} /"kind":/ {print "bad/" path, outcome, ($4 == "" ? "null" : $4)}' \
        "$SAMPLES/bad/truth.json" | sort
}

every_line_in() { [ -z "$(comm -23 "$1" "$2")" ] || { comm -23 "$1" "$2" >&2 && return 1; }; } # file file

check_ends() {
    ends_of first >"$RUN/first.ends"
    ends_of rest >"$RUN/rest.ends"
    ends_of bad >"$RUN/bad.ends"
    accepted_ends >"$RUN/bad.accepted"
    check 'every sample has one record' test "$(cat "$RUN/first.ends" "$RUN/rest.ends" | wc -l)" -eq "$samples"
    check 'every sample is ok' test -z "$(cat "$RUN/first.ends" "$RUN/rest.ends" | grep -v ' ok null$')"
    check 'every bad file has one record' test "$(cut -d ' ' -f 1 "$RUN/bad.ends" | uniq | wc -l)" -eq "$bad"
    check 'every bad file ended as it should' every_line_in "$RUN/bad.ends" "$RUN/bad.accepted"
}

processed() { # port...; files that the workers say they have processed
    local port
    for port in "$@"; do http_get "$port" /metrics; done |
        awk '/^analysis_files_processed_total\{/ {sum += $NF} END {print sum + 0}'
}

show_metrics() { # port...
    local port
    say '== metrics'
    for port in "$@"; do
        say "\$ curl -s http://127.0.0.1:$port/metrics | grep files_processed"
        http_get "$port" /metrics | grep '^analysis_files_processed_total{.* [1-9]' || true
    done
    check "the workers count $((samples + bad)) files" test "$(processed "$@")" -eq $((samples + bad))
}

# Nothing is delivered any more, so what nobody acknowledged would be back in its queue.
check_queues() {
    local waiting
    waiting=$(producer status --json | awk -F'[:,]' '/"ready":/ {sum += $2; queues++} END {print queues ? sum : "unknown"}')
    check "the queues are empty (not: $waiting waiting)" test "$waiting" = 0
}

stop_workers() {
    local pid code number=0
    say '== stop'
    # shellcheck disable=SC2086 # a list of numbers
    kill -TERM $worker_pids || true
    for pid in $worker_pids; do
        number=$((number + 1)) code=0
        wait "$pid" || code=$?
        say "worker $number ended with status $code"
        check "worker $number ends with status 0 (not $code)" test "$code" = 0
        rm -f "$RUN/worker-$number.record"
    done
}

processes_left() {
    local process
    if [ -r /proc/self/exe ]; then
        for process in /proc/[0-9]*; do
            case $(readlink "$process/exe" 2>/dev/null) in "$RUN"/*) echo "${process#/proc/}" ;; esac
        done
    else
        pgrep -f "$RUN/bin/" || true
    fi
}

absent=$(absent_tools)
[ -z "$absent" ] || die 2 "missing on this machine:
$absent"
first=("$SAMPLES"/*.flac)
rest=()
for file in "$SAMPLES"/*.*; do
    case $file in *.flac | *.json) ;; *) rest+=("$file") ;; esac
done
broken=()
for file in "$SAMPLES"/bad/*.*; do
    case $file in *.json) ;; *) broken+=("$file") ;; esac
done
samples=$((${#first[@]} + ${#rest[@]}))
bad=${#broken[@]}

open_run demo
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

build
say '== services'
# Private ones: a demonstration must not meet other workers' queues.
export SERVICES_PRIVATE=1
"$DEPLOY/services.sh" up || { code=$? && wrong='no servers' && exit "$code"; }
eval "$("$DEPLOY/services.sh" env)"

say '== two workers'
read -r -a ports <<<"$(free_ports 2)"
start_worker 1 "${ports[0]}"
start_worker 2 "${ports[1]}"

say '== enqueue'
enqueue bad low "${broken[@]}"
enqueue rest normal "${rest[@]}"
enqueue first high "${first[@]}"

say '== watch'
watch first 0
watch rest 0
watch bad 1

say '== results'
for name in first rest bad; do producer results "$(<"$RUN/$name.batch")" --format table; done
say '== status'
producer status
check_ends
show_metrics "${ports[@]}"
stop_workers
check_queues
check 'no worker or lane is left' test -z "$(processes_left)"
