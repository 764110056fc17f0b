# shellcheck shell=bash disable=SC2154,SC2034 # variables of e2e.sh and of the files beside this one
# Work for the fleet, and what became of it: producer Jobs, load, the audit of batches. To be sourced.

# A Job of the overlay's template (cronjob/producer) with these arguments; waits for its end and leaves what it printed in FILE.
# Ends with the producer's own exit status.
producer() { # file argument...
    run_template "$1" '' "${@:2}"
}

# The same with the load tester's image, which reads the same settings and secrets.
loadtest() { # file argument...
    run_template "$1" "$(image loadtest)" "${@:2}"
}

run_template() { # file image argument...
    local file=$1 image=$2 name
    shift 2
    name=e2e-$(python3 -c 'import uuid; print(uuid.uuid4().hex[:10])')
    k create job "$name" --from=cronjob/producer --dry-run=client -o json |
        python3 "$E2E/audit.py" job "$NS" "$image" "$@" | k create -f - >/dev/null || return 1
    wait_for 3600 job_ended "$name" || say "job $name does not end"
    k logs "job/$name" >"$file" 2>/dev/null || true
    local code
    code=$(k get pods --selector "job-name=$name" -o jsonpath='{.items[0].status.containerStatuses[0].state.terminated.exitCode}')
    k delete job "$name" --wait=false >/dev/null
    return "${code:-1}"
}

job_ended() { # name
    case $(k get job "$1" -o jsonpath='{.status.conditions[*].type}' 2>/dev/null) in *Complete* | *Failed*) return 0 ;; *) return 1 ;; esac
}

# Submits a folder as one batch, analysed again whatever the fleet knows; BATCHES gathers what a step has submitted.
BATCHES=''
submit() { # folder priority
    local file line
    file=$WORK/submit.$RANDOM
    producer "$file" enqueue "/media/$1" --label "$STEP" --priority "$2" --force --json || {
        say "enqueue ended with an error:" && tail -n 5 "$file" >&2
    }
    line=$(python3 "$E2E/audit.py" accepted "$file") || { record no 'enqueue prints its summary' 'none' 'one' && return 1; }
    BATCHES="$BATCHES $line"
    say "submitted /media/$1 at $2: ${line#*:} accepted (batch ${line%%:*})"
}

backlog() { python3 "$E2E/watch.py" last "$OUT" backlog; }

# Called again and again while something is done to the fleet: work must never run out meanwhile.
keep_busy() {
    [ "$(backlog)" -ge $((songs / 3)) ] || submit songs normal
}

# Waits until every batch of the step has all its ends, and counts the records: one for each accepted job.
audit_batches() {
    local pair
    for pair in $BATCHES; do audit_batch "${pair%%:*}" "${pair#*:}" & AUDITS="${AUDITS:-} $!"; done
    # The watcher is a child, too: wait for these alone.
    for pair in ${AUDITS:-}; do wait "$pair" || true; done
    AUDITS=''
    cat "$WORK"/count.* >"$WORK/counts.$STEP" 2>/dev/null || true
    rm -f "$WORK"/count.*
    local total
    total=$(python3 "$E2E/audit.py" total "$WORK/counts.$STEP")
    check_that 'every accepted job has exactly one record' "$total" 'lost 0, doubled 0' \
        python3 "$E2E/audit.py" clean "$WORK/counts.$STEP" "$(wc -w <<<"$BATCHES")"
    rm -f "$WORK/counts.$STEP"
    BATCHES=''
}

audit_batch() { # batch accepted
    producer "$WORK/watch.$1" watch "$1" || [ $? = 1 ] || { say "watching $1 failed:" && tail -n 3 "$WORK/watch.$1" >&2; }
    local try
    # Reading changes nothing, so that what could not be read (a server away, a log cut short) is read again before it counts as lost.
    for try in 1 2 3; do
        producer "$WORK/results.$1" results "$1" --format csv || say "reading the results of $1, try $try: exit $?"
        [ "$(python3 "$E2E/audit.py" rows "$WORK/results.$1")" -lt "$2" ] || break
    done
    python3 "$E2E/audit.py" count "$OUT" "$overlay" "$STEP" "$1" "$2" "$WORK/results.$1" >"$WORK/count.$1"
}

start_watching() {
    stop_watching
    python3 "$E2E/watch.py" run "$OUT" "$NS" "$overlay" "${KUBECTL:-kubectl}" "$CONTEXT" $$ &
    WATCHER=$!
    wait_for 60 test -s "$OUT/timeline.ndjson" || say 'the cluster is not being watched: see the messages above'
}

stop_watching() {
    [ -z "${WATCHER:-}" ] || kill "$WATCHER" 2>/dev/null || true
    WATCHER=''
}

# Workers for the steps that disturb them. The autoscaler would take them away again and is put out of the way meanwhile.
worker_pods() {
    k get pods --selector app.kubernetes.io/name=worker,analysis/pool=general -o go-template='{{range .items}}{{if and (not .metadata.deletionTimestamp) (eq .status.phase "Running")}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}'
}

hold_workers() { # count
    [ -z "$rehearsal" ] || rehearse "$rehearsal"
    case $overlay in
        dev) k patch hpa worker --type merge --patch "{\"spec\":{\"minReplicas\":$1,\"maxReplicas\":$1}}" >/dev/null ;;
        *) k annotate scaledobject worker --overwrite "autoscaling.keda.sh/paused-replicas=$1" >/dev/null ;;
    esac
    wait_for 120 replicas_are "$1"
    k rollout status deployment/worker --timeout=300s >/dev/null
}

# Workers that take so long over every file and compute nothing; without a time, workers that do their work again.
rehearse() { # [time]
    local there
    there=$(k get deployment worker -o jsonpath='{.spec.template.spec.containers[0].env[?(@.name=="ANALYSIS_REHEARSAL")].value}')
    [ "$there" != "${1:-}" ] || return 0
    k set env deployment --selector app.kubernetes.io/name=worker "ANALYSIS_REHEARSAL${1:+=}${1:--}" >/dev/null
    k rollout status deployment/worker --timeout=600s >/dev/null
    record - 'workers pretend to analyse' "${1:-no}${1:+ a file}"
}

replicas_are() { [ "$(k get deployment worker -o jsonpath='{.spec.replicas}')" = "$1" ]; }

free_workers() {
    case $overlay in
        dev) k patch hpa worker --type merge --patch '{"spec":{"minReplicas":1,"maxReplicas":20}}' >/dev/null ;;
        *) k annotate scaledobject worker autoscaling.keda.sh/paused-replicas- >/dev/null ;;
    esac
}
