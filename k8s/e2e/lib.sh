# shellcheck shell=bash disable=SC2154,SC2034 # variables of e2e.sh and of the files beside this one
# What the steps of e2e.sh share: messages, kubectl, waiting, checks with their verdicts, the report. To be sourced.

CONTEXT=''
FAILED=no
STEP=start

say() { printf '%s  %s\n' "$(date +%T)" "$*" >&2; }

usage_error() {
    printf '%s: %s (--help shows everything)\n' "${0##*/}" "$*" >&2
    exit 2
}

give_up() { # what is missing, and the remedy
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 2
}

# kubectl for the whole cluster, and for the namespace of the installation.
kube() { "${KUBECTL:-kubectl}" ${CONTEXT:+--context="$CONTEXT"} "$@"; }
k() { kube --namespace "$NS" "$@"; }

now() { python3 -c 'import time; print(f"{time.time():.2f}")'; }
since() { python3 -c 'import sys, time; print(f"{time.time() - float(sys.argv[1]):.1f}")' "$1"; }
at_most() { python3 -c 'import sys; sys.exit(not float(sys.argv[1]) <= float(sys.argv[2]))' "$1" "$2"; }

wait_for() { # seconds command...: asks once a second until the command succeeds
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 1
    done
}

need_tools() {
    local tool
    for tool in "${KUBECTL:-kubectl}" python3 openssl; do
        command -v "$tool" >/dev/null || give_up "$tool is missing: install it and try again"
    done
    kube version -o json >/dev/null 2>&1 ||
        give_up "kubectl reaches no cluster: check 'kubectl version', KUBECONFIG and --context"
}

has_crd() { kube get crd "$1" >/dev/null 2>&1; }

need_operators() {
    [ "$overlay" != dev ] || return 0
    has_crd scaledobjects.keda.sh || give_up "$overlay needs KEDA 2.17 or newer in the cluster (namespace keda): https://keda.sh/docs/latest/deploy"
    has_crd podmonitors.monitoring.coreos.com || give_up "$overlay needs the CRDs of the Prometheus operator"
    [ "$overlay" = staging ] || has_crd rabbitmqclusters.rabbitmq.com || give_up "prod needs RabbitMQ's Cluster Operator (namespace rabbitmq-system)"
}

# Names of steps separated by commas, as --only and --skip take them.
check_steps() {
    local name
    # shellcheck disable=SC2153 # STEPS is of e2e.sh
    for name in ${1//,/ }; do
        case " $STEPS " in *" $name "*) ;; *) usage_error "there is no step '$name'; there are: ${STEPS}" ;; esac
    done
}

wanted() { # step
    case ",$skip," in *",$1,"*) return 1 ;; esac
    case ",${only:-$1}," in *",$1,"*) return 0 ;; *) return 1 ;; esac
}

# Each check is a line of checks.ndjson, from which the report is made. The verdict is yes, no, or - for a figure that nothing is asked of.
record() { # verdict what measured [required]
    python3 "$E2E/report.py" check "$OUT" "$overlay" "$STEP" "$@"
    case $1 in
        yes) say "$STEP: held: $2: $3" ;;
        no) FAILED=yes && say "$STEP: DID NOT HOLD: $2: $3${4:+, required: $4}" ;;
        *) say "$STEP: $2: $3" ;;
    esac
}

check_that() { # what measured required command...: records whether the command succeeds
    local what=$1 measured=$2 required=$3
    shift 3
    if "$@"; then record yes "$what" "$measured" "$required"; else record no "$what" "$measured" "$required"; fi
}

leave_out() { record - "left out" "$*"; }

title_of() {
    case $1 in
        install) echo 'applies the overlay and waits until everything is ready; no warnings' ;;
        admission) echo 'restricted pod security: what runs complies, a privileged pod is refused; lanes are confined' ;;
        samples) echo 'the samples of the repository, good and bad, through producer Jobs' ;;
        songs) echo 'generated songs at three priorities' ;;
        probes) echo "startup, readiness and liveness as the kubelet and 'worker healthcheck' see them" ;;
        network) echo 'NetworkPolicies, port by port, from five places' ;;
        rollout) echo 'a changed setting rolled out and undone under load' ;;
        pods) echo 'a worker pod deleted every 10 s under load, every third without grace' ;;
        evict) echo 'all workers evicted at once: the disruption budget allows a quarter' ;;
        drain) echo 'a node drained under load and given back' ;;
        servers) echo 'RabbitMQ and Redis killed under load: time until workers are ready again' ;;
        freeze) echo 'a worker that is stopped (SIGSTOP) is replaced within a minute' ;;
        secrets) echo "RabbitMQ's and Redis' passwords rotated under load" ;;
        scale) echo 'the autoscaler under burst, steady rate and silence, beside what was foreseen (about 15 minutes)' ;;
    esac
}

run_step() { # step
    local began code=0
    STEP=$1
    say "== $overlay/$STEP: $(title_of "$STEP")"
    began=$(now)
    # A command that fails ends its step, not the run: the other steps still tell something.
    set +e
    (
        set -e
        FAILED=no
        "step_$STEP"
        [ "$FAILED" = no ]
    )
    code=$?
    set -e
    if [ "$code" != 0 ]; then FAILED=yes; fi
    python3 "$E2E/report.py" step "$OUT" "$overlay" "$STEP" "$code" "$(since "$began")" "$(title_of "$STEP")"
    say "== $overlay/$STEP: $([ "$code" = 0 ] && echo held || echo 'DID NOT HOLD') after $(since "$began") s"
    [ "$STEP $code" = "install 0" ] || [ "$STEP" != install ] || exit 1
}

open_report() {
    # Steps of an earlier run stay in the report unless they run again, so that --only can repeat one.
    [ -n "$only" ] || rm -f "$OUT"/*.ndjson "$OUT"/*.json "$OUT"/*.svg "$OUT"/report.md
    kube version -o json >"$OUT/kubernetes.json"
    kube get nodes -o json >"$OUT/nodes.json"
}

finish() {
    local code=$?
    trap - EXIT
    trap '' INT TERM HUP
    stop_watching
    python3 "$E2E/report.py" versions "$OUT" "$overlay" "$NS" "$(git -C "$ROOT" rev-parse HEAD 2>/dev/null || echo unknown)" \
        "${KUBECTL:-kubectl}" "$CONTEXT" || code=1
    python3 "$E2E/report.py" write "$OUT" "$overlay" "$STEPS" || code=1
    rm -rf "$WORK"
    if [ "$keep" = no ]; then remove_everything; else say "left there, in namespace $NS: k8s/e2e.sh --overlay $overlay --clean removes it"; fi
    say "report: $OUT/report.md"
    [ "$FAILED" = no ] || [ "$code" != 0 ] || code=1
    exit "$code"
}
