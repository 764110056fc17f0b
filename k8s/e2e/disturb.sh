# shellcheck shell=bash disable=SC2154,SC2034 # variables of e2e.sh and of the files beside this one
# Steps that take workers away under load: rollout, pods, evict, drain, freeze. To be sourced.

step_rollout() {
    local began revision
    hold_workers "$workers"
    submit songs normal
    submit songs low
    revision=$(k get deployment worker -o jsonpath='{.metadata.annotations.deployment\.kubernetes\.io/revision}')
    began=$(now)
    k set env deployment --selector app.kubernetes.io/name=worker READ_AHEAD_MB=16 >/dev/null
    k rollout status deployment/worker --timeout=600s >/dev/null
    record yes "rolling update of $workers workers under load" "$(since "$began") s"
    keep_busy
    began=$(now)
    k rollout undo deployment/worker --to-revision="$revision" >/dev/null
    k rollout status deployment/worker --timeout=600s >/dev/null
    record yes 'and back (rollout undo)' "$(since "$began") s"
    audit_batches
    free_workers
}

step_pods() {
    local round pod
    hold_workers "$workers"
    submit songs high
    submit songs normal
    for round in 1 2 3 4 5 6 7 8; do
        pod=$(worker_pods | awk -v n="$round" '{all[NR] = $0} END {print all[n % NR + 1]}')
        if [ $((round % 3)) = 0 ]; then
            k delete pod "$pod" --grace-period=0 --force --wait=false >/dev/null 2>&1
        else
            k delete pod "$pod" --wait=false >/dev/null
        fi
        keep_busy
        # The pace of the disturbance, not a wait for anything.
        sleep 10
    done
    record - 'worker pods deleted' "8, one every 10 s, 2 of them without grace"
    k rollout status deployment/worker --timeout=300s >/dev/null
    audit_batches
    free_workers
}

step_evict() {
    local pod allowed=0 refused=0 expected answer
    hold_workers "$workers"
    # 25 %, rounded up, as the disruption budget has it.
    expected=$(((workers + 3) / 4))
    submit songs normal
    for pod in $(worker_pods); do
        answer=$(evict "$pod" 2>&1 || true)
        case $answer in *'disruption budget'*) refused=$((refused + 1)) ;; *Success*) allowed=$((allowed + 1)) ;; *) say "$answer" ;; esac
    done
    check_that "of $workers workers evicted at once the budget lets go" "$allowed, $refused refused" "$expected, the others refused" \
        [ "$allowed $refused" = "$expected $((workers - expected))" ]
    k rollout status deployment/worker --timeout=300s >/dev/null
    audit_batches
    free_workers
}

evict() { # pod
    printf '{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "%s", "namespace": "%s"}}' "$1" "$NS" |
        kube create --raw "/api/v1/namespaces/$NS/pods/$1/eviction" -f -
}

step_drain() {
    local node began
    if [ "$(nodes | wc -l)" -lt 2 ]; then leave_out 'the cluster has one schedulable node' && return 0; fi
    hold_workers "$workers"
    # The node of RabbitMQ's first pod keeps running: its volume may be bound to it, and a broker without a place is another step's matter.
    node=$(nodes | grep -vxF "$(k get pods --selector app.kubernetes.io/name=rabbitmq -o jsonpath='{.items[0].spec.nodeName}')" | head -n 1)
    submit songs normal
    submit songs low
    record - "workers on node $node before" "$(on "$node")"
    began=$(now)
    kube drain "$node" --pod-selector="$LABEL,app.kubernetes.io/name" --ignore-daemonsets --delete-emptydir-data --timeout=600s >&2 || {
        record no "node $node drained" 'drain ended with an error' 'done'
        kube uncordon "$node" >/dev/null
        return 1
    }
    check_that "node $node drained under load" "$(since "$began") s" '600 s' at_most "$(since "$began")" 600
    check_that 'no worker is left there' "$(on "$node")" 0 [ "$(on "$node")" = 0 ]
    kube uncordon "$node" >/dev/null
    wait_servers 300
    k rollout status deployment/worker --timeout=300s >/dev/null
    audit_batches
    free_workers
}

on() { k get pods --selector app.kubernetes.io/name=worker --field-selector "spec.nodeName=$1,status.phase=Running" --no-headers 2>/dev/null | wc -l | tr -d ' '; } # node

step_freeze() {
    local pod node began stopped restarts
    hold_workers 2
    submit songs normal
    pod=$(worker_pods | head -n 1)
    node=$(k get pod "$pod" -o jsonpath='{.spec.nodeName}')
    restarts=$(restarts_of "$pod")
    began=$(now)
    # The worker itself, not its lanes: they have other arguments.
    # shellcheck disable=SC2016 # expanded on the node
    stopped=$(on_node "$node" bash -c 'exec 2>/dev/null; for p in /proc/[0-9]*; do
        tr "\0" " " 2>/dev/null <$p/cmdline | grep -qxE "/usr/local/bin/worker run ?" || continue
        tr "\0" "\n" 2>/dev/null <$p/environ | grep -qx "WORKER_NAME=$0" || continue
        kill -STOP "${p#/proc/}" && echo "${p#/proc/}"; done' "$pod")
    [ -n "$stopped" ] || { record no 'the process of a worker is found on its node' none one && return 1; }
    if wait_for 240 restarted "$pod" "$restarts"; then
        check_that "a stopped worker ($pod) is replaced and ready" "$(since "$began") s" '60 s' at_most "$(since "$began")" 60
    else
        record no "a stopped worker ($pod) is replaced and ready" 'not within 240 s' '60 s'
    fi
    audit_batches
    free_workers
}

restarts_of() { k get pod "$1" -o jsonpath='{.status.containerStatuses[0].restartCount}'; }
restarted() { # pod before
    [ "$(k get pod "$1" -o jsonpath='{.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}')" = "$(($2 + 1)) true" ]
}
