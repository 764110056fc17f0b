# shellcheck shell=bash disable=SC2154,SC2034 # variables of e2e.sh and of the files beside this one
# The installation that is tested: namespaces, secrets, music, the overlay with patches for a small cluster. To be sourced.

# Whether to go on with what an earlier run has left: only where --only asks for other steps.
installed() { [ -n "$only" ] && ! wanted install && k get deployment/worker >/dev/null 2>&1; }

build_images() {
    local engine name
    engine=$(command -v docker || command -v podman) || give_up '--build needs docker or podman; without one, build the images elsewhere and name them with --images'
    for name in worker producer loadtest; do
        say "building $(image "$name")"
        "$engine" build --file "$ROOT/deploy/Dockerfile" --target "$name" --build-arg COMMIT="$(git -C "$ROOT" rev-parse HEAD)" \
            --tag "$(image "$name")" "$ROOT"
        case $images in :*) ;; *) "$engine" push "$(image "$name")" ;; esac
    done
}

image() { # worker, producer or loadtest
    local prefix=${images%:*}
    printf '%sanalysis-%s:%s\n' "${prefix:+$prefix/}" "$1" "${images##*:}"
}

# What is not in a registry must be on the nodes: a missing image then says so, and nobody else's of that name is fetched.
pull_policy() { case $images in :*) echo Never ;; *) echo IfNotPresent ;; esac; }

step_install() {
    local began warnings
    remove_everything
    make_namespaces
    make_music
    [ "$overlay" != prod ] || { make_certificates && make_redis; }
    make_secrets
    write_kustomization
    kube kustomize "$WORK/kustomize" >"$WORK/all.yaml"
    began=$(now)
    kube apply -k "$WORK/kustomize" >"$WORK/apply.log" 2>"$WORK/apply.err" || { cat "$WORK/apply.err" >&2 && return 1; }
    warnings=$(grep -c . "$WORK/apply.err" || true)
    [ "$warnings" = 0 ] || sed 's/^/    /' "$WORK/apply.err" >&2
    check_that 'apply prints no warnings' "$warnings lines" '0 lines' [ "$warnings" = 0 ]
    wait_servers 600
    record - 'servers ready after apply' "$(since "$began") s"
    k rollout status deployment --selector app.kubernetes.io/name=worker --timeout=300s >&2
    record yes 'workers ready after apply' "$(since "$began") s"
}

make_namespaces() {
    kube apply -f - >/dev/null <<YAML
apiVersion: v1
kind: Namespace
metadata: {name: $NS, labels: {pod-security.kubernetes.io/enforce: restricted, app.kubernetes.io/managed-by: $NS}}
---
apiVersion: v1
kind: Namespace
metadata: {name: $NS-nodes, labels: {pod-security.kubernetes.io/enforce: privileged, app.kubernetes.io/managed-by: $NS}}
YAML
}

nodes() { kube get nodes -o go-template='{{range .items}}{{if not .spec.unschedulable}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}'; }
agent() { printf 'agent-%s\n' "$1"; } # node
on_node() { # node command...: as root on the node, in the pod that e2e.sh has there
    local pod
    pod=$(agent "$1") && shift
    kube --namespace "$NS-nodes" exec -i "$pod" --container agent -- "$@"
}

# A pod on every node makes the songs, the same everywhere, and takes the samples by tar. Redis' image is on the nodes anyway and has a shell.
make_music() {
    local node redis
    [ -n "$(nodes)" ] || { say 'the cluster has no schedulable node' && return 1; }
    redis=$(sed -n 's/^ *image: \(redis:.*\)/\1/p' "$K8S/components/redis/statefulset.yaml")
    for node in $(nodes); do
        sed -e "s|@NODE@|$node|; s|@POD@|$(agent "$node")|; s|@REDIS@|$redis|; s|@LOADTEST@|$(image loadtest)|; s|@PULL@|$(pull_policy)|" \
            -e "s|@SONGS@|$songs|; s|@SECONDS@|$seconds|; s|@NS@|$NS|" "$E2E/agent.yaml" | kube --namespace "$NS-nodes" apply -f - >/dev/null
    done
    for node in $(nodes); do
        kube --namespace "$NS-nodes" wait --for=condition=Ready "pod/$(agent "$node")" --timeout=300s >/dev/null
        # shellcheck disable=SC2016 # expanded in the pod
        tar -C "$ROOT/loadtest/samples" -cf - . | on_node "$node" bash -c 'new=/media/new.$RANDOM
            mkdir -p $new/samples && tar -xf - --no-same-owner -C $new/samples && cp -a /work/copies $new/songs &&
            chmod -R a+rX $new && rm -rf "/media/$0" && mv -T $new "/media/$0"' "$overlay"
        say "music is on node $node"
    done
}

make_secrets() {
    local tls=''
    [ "$overlay" != prod ] || tls=--tls
    "$ROOT/deploy/secrets.sh" ${tls:+"$tls"} "$WORK/secrets" "$NS" 2>/dev/null
    [ "$overlay" != prod ] || printf 'rediss://redis.%s:6379/0' "$NS-redis" >"$WORK/secrets/redis-url"
    k create secret generic analysis-servers --from-file="$WORK/secrets" >/dev/null
}

