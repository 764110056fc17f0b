//! Each rule, shown to be one that can be broken: the real manifests with one thing changed.

mod files;

use serde_json::{Value, json};

use crate::rendered::rendered;
use crate::rules;

/// Where: an object (`Kind name`) and a JSON pointer in it; what is put there (`null` removes it); the breach that must be found.
type Break = (&'static str, &'static str, fn() -> Value, &'static str);

const POD: &str = "/spec/template/spec";

fn broken(way: &str, (object, pointer, value, _): &Break) -> Vec<Value> {
    let mut objects = rendered().ways[way].clone();
    let (kind, name) = object.split_once(' ').unwrap();
    let found = objects.iter_mut().find(|candidate| {
        candidate["kind"] == kind
            && candidate["metadata"]["name"]
                .as_str()
                .is_some_and(|own| own == name || own.starts_with(&format!("{name}-")))
    });
    put(found.unwrap_or_else(|| panic!("no {object} in {way}")), pointer, value());
    objects
}

/// Removes what is replaced by null, and a whole object by the pointer "".
fn put(object: &mut Value, pointer: &str, value: Value) {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        *object = value;
        return;
    };
    match object.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}")) {
        Value::Object(map) if value.is_null() => assert!(map.remove(key).is_some(), "no {pointer}"),
        Value::Object(map) => drop(map.insert(key.to_owned(), value)),
        Value::Array(list) if value.is_null() => drop(list.remove(key.parse().unwrap())),
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        other => panic!("{pointer} leads into {other}"),
    }
}

fn is_found(way: &str, change: &Break, check: fn(&[Value]) -> Vec<String>) {
    let breaches = check(&broken(way, change));
    assert!(
        breaches.iter().any(|breach| breach.contains(change.3)),
        "{way}, {} {}: expected {:?}, found {breaches:?}",
        change.0,
        change.1,
        change.3
    );
}

