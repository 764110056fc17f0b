#!/usr/bin/env bash
# One command of the producer in the cluster. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: k8s/producer.sh NAMESPACE COMMAND...

Runs a command of the producer as a Job in NAMESPACE, with the settings, secrets, certificates and media of the installation there (the
suspended CronJob `producer`, which jobs/producer brings), prints what it prints, and removes the Job:

  k8s/producer.sh analysis-dev status
  k8s/producer.sh analysis-dev enqueue /media --label first --watch
  k8s/producer.sh analysis-dev failures BATCH

It needs kubectl alone. Output and messages of the command come together, as `kubectl logs` shows them: for results to be kept in a file,
run the producer here and forward ports (k8s/README.md). An interruption (Ctrl-C) stops the command.

  START_TIMEOUT   how many seconds its pod may take to start (120)

exit status: that of the command; 64 wrong usage; 70 the Job could not be made or did not start (reason on stderr)
TEXT
}

case ${1:-} in
    -h | --help) usage && exit 0 ;;
    '' | -*) usage >&2 && exit 64 ;;
esac
[ $# -ge 2 ] || { usage >&2 && exit 64; }

die() {
    printf '%s: %s\n' "$0" "$1" >&2
    exit 70
}
kube() { kubectl --namespace "$NAMESPACE" "$@"; }

NAMESPACE=$1
START_TIMEOUT=${START_TIMEOUT:-120}
JOB=producer-$(od -An -N4 -tx1 /dev/urandom | tr -d ' \n')
shift

# A list of texts in JSON. Control characters have no business in an argument, and JSON refuses them as they are.
json_list() {
    local argument separator=
    printf '['
    for argument in "$@"; do
        [[ $argument != *[[:cntrl:]]* ]] || die "an argument with a control character: $(printf %q "$argument")"
        argument=${argument//\\/\\\\}
        printf '%s"%s"' "$separator" "${argument//\"/\\\"}"
        separator=,
    done
    printf ']'
}

# A field of the pod, empty where it is not there (yet).
pod() { kube get pods --selector "job-name=$JOB" --output "jsonpath={.items[0]$1}" 2>/dev/null || true; }
exit_code() { pod .status.containerStatuses[0].state.terminated.exitCode; }

# Until its container runs or has run: there are no logs before.
wait_for_start() {
    local end=$((SECONDS + START_TIMEOUT)) reason
    until [ -n "$(pod .status.containerStatuses[0].state.running)$(exit_code)" ]; do
        reason=$(pod .status.containerStatuses[0].state.waiting.reason)
        case $reason in
            # These do not end by waiting.
            ErrImageNeverPull | ImagePullBackOff | InvalidImageName | CreateContainerConfigError)
                die "its pod does not start: $reason: $(pod .status.containerStatuses[0].state.waiting.message)"
                ;;
        esac
        if [ "$SECONDS" -ge "$end" ]; then
            kube get events --sort-by .lastTimestamp 2>/dev/null | grep "$JOB" | tail -n 5 >&2 || true
            die "its pod did not start within $START_TIMEOUT s${reason:+: $reason}"
        fi
        sleep 0.5
    done
}

arguments=$(json_list "$@")
patch="[{\"op\": \"replace\", \"path\": \"/spec/template/spec/containers/0/args\", \"value\": $arguments}]"
job=$(kube create job "$JOB" --from=cronjob/producer --dry-run=client --output json) ||
    die "is components: ../../jobs/producer in the overlay of $NAMESPACE?"
job=$(kubectl patch --local --filename - --type json --patch "$patch" --output json <<<"$job") || die 'kubectl could not set the arguments'
# The Job outlives neither this script nor an interruption of it. Its pod gets SIGTERM.
trap 'kube delete job "$JOB" --ignore-not-found --wait=false >/dev/null 2>&1' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
kube create --filename - <<<"$job" >/dev/null || die 'the Job was refused'

wait_for_start
kube logs --follow "job/$JOB" || die 'its output could not be read'
# The end of the logs comes before the API server hears of the exit code.
for _ in $(seq 60); do
    code=$(exit_code)
    [ -z "$code" ] || exit "$code"
    sleep 0.5
done
die 'the end of the command was not seen: its node may be away'
