//! What every pod must be: without privilege, bounded, watched.

use serde_json::{Value, json};

use super::settings::program;
use crate::objects::{Workload, is_versioned, items, quantity, text, workloads};

/// Of each of these a container says what it needs and what it may take.
const RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// What a worker answers, and which probe asks for it.
const ENDPOINTS: [(&str, &str); 3] =
    [("startupProbe", "/startupz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")];

/// A worker that fails its liveness probe does not hear SIGTERM either; waiting for its regular end would only keep it away longer.
const LIVENESS_GRACE_SECONDS: u64 = 15;

pub fn breaches(objects: &[Value]) -> Vec<String> {
    workloads(objects).flat_map(|workload| of_workload(&workload)).collect()
}

fn of_workload(workload: &Workload<'_>) -> Vec<String> {
    let mut found = of_pod(workload.pod());
    for container in workload.containers() {
        let name = text(&container["name"]);
        let mut inside = of_container(container);
        if workload.stays() {
            inside.extend(probes(container));
        }
        if workload.is_worker() {
            inside.extend(endpoints(container));
            inside.extend(frozen(container));
        }
        found.extend(inside.into_iter().map(|breach| format!("{name}: {breach}")));
    }
    found.into_iter().map(|breach| format!("{}: {breach}", workload.title())).collect()
}

fn of_pod(pod: &Value) -> Vec<String> {
    let context = &pod["securityContext"];
    let wanted = [
        ("automountServiceAccountToken is not false", pod["automountServiceAccountToken"] == false),
        ("enableServiceLinks is not false", pod["enableServiceLinks"] == false),
        ("runAsNonRoot is not true", context["runAsNonRoot"] == true),
        ("runAsUser is no number above 0", context["runAsUser"].as_u64().is_some_and(|user| user > 0)),
        ("seccompProfile is not RuntimeDefault", context["seccompProfile"]["type"] == "RuntimeDefault"),
        (
            "shares a namespace with its node",
            !["hostNetwork", "hostPID", "hostIPC"].iter().any(|key| pod[key] == true),
        ),
        ("has a hostPath volume", !items(&pod["volumes"]).any(|volume| volume["hostPath"].is_object())),
        ("has init containers, which no rule looks at", pod["initContainers"].is_null()),
    ];
    wanted.iter().filter(|(_, kept)| !kept).map(|(breach, _)| (*breach).to_owned()).collect()
}

fn of_container(container: &Value) -> Vec<String> {
    let context = &container["securityContext"];
    let wanted = [
        ("allowPrivilegeEscalation is not false", context["allowPrivilegeEscalation"] == false),
        ("its root is not read-only", context["readOnlyRootFilesystem"] == true),
        ("is privileged", context["privileged"] != true),
        ("does not drop all capabilities, or adds some", context["capabilities"] == json!({"drop": ["ALL"]})),
        ("its image has no version", is_versioned(text(&container["image"]))),
        // Docker Hub has images of everybody, and a name without a registry is one of its.
        (
            "its image is in no registry, and imagePullPolicy is not Never",
            !is_local(container) || container["imagePullPolicy"] == "Never",
        ),
    ];
    let mut found: Vec<String> =
        wanted.iter().filter(|(_, kept)| !kept).map(|(breach, _)| (*breach).to_owned()).collect();
    let resources = &container["resources"];
    for resource in RESOURCES {
        let (request, limit) =
            (quantity(&resources["requests"][resource]), quantity(&resources["limits"][resource]));
        match (request, limit) {
            (Some(request), Some(limit)) if request <= limit => {}
            (Some(_), Some(_)) => found.push(format!("requests more {resource} than its limit")),
            _ => found.push(format!("no request or no limit of {resource}")),
        }
    }
    found
}

/// An image of ours under a name without a registry.
fn is_local(container: &Value) -> bool {
    program(container).is_some() && !text(&container["image"]).contains('/')
}

fn probes(container: &Value) -> impl Iterator<Item = String> {
    ENDPOINTS
        .iter()
        .filter(|(probe, _)| !container[*probe].is_object())
        .map(|(probe, _)| format!("no {probe}"))
}

fn frozen(container: &Value) -> Option<String> {
    let grace = container["livenessProbe"]["terminationGracePeriodSeconds"].as_u64();
    grace.is_none_or(|grace| grace > LIVENESS_GRACE_SECONDS).then(|| {
        format!("a frozen worker is waited for more than {LIVENESS_GRACE_SECONDS} s (livenessProbe.terminationGracePeriodSeconds)")
    })
}

fn endpoints(container: &Value) -> impl Iterator<Item = String> {
    ENDPOINTS
        .iter()
        .filter(|(probe, path)| container[*probe]["httpGet"] != json!({"path": path, "port": "http"}))
        .map(|(probe, path)| format!("{probe} does not ask {path} of the port http"))
}