/// Pointers of pods begin below the pod's spec.
const PODS: &[Break] = &[
    ("Deployment worker", "/automountServiceAccountToken", || Value::Null, "automountServiceAccountToken"),
    ("Deployment worker", "/enableServiceLinks", || json!(true), "enableServiceLinks"),
    ("Deployment worker", "/securityContext/runAsNonRoot", || json!(false), "runAsNonRoot"),
    ("StatefulSet redis", "/securityContext/runAsUser", || json!(0), "runAsUser"),
    ("Deployment worker", "/securityContext/seccompProfile/type", || json!("Unconfined"), "seccompProfile"),
    ("Deployment worker", "/hostPID", || json!(true), "shares a namespace"),
    ("Deployment worker", "/volumes/1", || json!({"name": "media", "hostPath": {"path": "/"}}), "hostPath"),
    ("Deployment worker", "/initContainers", || json!([{"name": "x"}]), "init containers"),
    (
        "Deployment worker",
        "/containers/0/securityContext/allowPrivilegeEscalation",
        || Value::Null,
        "allowPrivilegeEscalation",
    ),
    (
        "StatefulSet rabbitmq",
        "/containers/0/securityContext/readOnlyRootFilesystem",
        || Value::Null,
        "not read-only",
    ),
    ("Deployment worker", "/containers/0/securityContext/privileged", || json!(true), "is privileged"),
    (
        "Deployment worker",
        "/containers/0/securityContext/capabilities/add",
        || json!(["SYS_PTRACE"]),
        "capabilities",
    ),
    (
        "Deployment worker",
        "/containers/0/image",
        || json!("registry.example:5000/analysis-worker"),
        "no version",
    ),
    ("Deployment worker", "/containers/0/image", || json!("analysis-worker:latest"), "no version"),
    ("StatefulSet redis", "/containers/0/resources/limits/memory", || Value::Null, "no limit of memory"),
    ("StatefulSet redis", "/containers/0/resources/requests/cpu", || json!("3"), "requests more cpu"),
    ("StatefulSet redis", "/containers/0/livenessProbe", || Value::Null, "no livenessProbe"),
    (
        "Deployment worker",
        "/containers/0/livenessProbe/httpGet/path",
        || json!("/readyz"),
        "does not ask /livez",
    ),
    (
        "Deployment worker",
        "/containers/0/livenessProbe/terminationGracePeriodSeconds",
        || Value::Null,
        "a frozen worker",
    ),
    ("Deployment worker", "/containers/0/image", || json!("analysis-worker:0.1.0"), "is in no registry"),
    (
        "Deployment worker",
        "/topologySpreadConstraints/0/labelSelector/matchLabels/analysis~1pool",
        || json!("x"),
        "not spread",
    ),
    ("Deployment worker", "/serviceAccountName", || json!("other"), "no ServiceAccount other"),
    // Settings.
    (
        "Deployment worker",
        "/containers/0/env/0",
        || json!({"name": "RABBIT_HOST", "value": "x"}),
        "RABBIT_HOST is no setting",
    ),
    (
        "Deployment worker",
        "/containers/0/env/0",
        || json!({"name": "PRIORITY_AGING", "value": "soon"}),
        "PRIORITY_AGING",
    ),
    (
        "Deployment worker",
        "/containers/0/envFrom/0/configMapRef/name",
        || json!("worker"),
        "no ConfigMap worker",
    ),
    ("Deployment worker", "/containers/0/volumeMounts/0", || Value::Null, "is in no volume"),
    ("Deployment worker", "/containers/0/volumeMounts/1/readOnly", || Value::Null, "not mounted read-only"),
    ("Deployment worker", "/volumes/0/secret/items/1", || Value::Null, "not among the volume's files"),
    // Fit.
    ("Deployment worker", "/containers/0/resources/limits/memory", || json!("1Gi"), "memory limit is below"),
    (
        "Deployment worker",
        "/containers/0/resources/requests/memory",
        || json!("512Mi"),
        "requests less memory",
    ),
    ("Deployment worker", "/containers/0/resources/limits/cpu", || json!("4"), "CPU limit is below"),
    ("Deployment worker", "/containers/0/resources/requests/cpu", || json!("4500m"), "requests more CPU"),
    ("Deployment worker", "/terminationGracePeriodSeconds", || json!(70), "terminationGracePeriodSeconds"),
    (
        "Deployment worker",
        "/containers/0/readinessProbe/timeoutSeconds",
        || json!(5),
        "readiness probe gives up",
    ),
];

#[test]
fn a_broken_pod_is_found() {
    for (object, pointer, value, breach) in PODS {
        let whole: &'static str = Box::leak(format!("{POD}{pointer}").into_boxed_str());
        is_found("staging", &(object, whole, *value, breach), rules::breaches);
    }
}

const SETTINGS: &[Break] = &[
    ("ConfigMap worker", "/data/ANALYSIS_MAX_WORKERS", || json!("0"), "ANALYSIS_MAX_WORKERS"),
    ("ConfigMap worker", "/data/ANALYSIS_TIMOUT", || json!("30s"), "ANALYSIS_TIMOUT is no setting"),
    ("ConfigMap worker", "/data/MEDIA_ROOTS", || Value::Null, "MEDIA_ROOTS is not set"),
    ("ConfigMap worker", "/data/MEDIA_ROOTS", || json!("music=/srv"), "is in no volume"),
    ("ConfigMap worker", "/data/WORKER_LEVELS", || json!("urgent"), "WORKER_LEVELS"),
    ("ConfigMap worker", "/data/MAX_MEMORY_MB", || json!("512"), "too little"),
    ("ConfigMap worker", "/data/MAX_MEMORY_MB", || json!("2048"), "memory limit is below"),
    ("ConfigMap worker", "/data/SHUTDOWN_TIMEOUT", || json!("80s"), "terminationGracePeriodSeconds"),
    ("ConfigMap worker", "/data/SHUTDOWN_TIMEOUT", || json!("20s"), "throws work away"),
    ("ConfigMap worker", "/data/HEALTH_CHECK_TIMEOUT", || json!("7s"), "readiness probe gives up"),
    ("ConfigMap worker", "/data/ANALYSIS_BATCH_SIZE", || json!("200"), "consumer_timeout"),
    ("ConfigMap worker", "/data/CONSUMER_TIMEOUT", || json!("1h"), "CONSUMER_TIMEOUT is"),
    ("ConfigMap worker", "/data/QUEUE_MAX_SIZE", || json!("30"), "QUEUE_MAX_SIZE"),
    ("ConfigMap worker", "/data/QUEUE_PREFIX", || json!("other"), "asks for another queue"),
    ("ConfigMap rabbitmq", "/data/rabbitmq.conf", || json!("consumer_timeout = 60000"), "consumer_timeout"),
];

