# shellcheck shell=bash disable=SC2154,SC2034 # variables of e2e.sh and of the files beside this one
# For prod: a private authority and its certificates, in the Secrets' shape of cert-manager, and a Redis of "somebody else's". To be sourced.

make_certificates() {
    local folder=$WORK/tls
    mkdir -p "$folder"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=e2e-authority -keyout "$folder/ca.key" -out "$folder/ca.crt" 2>/dev/null
    certificate rabbitmq "DNS:rabbitmq,DNS:rabbitmq.$NS,DNS:rabbitmq.$NS.svc,DNS:rabbitmq.$NS.svc.cluster.local,DNS:*.rabbitmq-nodes.$NS"
    certificate redis "DNS:redis.$NS-redis,DNS:redis.$NS-redis.svc"
    certificate analysis DNS:analysis
    kube create namespace "$NS-redis" >/dev/null
    kube label namespace "$NS-redis" "$LABEL" pod-security.kubernetes.io/enforce=restricted >/dev/null
    tls_secret "$NS" rabbitmq-tls rabbitmq
    tls_secret "$NS" analysis-tls analysis
    tls_secret "$NS-redis" redis-tls redis
}

certificate() { # name subjectAltName
    local base=$WORK/tls/$1
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$base.key" -out "$base.csr" 2>/dev/null
    printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$2" >"$base.ext"
    openssl x509 -req -in "$base.csr" -CA "$WORK/tls/ca.crt" -CAkey "$WORK/tls/ca.key" -CAcreateserial -days 2 -extfile "$base.ext" \
        -out "$base.crt" 2>/dev/null
}

tls_secret() { # namespace secret certificate
    kube -n "$1" create secret generic "$2" --type=kubernetes.io/tls --from-file=ca.crt="$WORK/tls/ca.crt" \
        --from-file=tls.crt="$WORK/tls/$3.crt" --from-file=tls.key="$WORK/tls/$3.key" >/dev/null
}

# It wants a certificate of its clients, and keeps its data on a volume: what is killed must come back with them.
make_redis() {
    local image
    image=$(sed -n 's/^ *image: \(redis:.*\)/\1/p' "$K8S/components/redis/statefulset.yaml")
    kube -n "$NS-redis" apply -f - >/dev/null <<YAML
apiVersion: v1
kind: Service
metadata: {name: redis}
spec: {selector: {app: redis}, ports: [{port: 6379}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: redis}
spec:
  serviceName: redis
  selector: {matchLabels: {app: redis}}
  template:
    metadata: {labels: {app: redis}}
    spec:
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, runAsUser: 999, runAsGroup: 999, fsGroup: 999, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: redis
          image: $image
          args: [redis-server, --port, "0", --tls-port, "6379", --tls-cert-file, /tls/tls.crt, --tls-key-file, /tls/tls.key,
            --tls-ca-cert-file, /tls/ca.crt, --tls-auth-clients, "yes", --appendonly, "yes", --appendfsync, always, --save, "", --protected-mode, "no",
            --maxmemory-policy, noeviction, --dir, /data]
          readinessProbe: {tcpSocket: {port: 6379}, periodSeconds: 5}
          resources: {requests: {cpu: 100m, memory: 256Mi}, limits: {memory: 1Gi}}
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
          volumeMounts: [{name: tls, mountPath: /tls, readOnly: true}, {name: data, mountPath: /data}]
      volumes: [{name: tls, secret: {secretName: redis-tls, defaultMode: 0440}}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
YAML
    kube -n "$NS-redis" rollout status statefulset/redis --timeout=300s >&2
}
