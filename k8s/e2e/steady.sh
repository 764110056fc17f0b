# shellcheck shell=bash disable=SC2154,SC2034 # variables of e2e.sh and of the files beside this one
# Steps that disturb nothing: admission, samples, songs, probes. To be sourced.

step_admission() {
    local enforced pods refused lanes
    enforced=$(kube get namespace "$NS" -o jsonpath='{.metadata.labels.pod-security\.kubernetes\.io/enforce}')
    pods=$(k get pods --no-headers | wc -l | tr -d ' ')
    check_that 'the namespace enforces restricted pod security, and every pod was admitted' "$enforced, $pods pods" restricted \
        [ "$enforced" = restricted ]
    # A pod that is root with all its powers, made by the server without being kept.
    refused=$(k run privileged --image=none.example/none --privileged --dry-run=server 2>&1 || true)
    check_that 'a privileged pod is refused' "${refused%%:*}" 'violates PodSecurity' grep -q 'violates PodSecurity' <<<"$refused"
    lanes=$(k logs deployment/worker --tail=-1 | grep -o '"landlock":"[a-z]*","seccomp":"[a-z]*"' | sort -u | tr -d '"' | tr '\n' ' ' || true)
    if [ -n "$lanes" ]; then record - 'confinement of the lanes, as the worker says it' "$lanes"; else leave_out 'the worker says nothing of confinement'; fi
}

step_samples() {
    local priority outcomes good
    # What the repository's own tests expect: every file outside bad/ is analysed, whatever lies in bad/ has its reason.
    good=$(find "$ROOT/loadtest/samples" -maxdepth 1 -type f ! -name '*.json' ! -name '.*' | wc -l | tr -d ' ')
    for priority in high normal low; do submit samples "$priority"; done
    audit_batches
    outcomes=$(python3 "$E2E/report.py" outcomes "$OUT" "$overlay" samples)
    check_that "of three batches every good sample is ok" "$outcomes" "ok >= $((3 * good))" \
        at_most "$((3 * good))" "$(sed -n 's/.*\bok=\([0-9]*\).*/\1/p' <<<"$outcomes")"
}

step_songs() {
    local began
    began=$(now)
    submit songs high
    submit songs normal
    submit songs low
    audit_batches
    record - 'three batches of songs, submitted and audited' "$(since "$began") s with $(k get deployment worker -o jsonpath='{.status.readyReplicas}') workers"
}

step_probes() {
    local pod named restarts
    for pod in $(worker_pods); do
        named=$(k get pod "$pod" -o jsonpath='{.spec.containers[0].startupProbe.httpGet.path} {.spec.containers[0].readinessProbe.httpGet.path} {.spec.containers[0].livenessProbe.httpGet.path}')
        check_that "$pod has all three probes" "$named" '/startupz /readyz /livez' [ "$named" = '/startupz /readyz /livez' ]
        check_that "$pod: worker healthcheck" 'exit 0' 'exit 0' healthy "$pod"
    done
    restarts=$(k get pods --selector app.kubernetes.io/name=worker -o jsonpath='{.items[*].status.containerStatuses[*].restartCount}')
    check_that 'no worker was restarted so far' "$restarts" 'zeros' grep -qxE '[0 ]*' <<<"$restarts"
}

healthy() { k exec "$1" --container worker -- /usr/local/bin/worker healthcheck >/dev/null 2>&1; } # pod
