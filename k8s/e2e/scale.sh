# shellcheck shell=bash disable=SC2154,SC2034 # variables of e2e.sh and of the files beside this one
# The autoscaler under a burst, a steady rate and silence, beside what its own algorithm foresaw. To be sourced.

step_scale() {
    local least most began
    if [ "$overlay" = dev ] && ! kube top nodes >/dev/null 2>&1; then leave_out 'no metrics-server: the HPA has no figures' && return 0; fi
    free_workers
    least=$(bounds minReplicaCount minReplicas) most=$(bounds maxReplicaCount maxReplicas)
    # By backlog: what the ScaledObject's target was reckoned with, whatever the processors can do. By processor use: real work.
    if [ "$overlay" = dev ]; then rehearsal='' && rehearse; else rehearsal=1s && rehearse 1s; fi
    # What steps before have left is not this step's matter: it begins with the fewest workers and nothing to do.
    hold_workers "$least"
    free_workers
    began=$(now)
    burst_and_steady
    audit_batches
    # After the largest need five minutes must pass, then a worker or a fifth goes a minute.
    wait_for 1500 replicas_are "$least" || true
    wait_for 90 watched "$least" || true
    python3 "$E2E/report.py" scale "$OUT" "$overlay" "$began" "$least" "$most" "$(lanes)" "$(autoscaler)" >"$WORK/scale"
    while IFS='|' read -r verdict what measured required; do record "$verdict" "$what" "$measured" "$required"; done <"$WORK/scale"
}

watched() { [ "$(python3 "$E2E/watch.py" last "$OUT" replicas)" = "$1" ]; }

bounds() { # field of the ScaledObject, field of the HPA
    if [ "$overlay" = dev ]; then k get hpa worker -o jsonpath="{.spec.$2}"; else k get scaledobject worker -o jsonpath="{.spec.$1}"; fi
}

autoscaler() {
    local kind=scaledobject
    [ "$overlay" != dev ] || kind=hpa
    k get "$kind" worker -o json >"$OUT/autoscaler.json" && echo "$OUT/autoscaler.json"
}

lanes() { k get configmap "$(config)" -o jsonpath='{.data.ANALYSIS_MAX_WORKERS}'; }
config() { k get deployment worker -o jsonpath='{.spec.template.spec.containers[0].envFrom[0].configMapRef.name}'; }

# Enough at once for the most workers, then, for staging and prod, a rate that takes a part of them for four minutes.
burst_and_steady() {
    local submitted=0 wanted=${burst:-} rate
    case $overlay in dev) wanted=${wanted:-900} rate=0 ;; staging) wanted=${wanted:-1500} rate=8 ;; prod) wanted=${wanted:-3600} rate=0 ;; esac
    while [ "$submitted" -lt "$wanted" ]; do
        submit songs normal
        submitted=$((submitted + songs))
    done
    if [ "$rate" != 0 ] && [ "$steady" != 0 ]; then steady_rate "$rate" "$steady"; fi
}

# By the load tester, at even distances, to the fleet's own queues. It audits its jobs itself; what it says is in the report's folder.
steady_rate() { # files-a-second seconds
    local code=0
    loadtest "$OUT/steady.txt" sustained --no-workers --cluster --media music=/media --rate "$1" --seconds "$2" --arrivals even --quiet || code=$?
    record - "loadtest sustained: $1 files/s for $2 s (exit $code)" "$(grep -iE 'without an end|more than one end' "$OUT/steady.txt" | tr -s ' \n' ' ' | cut -c1-200)"
}