const SURROUNDINGS: &[Break] = &[
    (
        "ServiceAccount worker",
        "",
        || json!({"kind": "Secret", "metadata": {"name": "x"}}),
        "secrets do not belong",
    ),
    (
        "ServiceAccount worker",
        "/automountServiceAccountToken",
        || json!(true),
        "automountServiceAccountToken",
    ),
    ("NetworkPolicy default", "/spec/policyTypes", || json!(["Ingress"]), "denies everything"),
    (
        "NetworkPolicy redis",
        "/spec/podSelector/matchLabels",
        || json!({"a": "b"}),
        "StatefulSet redis: no NetworkPolicy",
    ),
    ("NetworkPolicy redis", "/spec/ingress/0/ports/0/port", || json!(6380), "where nothing listens"),
    (
        "PodDisruptionBudget worker",
        "/spec/selector/matchLabels",
        || json!({"a": "b"}),
        "0 disruption budgets",
    ),
    ("Service redis", "/spec/clusterIP", || json!("None"), "is headless"),
    ("PodDisruptionBudget worker", "/spec/maxUnavailable", || Value::Null, "not by maxUnavailable"),
];

const SCALING: &[Break] = &[
    ("Deployment worker", "/spec/replicas", || json!(3), "replicas of its own"),
    ("ScaledObject worker", "/spec/scaleTargetRef/name", || json!("other"), "scales nothing"),
    ("ScaledObject worker", "/spec/maxReplicaCount", || json!(0), "at least than at most"),
    (
        "ScaledObject worker",
        "/spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleDown/stabilizationWindowSeconds",
        || json!(60),
        "of calm",
    ),
    (
        "ScaledObject worker",
        "/spec/advanced/scalingModifiers/formula",
        || json!("max(high, low)"),
        "no sum of weighted",
    ),
    (
        "ScaledObject worker",
        "/spec/advanced/scalingModifiers/formula",
        || json!("high + normal"),
        "leaves low out",
    ),
    ("ScaledObject worker", "/spec/advanced/scalingModifiers/target", || json!("40"), "never be enough"),
    ("ScaledObject worker", "/spec/triggers/2", || Value::Null, "no trigger for low"),
    ("ScaledObject worker", "/spec/triggers/0/metadata/protocol", || json!("amqp"), "HTTP API"),
    (
        "ScaledObject worker",
        "/spec/triggers/0/metadata/excludeUnacknowledged",
        || json!("true"),
        "unacknowledged",
    ),
    ("ScaledObject worker", "/spec/triggers/0/metadata/mode", || json!("MessageRate"), "count messages"),
    ("ScaledObject worker", "/spec/triggers/3/metadata/mode", || json!("QueueLength"), "the rate of high"),
    ("ScaledObject worker", "/spec/triggers/0/metadata/queueName", || json!("analysis.hi"), "another queue"),
    ("ScaledObject worker", "/spec/triggers/0/metadata/value", || json!("20"), "another value"),
    ("ScaledObject worker", "/spec/fallback/replicas", || json!(2), "its fallback is not minReplicaCount"),
    ("ScaledObject worker", "/spec/fallback", || Value::Null, "its fallback is not minReplicaCount"),
    ("ScaledObject worker", "/spec/fallback/behavior", || json!("static"), "does not keep the workers"),
    ("ScaledObject worker", "/spec/cooldownPeriod", || json!(300), "cooldownPeriod has no effect"),
    ("TriggerAuthentication rabbitmq", "/metadata/name", || json!("x"), "no TriggerAuthentication"),
];

