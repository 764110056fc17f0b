//! What stands around the pods: network policies, disruption budgets, accounts; and what must not be there.

use serde_json::{Value, json};

use crate::objects::{Workload, items, name, of_kind, quantity, text, title, workloads};

pub fn breaches(objects: &[Value]) -> Vec<String> {
    let mut found: Vec<String> = of_kind(objects, "Secret")
        .map(|secret| format!("{}: secrets do not belong into the repository", title(secret)))
        .collect();
    found.extend(
        of_kind(objects, "ServiceAccount")
            .filter(|account| account["automountServiceAccountToken"] != false)
            .map(|account| format!("{}: automountServiceAccountToken is not false", title(account))),
    );
    // The pod's own address changes with each restart, and name servers keep the old one, or that there is none, for half a minute.
    found.extend(
        of_kind(objects, "Service").filter(|service| service["spec"]["clusterIP"] == "None").map(|service| {
            format!("{}: is headless, so clients lose the server at a restart", title(service))
        }),
    );
    // A lone Job comes into a namespace that has all of this.
    if of_kind(objects, "Deployment").next().is_some() {
        found.extend(denied_by_default(objects));
        found.extend(workloads(objects).flat_map(|workload| around(&workload, objects)));
        found.extend(pools_apart(objects));
    }
    found
}

fn denied_by_default(objects: &[Value]) -> Option<String> {
    let everything = json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]});
    let denied = of_kind(objects, "NetworkPolicy").any(|policy| policy["spec"] == everything);
    (!denied).then(|| "no NetworkPolicy denies everything that no other allows".to_owned())
}

fn around(workload: &Workload<'_>, objects: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    let chosen = |policy: &&Value| {
        let selector = &policy["spec"]["podSelector"];
        selector["matchLabels"].is_object() && workload.matches(selector)
    };
    let policies: Vec<&Value> = of_kind(objects, "NetworkPolicy").filter(chosen).collect();
    if policies.is_empty() {
        found.push(format!("{}: no NetworkPolicy lets anything in or out", workload.title()));
    }
    if workload.object["kind"] == "Deployment" {
        let budgets: Vec<&Value> = of_kind(objects, "PodDisruptionBudget")
            .filter(|budget| workload.matches(&budget["spec"]["selector"]))
            .collect();
        match &budgets[..] {
            [budget] if !budget["spec"]["maxUnavailable"].is_null() => {}
            [_] => found.push(format!("{}: its budget is not by maxUnavailable", workload.title())),
            // Two make every eviction an error.
            other => {
                found.push(format!("{}: {} disruption budgets instead of one", workload.title(), other.len()))
            }
        }
    }
    let wanted = text(&workload.pod()["serviceAccountName"]);
    if !wanted.is_empty() && !of_kind(objects, "ServiceAccount").any(|account| name(account) == wanted) {
        found.push(format!("{}: no ServiceAccount {wanted}", workload.title()));
    }
    found.extend(unknown_ports(workload, &policies));
    found
}

/// A policy for a port that nothing listens on is a policy for a port that was renumbered. TLS listeners come from configuration.
fn unknown_ports(workload: &Workload<'_>, policies: &[&Value]) -> Vec<String> {
    const TLS: [u64; 2] = [5671, 15671];
    let listens: Vec<u64> = workload
        .containers()
        .flat_map(|container| items(&container["ports"]))
        .filter_map(|port| port["containerPort"].as_u64())
        .collect();
    policies
        .iter()
        .flat_map(|policy| items(&policy["spec"]["ingress"]))
        .flat_map(|rule| items(&rule["ports"]))
        .filter_map(|port| quantity(&port["port"]).map(|port| port as u64))
        .filter(|port| !listens.contains(port) && !TLS.contains(port))
        .map(|port| {
            format!("{}: a NetworkPolicy lets port {port} in, where nothing listens", workload.title())
        })
        .collect()
}

/// A Deployment whose selector fits the pods of another adopts them.
fn pools_apart(objects: &[Value]) -> Vec<String> {
    let pools: Vec<Workload<'_>> =
        workloads(objects).filter(|workload| workload.object["kind"] == "Deployment").collect();
    let mut found = Vec::new();
    for one in &pools {
        let selector = &one.object["spec"]["selector"];
        for other in pools.iter().filter(|other| other.matches(selector)) {
            if name(other.object) != name(one.object) {
                found.push(format!("{} selects the pods of {}", one.title(), other.title()));
            }
        }
        let spread = items(&one.pod()["topologySpreadConstraints"]);
        if !spread.map(|constraint| &constraint["labelSelector"]).eq([selector, selector]) {
            found.push(format!("{}: is not spread over hosts and zones by its own selector", one.title()));
        }
    }
    found
}
