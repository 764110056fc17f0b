//! The same for the compose file and the Dockerfile.

use serde_json::{Value, json};

use super::put;
use crate::rendered::{read, rendered};
use crate::{compose, dockerfile};

/// Where, what is put there, and the breach that must be found.
type Change = (&'static str, fn() -> Value, &'static str);

#[test]
fn a_broken_compose_file_is_found() {
    let table: &[Change] = &[
        ("/services/redis/read_only", || Value::Null, "redis: its root is not read-only"),
        ("/services/worker/cap_add", || json!(["SYS_ADMIN"]), "capabilities"),
        ("/services/worker/security_opt", || Value::Null, "gain privileges"),
        ("/services/worker/network_mode", || json!("host"), "namespace of the host"),
        ("/services/redis/image", || json!("redis"), "no version"),
        ("/services/redis/deploy/resources/limits/memory", || Value::Null, "no limit"),
        ("/services/redis/user", || json!("0:0"), "runs as root"),
        ("/services/redis/healthcheck", || Value::Null, "no health check"),
        ("/services/grafana/ports", || json!(["3000:3000"]), "open beyond"),
        ("/services/worker/volumes/0/read_only", || Value::Null, "is writable"),
        ("/services/redis/volumes/1/source", || json!("./redis.conf"), "is not there"),
        ("/services/worker/env_file/1", || Value::Null, "SETTINGS has no effect"),
        (
            "/services/worker/environment/CACHE_SIZE_MB",
            || json!("64"),
            "SETTINGS has no effect on CACHE_SIZE_MB",
        ),
        ("/services/worker/env_file/0", || json!("../k8s/base/worker.conf"), "worker.conf"),
        ("/services/worker/environment/QUEUE_SIZE", || json!("1"), "QUEUE_SIZE is no setting"),
        ("/services/worker/environment/LOG_FORMAT", || json!("yaml"), "LOG_FORMAT"),
        ("/services/worker/environment/AMQP_URL_FILE", || json!("/run/secrets/x"), "none of its secrets"),
        ("/services/worker/deploy/resources/limits/memory", || json!("1024M"), "memory limit"),
        ("/services/worker/deploy/resources/limits/cpus", || json!("4"), "CPU limit"),
        ("/services/worker/stop_grace_period", || json!("60s"), "stop_grace_period"),
        ("/secrets/amqp-url/file", || json!("./secrets/x"), "does not write the secret"),
    ];
    for (pointer, value, breach) in table {
        let mut compose = rendered().compose.clone();
        put(&mut compose, pointer, value());
        let breaches = compose::breaches(&compose);
        assert!(breaches.iter().any(|found| found.contains(breach)), "{pointer}: {breaches:?}");
    }
}

#[test]
fn a_broken_dockerfile_is_found() {
    let (good, ignored) = (read("deploy/Dockerfile"), read("deploy/Dockerfile.dockerignore"));
    let table = [
        (":nonroot", ":latest", "no version"),
        ("USER 65532:65532", "USER nonroot", "no number"),
        ("COPY shared shared", "ADD https://example/x.tar shared", "ADD"),
        ("FROM --platform=$BUILDPLATFORM ", "FROM ", "emulated"),
        ("\"healthcheck\"", "\"config\"", "health check"),
        ("STOPSIGNAL SIGTERM", "STOPSIGNAL SIGKILL", "SIGTERM"),
        ("image.revision=", "image.x=", "labels"),
        ("CMD [\"run\"]", "CMD run", "through a shell"),
        ("FROM runtime AS loadtest", "FROM runtime AS load", "no target loadtest"),
        ("rust:1.95.0", "rust:1.80.0", "older than rust-version"),
    ];
    for (from, to, breach) in table {
        assert!(good.contains(from), "{from}");
        let breaches = dockerfile::breaches(&good.replace(from, to), &ignored);
        assert!(breaches.iter().any(|found| found.contains(breach)), "{to}: {breaches:?}");
    }
    assert!(dockerfile::breaches(&good, "target\n")[0].contains("context"));
}
