# shellcheck shell=bash
# What the scripts beside this file share: messages, ports, and processes that outlive the shell that started them.
# To be sourced. Runs on bash 3.2 (macOS) and needs no `ps`, `setsid` or `timeout`.

say() { printf '%s\n' "$*" >&2; }

die() { # exit-code message...
    local code=$1
    shift
    say "${0##*/}: $*"
    exit "$code"
}

# Text as one word of a POSIX shell, for what a caller will eval.
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

# What a pid stands for, so that a recycled pid is never taken for the old process: boot and start time. Fails when
# there is no such process, or only a zombie.
process_identity() { # pid
    local stat fields
    if [ -r /proc/self/stat ]; then
        # A process that ends between opening and reading leaves the text empty.
        { stat=$(<"/proc/$1/stat"); } 2>/dev/null && [ -n "$stat" ] || return 1
        # The command name (field 2) may hold spaces and brackets: count from the last one. Field 3 is the state, 22 the start.
        IFS=' ' read -r -a fields <<<"${stat##*) }"
        case ${fields[0]} in Z | X) return 1 ;; esac
        printf '%s %s\n' "$(</proc/sys/kernel/random/boot_id)" "${fields[19]}"
    else
        stat=$(LC_ALL=C ps -o stat= -o lstart= -p "$1" 2>/dev/null) || return 1
        case $stat in Z*) return 1 ;; esac
        printf '%s\n' "${stat#* }"
    fi
}

# A record is a file with a pid and its identity. It is renamed into place, so it is whole or absent.
write_record() { # file pid
    local identity
    identity=$(process_identity "$2") || return 1
    printf '%s\n%s\n' "$2" "$identity" >"$1.new" && mv -f "$1.new" "$1"
}

record_pid() { head -n 1 "$1"; } # file

record_alive() { # file
    local pid='' was='' is
    [ -f "$1" ] || return 1
    { read -r pid && read -r was; } <"$1" || return 1
    is=$(process_identity "$pid") && [ "$is" = "$was" ]
}

LIB=${BASH_SOURCE[0]}

# Starts a program in a process group of its own, out of reach of the terminal's Ctrl-C and hang-up. The program's
# process writes its record itself before it becomes the program: a launcher killed half-way leaves nothing unrecorded.
launch() { # record log program argument...
    local record=$1 log=$2
    shift 2
    (
        set -m
        trap '' HUP
        # shellcheck disable=SC2016 # expanded by the inner shell
        bash -c '. "$0"; write_record "$1" $$ && shift && exec "$@"' "$LIB" "$record" "$@" \
            </dev/null >>"$log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
    )
    # The record appears within milliseconds; without it nobody could wait for the program or stop it.
    wait_until 10 test -f "$record" || {
        say "could not start $1: see $log"
        return 1
    }
}

wait_until() { # seconds command...
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -le $deadline ] || return 1
        sleep 0.1
    done
}

record_gone() { ! record_alive "$1"; } # file

# SIGTERM, then after so many seconds SIGKILL to the whole group. A process that is no longer the recorded one is left alone.
stop_record() { # file seconds
    if record_alive "$1"; then
        kill -TERM "$(record_pid "$1")" 2>/dev/null || true
        wait_until "$2" record_gone "$1" || kill_record "$1" || return 1
    fi
    rm -f "$1"
}

kill_record() { # file
    record_alive "$1" || return 0
    local pid
    pid=$(record_pid "$1")
    kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
    wait_until 10 record_gone "$1" || {
        say "process $pid does not die"
        return 1
    }
}

# Runs a command, and kills it after so many seconds: a connect to a silent host would wait for minutes.
with_deadline() { # seconds command...
    local deadline=$((SECONDS + $1)) child code=0
    shift
    "$@" &
    child=$!
    # Looks at the child instead of leaving a watcher beside it, which would outlive a shell that is killed here.
    {
        while kill -0 "$child"; do
            [ $SECONDS -le $deadline ] || kill -KILL "$child" || true
            sleep 0.03
        done
        wait "$child" || code=$?
    } 2>/dev/null
    return "$code"
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; } # port

# Free loopback ports, all different, below the range that kernels hand to outgoing connections. Another program may take
# one before it is bound: whoever starts a server tries again with others.
free_ports() { # count
    local found=' ' port left=$1
    while [ "$left" -gt 0 ]; do
        port=$((20000 + RANDOM % 12000))
        case $found in *" $port "*) continue ;; esac
        port_taken "$port" && continue
        found="$found$port "
        left=$((left - 1))
    done
    printf '%s\n' "${found# }"
}

# What building needs and is not here, a line each.
absent_tools() {
    command -v cargo >/dev/null || printf '  - cargo: install Rust from https://rustup.rs\n'
    # rustc calls it as its linker.
    command -v cc >/dev/null ||
        printf '  - a C linker (cc): apt-get install gcc libc6-dev; on macOS: xcode-select --install\n'
}

# A directory for one run of one script, which also holds its private servers: sets RUN, and exports SERVICES_STATE. What runs
# that were killed have left is stopped first: nobody else would.
open_run() { # name
    local base old
    base=$(cd "$(dirname "$LIB")/.." >/dev/null && pwd)/.state
    for old in "$base/$1"-*; do
        if [ -d "$old" ] && ! record_alive "$old/owner"; then
            say "cleaning up after a run that was killed: $old"
            close_run "$old"
        fi
    done
    RUN=$base/$1-$$
    export SERVICES_STATE=$RUN/services
    mkdir -p "$RUN" && write_record "$RUN/owner" $$
}

# Stops every process recorded in a run's directory and its servers, and removes the directory.
close_run() { # directory
    local record
    for record in "$1"/*.record; do
        [ ! -f "$record" ] || stop_record "$record" 30
    done
    SERVICES_STATE=$1/services "$(dirname "$LIB")/services.sh" down
    rm -rf "$1"
}
