# shellcheck shell=bash
# What the scripts beside this file share: the programs built once, then one scenario with all further arguments. To be sourced.

LOADTEST_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" >/dev/null && pwd)
. "$LOADTEST_DIR/../deploy/lib.sh"

# What every scenario's usage ends with.
common_usage() { # scenario
    cat <<TEXT

Nothing needs to be prepared: the programs are built (release) where they are not up to date, and a private RabbitMQ and
Redis on loopback ports are started (installed first where they are missing: see deploy/services.sh) and are gone at the
end, as everything else that was started. Where AMQP_URL and REDIS_URL are set, those servers are used; if they are not on
this machine, --cluster must say so. All arguments are passed on to \`loadtest $1\`, whose --help explains them.

  --json FILE        everything measured [default: .state/loadtest/$1.json]
  --seed N           files, levels and arrivals follow from it
  --cluster          use servers that are not on this machine
  --no-workers --media NAME=/PATH
                     start no worker: load a fleet that runs already, with the files below that folder
  --quiet            no progress

  LOADTEST=PATH      use this program, and the worker and producer beside it, instead of building them

exit status: 0 every requirement met, 1 one missed or the run failed, 2 wrong usage or something missing on this machine,
             130 interrupted
TEXT
}

# Sets LOADTEST.
need_programs() {
    local absent target
    if [ -n "${LOADTEST:-}" ]; then
        [ -x "$LOADTEST" ] || die 2 "LOADTEST is not a program: $LOADTEST"
        return 0
    fi
    absent=$(absent_tools)
    [ -z "$absent" ] || die 2 "missing on this machine:
$absent"
    (cd "$LOADTEST_DIR/.." && cargo build --quiet --release --locked -p worker -p producer -p loadtest) ||
        die 1 'the build failed'
    target=$(cd "$LOADTEST_DIR/.." && cargo metadata --no-deps --offline --format-version 1 |
        sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
    LOADTEST=$target/release/loadtest
}

run_scenario() { # scenario argument...
    local scenario=$1 argument out=no
    shift
    for argument in "$@"; do
        case $argument in
            -h | --help) usage && common_usage "$scenario" && exit 0 ;;
            --json | --json=*) out=yes ;;
        esac
    done
    need_programs
    if [ "$out" = no ]; then
        out=$LOADTEST_DIR/../.state/loadtest
        if mkdir -p "$out" 2>/dev/null; then
            out=$(cd "$out" >/dev/null && pwd)
            say "everything measured goes to $out/$scenario.json"
            set -- "$@" --json "$out/$scenario.json"
        fi
    fi
    exec "$LOADTEST" "$scenario" "$@"
}
