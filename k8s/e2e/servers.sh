# shellcheck shell=bash disable=SC2154,SC2034 # variables of e2e.sh and of the files beside this one
# Steps that take the servers away: RabbitMQ and Redis killed, passwords rotated. To be sourced.

rabbit_pod() { if [ "$overlay" = prod ]; then echo rabbitmq-server-0; else echo rabbitmq-0; fi; }

step_servers() {
    hold_workers "$workers"
    submit songs normal
    submit songs low
    kill_server "$NS" "$(rabbit_pod)" RabbitMQ
    keep_busy
    if [ "$overlay" = prod ]; then kill_server "$NS-redis" redis-0 Redis; else kill_server "$NS" redis-0 Redis; fi
    audit_batches
    free_workers
}

# Deletes a server's pod without grace, and measures until it is ready again and until all workers are.
kill_server() { # namespace pod name
    local uid began ready after
    uid=$(kube -n "$1" get pod "$2" -o jsonpath='{.metadata.uid}')
    began=$(now)
    kube -n "$1" delete pod "$2" --grace-period=0 --force >/dev/null 2>&1
    wait_for 300 another_pod "$1" "$2" "$uid" || { record no "$3 comes back" 'not within 300 s' && return 0; }
    kube -n "$1" wait --for=condition=Ready "pod/$2" --timeout=300s >/dev/null
    ready=$(now)
    wait_for 120 all_healthy || { record no "workers ready again after $3" 'not within 120 s' '10 s' && return 0; }
    after=$(since "$ready")
    record - "$3 killed without grace: ready again after" "$(since "$began") s in all, workers included"
    check_that "$3: all workers ready again after it is" "$after s" '10 s' at_most "$after" 10
}

another_pod() { # namespace pod uid
    local uid
    uid=$(kube -n "$1" get pod "$2" -o jsonpath='{.metadata.uid}' 2>/dev/null) && [ -n "$uid" ] && [ "$uid" != "$3" ]
}

all_healthy() {
    local pod
    for pod in $(worker_pods); do healthy "$pod" || return 1; done
}

# New passwords while work goes on: servers take both, then the Secret changes, then workers are rolled, then the old ones go.
step_secrets() {
    local new amqp api redis
    if [ "$overlay" = prod ]; then leave_out "the operator's user and an external Redis are rotated by their own means" && return 0; fi
    hold_workers "$workers"
    submit songs normal
    submit songs low
    new=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
    k exec rabbitmq-0 -- rabbitmqctl add_user next "$new" >/dev/null
    k exec rabbitmq-0 -- rabbitmqctl set_user_tags next administrator >/dev/null
    k exec rabbitmq-0 -- rabbitmqctl set_permissions next '.*' '.*' '.*' >/dev/null
    redis_command ACL SETUSER default ">$new"
    amqp="amqp://next:$new@rabbitmq:5672/%2f" redis="redis://:$new@redis:6379/0"
    api="http://next:$new@rabbitmq.$NS.svc:15672/%2f"
    k patch secret analysis-servers --type merge --patch "$(printf \
        '{"stringData": {"amqp-url": "%s", "redis-url": "%s", "rabbitmq-api-url": "%s", "username": "next", "password": "%s", "redis.conf": "requirepass %s\\n", "default_user.conf": "default_user = next\\ndefault_pass = %s\\ndefault_user_tags.administrator = true\\n"}}' \
        "$amqp" "$redis" "$api" "$new" "$new" "$new")" >/dev/null
    k rollout restart deployment --selector app.kubernetes.io/name=worker >/dev/null
    k rollout status deployment/worker --timeout=600s >/dev/null
    keep_busy
    redis_command ACL SETUSER default resetpass ">$new"
    k exec rabbitmq-0 -- rabbitmqctl delete_user analysis >/dev/null
    wait_for 60 all_healthy || true
    check_that 'workers are ready with the new passwords alone' "$(worker_pods | wc -l | tr -d ' ') workers" 'all' all_healthy
    audit_batches
    # And the servers know them after a restart, too: theirs come from the same Secret.
    kill_server "$NS" redis-0 'Redis with its new password'
    free_workers
}

# By the password that the pod was started with, which is the running server's.
redis_command() {
    # shellcheck disable=SC2016 # expanded in the pod
    k exec redis-0 -- sh -c 'REDISCLI_AUTH=$(sed -n "s/^requirepass //p" /run/secrets/redis.conf) redis-cli "$@" >/dev/null' redis-cli "$@"
}