# dev is made for small nodes; staging and prod ask for whole ones, which a cluster for tests does not have.
worker_patch() {
    [ "$overlay" = dev ] ||
        echo '      - {op: replace, path: /spec/template/spec/containers/0/resources/requests, value: {cpu: 100m, memory: 192Mi, ephemeral-storage: 64Mi}}'
    echo "      - {op: replace, path: /spec/template/spec/containers/0/imagePullPolicy, value: $(pull_policy)}"
}

write_kustomization() {
    local rel
    mkdir -p "$WORK/kustomize"
    rel=$(python3 -c 'import os, sys; print(os.path.relpath(sys.argv[1], os.path.realpath(sys.argv[2])))' "$K8S" "$WORK/kustomize")
    {
        cat <<YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: $NS
resources: [$rel/overlays/$overlay]
components:
YAML
        if [ "$overlay" = dev ]; then echo "  - $rel/components/hpa-cpu"; else echo "  - $rel/components/local-images"; fi
        [ -z "$component" ] || python3 -c 'import os, sys; print("  -", os.path.relpath(sys.argv[1], os.path.realpath(sys.argv[2])))' \
            "$component" "$WORK/kustomize"
        cat <<YAML
labels:
  - pairs: {app.kubernetes.io/managed-by: $NS}
    includeTemplates: true
images:
$(image_rules)
patches:
  - target: {kind: PersistentVolume}
    patch: |
$(media_patch)
  - target: {kind: PersistentVolumeClaim, name: media}
    patch: '- {op: replace, path: /spec/volumeName, value: $NS-media}'
  - target: {kind: Deployment, labelSelector: app.kubernetes.io/name=worker}
    patch: |
$(worker_patch)
  - target: {kind: CronJob, labelSelector: app.kubernetes.io/name=producer}
    patch: '- {op: replace, path: /spec/jobTemplate/spec/template/spec/containers/0/imagePullPolicy, value: $(pull_policy)}'
$(overlay_patches)
YAML
    } >"$WORK/kustomize/kustomization.yaml"
}

# By the names that the overlays give the images.
image_rules() {
    local name from
    for name in worker producer; do
        from=$(sed -n "s|^ *newName: \(.*analysis-$name\)\$|\1|p" "$K8S/overlays/$overlay/kustomization.yaml")
        printf '  - {name: %s, newName: %s, newTag: %s}\n' "${from:-analysis-$name}" "$(image "$name" | sed 's/:[^:]*$//')" "${images##*:}"
    done
}

media_patch() {
    echo "      - {op: replace, path: /metadata/name, value: $NS-media}"
    [ "$overlay" = dev ] || printf '      - {op: remove, path: /spec/%s}\n' nfs mountOptions
    echo "      - {op: add, path: /spec/hostPath, value: {path: /var/tmp/analysis-e2e/$overlay, type: Directory}}"
}

overlay_patches() {
    case $overlay in
        staging)
            cat <<YAML
  - target: {kind: PriorityClass}
    patch: '- {op: replace, path: /metadata/name, value: $NS}'
  - target: {kind: Deployment, labelSelector: app.kubernetes.io/name=worker}
    patch: '- {op: replace, path: /spec/template/spec/priorityClassName, value: $NS}'
YAML
            ;;
        prod)
            cat <<YAML
  - target: {kind: ScaledObject, name: worker}
    patch: '- {op: replace, path: /spec/maxReplicaCount, value: 6}'
  - target: {kind: RabbitmqCluster, name: rabbitmq}
    patch: |
      - {op: replace, path: /spec/resources, value: {requests: {cpu: 100m, memory: 512Mi}, limits: {cpu: "2", memory: 1Gi}}}
      - {op: replace, path: /spec/persistence/storage, value: 2Gi}
      - {op: replace, path: /spec/terminationGracePeriodSeconds, value: 60}
  - target: {kind: NetworkPolicy, name: fleet}
    patch: '- {op: replace, path: /spec/egress/2/to, value: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $NS-redis}}}]}'
YAML
            ;;
    esac
}

wait_servers() { # seconds
    if [ "$overlay" = prod ]; then
        wait_for "$1" k get statefulset/rabbitmq-server >/dev/null 2>&1
        k rollout status statefulset/rabbitmq-server --timeout="$1s" >&2
    else
        k rollout status statefulset/rabbitmq --timeout="$1s" >&2
        k rollout status statefulset/redis --timeout="$1s" >&2
    fi
}

# Everything with the label, and nothing else. Namespaces that were there before hold only a pod of ours.
remove_everything() {
    say "removing what $NS has in the cluster"
    kube delete namespace "$NS" --ignore-not-found --timeout=300s >/dev/null
    kube delete namespace --selector "$LABEL" --timeout=300s >/dev/null 2>&1 || true
    kube delete pod --all-namespaces --selector "$LABEL" >/dev/null 2>&1 || true
    kube delete persistentvolume,priorityclass --selector "$LABEL" --timeout=60s >/dev/null 2>&1 || true
}
