# shellcheck shell=bash disable=SC2154,SC2034 # variables of e2e.sh and of the files beside this one
# NetworkPolicies, port by port: who reaches what. To be sourced.

step_network() {
    local redis_namespace=$NS amqp=5672 api=15672 elsewhere='dns kubernetes' probe=probe-$overlay
    [ "$overlay" != prod ] || { redis_namespace=$NS-redis amqp=5671 api=15671 elsewhere='dns kubernetes redis'; }
    RABBIT=$(k get pods --selector app.kubernetes.io/name=rabbitmq -o jsonpath='{.items[0].status.podIP}')
    TARGETS="dns=$(kube -n kube-system get service kube-dns -o jsonpath='{.spec.clusterIP}'):53
amqp=$(k get service rabbitmq -o jsonpath='{.spec.clusterIP}'):$amqp
redis=$(kube -n "$redis_namespace" get service redis -o jsonpath='{.spec.clusterIP}'):6379
api=$RABBIT:$api
broker-metrics=$RABBIT:15692
worker-metrics=$(k get pods --selector app.kubernetes.io/name=worker -o jsonpath='{.items[0].status.podIP}'):8080
kubernetes=$(kube -n default get service kubernetes -o jsonpath='{.spec.clusterIP}'):443"
    borrow monitoring
    borrow keda
    probe_pod "$NS" probe-fleet fleet
    probe_pod "$NS" probe-other none
    reaches "$NS" probe-fleet 'a pod of the fleet' 'dns amqp redis'
    reaches "$NS" probe-other 'another pod of the namespace' ''
    # What monitoring and keda may reach elsewhere is not ours to say: only what lies in this installation counts.
    reaches monitoring "$probe" 'the namespace monitoring' 'broker-metrics worker-metrics' "$elsewhere"
    reaches keda "$probe" 'the namespace keda' 'api' "$elsewhere"
    reaches "$NS-nodes" "$(agent "$(nodes | head -n 1)")" 'another namespace' '' "$elsewhere"
    k delete pod probe-fleet probe-other --wait=false >/dev/null
    kube delete pod -n monitoring "$probe" --wait=false >/dev/null
    kube delete pod -n keda "$probe" --wait=false >/dev/null
}

# A pod in a namespace that the policies name; the namespace is made where it is missing, and then removed with the rest.
borrow() { # namespace
    kube get namespace "$1" >/dev/null 2>&1 || { kube create namespace "$1" >/dev/null && kube label namespace "$1" "$LABEL" >/dev/null; }
    probe_pod "$1" "probe-$overlay" none
}

probe_pod() { # namespace name component
    local redis
    redis=$(sed -n 's/^ *image: \(redis:.*\)/\1/p' "$K8S/components/redis/statefulset.yaml")
    kube -n "$1" delete pod "$2" --ignore-not-found >/dev/null
    kube -n "$1" apply -f - >/dev/null <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $2, labels: {app.kubernetes.io/component: $3, app.kubernetes.io/managed-by: $NS}}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 1
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: probe
      image: $redis
      command: [bash, -c, "trap exit TERM; sleep infinity & wait"]
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
YAML
    kube -n "$1" wait --for=condition=Ready "pod/$2" --timeout=120s >/dev/null
}

# A new pod's ways open and close a moment after its start, hence the patience. Whatever stands neither in the names that must
# answer nor in those that are not asked about must be silent.
reaches() { # namespace pod who names [not-asked]
    local open
    wait_for 20 answers_are "$1" "$2" "$4" "${5:-}" || true
    open=$(answers "$1" "$2" "${5:-}")
    check_that "$3 reaches" "${open:-nothing}" "exactly: ${4:-nothing}" [ "$open" = "$(sorted "$4")" ]
}

answers_are() { [ "$(answers "$1" "$2" "$4")" = "$(sorted "$3")" ]; }

sorted() { tr ' ' '\n' <<<"$1" | sort | tr '\n' ' ' | sed 's/^ *//; s/ *$//'; }

answers() { # namespace pod not-asked
    local target asked=''
    for target in $TARGETS; do
        case " $3 " in *" ${target%%=*} "*) ;; *) asked="$asked $target" ;; esac
    done
    # shellcheck disable=SC2016 # expanded in the pod
    sorted "$(kube -n "$1" exec "$2" -- bash -c 'for target in $0; do
        name=${target%%=*} place=${target#*=}
        (timeout 2 bash -c "exec 3<>/dev/tcp/${place%:*}/${place##*:}" 2>/dev/null && echo "$name") &
        done; wait' "$asked" | tr '\n' ' ')"
}