#[test]
fn a_broken_setting_surrounding_or_scaler_is_found() {
    for change in [SETTINGS, SURROUNDINGS, SCALING].concat() {
        is_found("staging", &change, rules::breaches);
    }
}

#[test]
fn pools_that_adopt_each_others_pods_are_found() {
    let selector: Break = (
        "Deployment worker",
        "/spec/selector/matchLabels/analysis~1pool",
        || Value::Null,
        "selects the pods of",
    );
    // A key with a slash is removed by its name.
    let mut objects = rendered().ways["prod"].clone();
    for object in objects.iter_mut().filter(|object| object["kind"] == "Deployment") {
        object["spec"]["selector"]["matchLabels"].as_object_mut().unwrap().remove("analysis/pool");
    }
    let breaches = rules::breaches(&objects);
    assert!(breaches.iter().any(|breach| breach.contains(selector.3)), "{breaches:?}");
}

/// In an installation with TLS.
const TLS: &[Break] = &[
    (
        "CronJob producer",
        "/spec/jobTemplate/spec/template/spec/containers/0/env",
        || json!([]),
        "CronJob producer: has no TLS_CA_FILE",
    ),
    (
        "Deployment worker-high",
        "/spec/template/spec/containers/0/env",
        || json!([]),
        "worker-high: has no TLS_CERT_FILE",
    ),
    ("TriggerAuthentication rabbitmq-api", "/spec/secretTargetRef/1", || Value::Null, "no parameter ca"),
    ("TriggerAuthentication rabbitmq-api", "/spec/secretTargetRef/2", || Value::Null, "no parameter tls"),
    ("TriggerAuthentication rabbitmq-api", "/spec/secretTargetRef/3", || Value::Null, "no parameter cert"),
    ("Deployment worker", "/spec/template/spec/volumes/0/secret/items/0", || Value::Null, "volume's files"),
];

#[test]
fn tls_that_leaves_something_out_is_found() {
    for change in TLS {
        is_found("prod", change, rules::breaches);
    }
}

const REPLICAS: Break =
    ("Deployment worker", "/spec/replicas", || json!(1), "which each apply would set again");

#[test]
fn replicas_that_every_apply_would_set_again_are_found() {
    is_found("dev", &REPLICAS, rules::breaches);
}

const WHOLE: &[Break] = &[
    ("Namespace analysis", "/metadata/labels", || json!({}), "restricted pod security"),
    ("ConfigMap redis", "/metadata/namespace", || json!("default"), "in another namespace"),
    ("PersistentVolumeClaim media", "/metadata/name", || json!("x"), "brings the claim"),
    ("ConfigMap rabbitmq", "/metadata/name", || json!("x"), "brings the ConfigMap"),
    ("PersistentVolume analysis", "/metadata/name", || json!("x"), "is not there, or differs"),
    (
        "PersistentVolume analysis",
        "/spec/accessModes",
        || json!(["ReadWriteOnce"]),
        "is not there, or differs",
    ),
    ("TriggerAuthentication rabbitmq", "/spec/secretTargetRef/0/key", || json!("api"), "nobody writes api"),
];

#[test]
fn an_overlay_that_lacks_something_is_found() {
    for change in WHOLE {
        is_found("staging", change, rules::whole::breaches);
    }
}
