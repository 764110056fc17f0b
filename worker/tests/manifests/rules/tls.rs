//! TLS reaches everything that connects to the servers, or nothing: a pod that was left out fails at its first connection.

use serde_json::Value;

use super::settings::program;
use crate::objects::{items, of_kind, text, title, workloads};

/// A setting of the programs, and what KEDA calls the same thing.
const PARTS: [(&str, &[&str]); 2] = [("TLS_CA_FILE", &["ca", "tls"]), ("TLS_CERT_FILE", &["cert", "key"])];

pub fn breaches(objects: &[Value]) -> Vec<String> {
    PARTS.iter().flat_map(|(variable, parameters)| of_part(variable, parameters, objects)).collect()
}

fn of_part(variable: &str, parameters: &[&str], objects: &[Value]) -> Vec<String> {
    let ours: Vec<(String, bool)> = workloads(objects)
        .flat_map(|workload| {
            let programs = workload.containers().filter(|container| program(container).is_some());
            programs.map(|container| (workload.title(), sets(container, variable))).collect::<Vec<_>>()
        })
        .collect();
    if !ours.iter().any(|(_, set)| *set) {
        return Vec::new();
    }
    let without = ours.iter().filter(|(_, set)| !set);
    let mut found: Vec<String> =
        without.map(|(title, _)| format!("{title}: has no {variable}, which others have")).collect();
    for authentication in of_kind(objects, "TriggerAuthentication") {
        let given: Vec<&str> =
            items(&authentication["spec"]["secretTargetRef"]).map(|from| text(&from["parameter"])).collect();
        let missing = parameters.iter().filter(|parameter| !given.contains(parameter));
        found.extend(missing.map(|parameter| {
            format!("{}: has no parameter {parameter}, while pods have {variable}", title(authentication))
        }));
    }
    found
}

fn sets(container: &Value, variable: &str) -> bool {
    items(&container["env"]).any(|it| it["name"] == variable)
}
