//! Holds what the fleet is deployed with (`k8s/`, `deploy/compose.yaml`, `deploy/Dockerfile`) to the settings, to the worker's own
//! limits and to the rules of a hardened cluster. Builds everything first, by `deploy/manifests.sh`, which checks the schemas.
//!
//! Every rule is a function from objects to breaches. `broken.rs` breaks a manifest for each of them, so that none is a rule that
//! nothing can break.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it should be")]

mod broken;
mod compose;
mod dockerfile;
mod environment;
mod objects;
mod rendered;
mod rules;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};

use objects::{Workload, items, name, of_kind, text, workloads};
use rendered::{read, rendered};
use shared::settings::{Fallback, UsedBy, VARIABLES};

fn none(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn every_way_to_deploy_keeps_the_rules() {
    let breaches: Vec<String> = rendered()
        .ways
        .iter()
        .flat_map(|(name, objects)| {
            rules::breaches(objects).into_iter().map(move |breach| format!("{name}: {breach}"))
        })
        .collect();
    none(&breaches);
}

#[test]
fn overlays_bring_all_that_they_mention() {
    let breaches: Vec<String> = ["dev", "staging", "prod"]
        .iter()
        .flat_map(|name| {
            rules::whole::breaches(&rendered().ways[*name])
                .into_iter()
                .map(move |breach| format!("{name}: {breach}"))
        })
        .collect();
    none(&breaches);
}

#[test]
fn the_compose_file_keeps_the_rules() {
    none(&compose::breaches(&rendered().compose));
}

#[test]
fn the_dockerfile_keeps_the_rules() {
    none(&dockerfile::breaches(&read("deploy/Dockerfile"), &read("deploy/Dockerfile.dockerignore")));
}

/// The other direction is `rules::settings`: nothing in a manifest that is no setting.
#[test]
fn every_setting_with_a_default_stands_in_the_configuration() {
    let file = read("k8s/base/worker.env");
    let listed =
        |name: &str| file.lines().any(|line| line.split_once('=').is_some_and(|(key, _)| key == name));
    for variable in VARIABLES {
        let (name, file_name) = (variable.name, format!("{}_FILE", variable.name));
        match variable.fallback {
            // The configuration is that of the workers.
            _ if variable.used_by == UsedBy::Producer => {}
            _ if variable.secret => {
                assert!(listed(&file_name) && !listed(name), "k8s/base/worker.env: {file_name}, not {name}");
            }
            Fallback::Value(default) => {
                assert!(listed(name), "k8s/base/worker.env: {name} is missing (default {default})");
            }
            // What is not set by default is set by whoever has something to say there.
            Fallback::HostAndProcess | Fallback::Absent => {}
        }
    }
}

/// kustomize says nothing when a patch finds nothing to change.
#[test]
fn components_reach_every_pool() {
    type Trace = fn(&Workload<'_>) -> bool;
    let traces: [(&str, Trace); 2] = [
        ("tls", |pool| {
            pool.containers().flat_map(|it| items(&it["env"])).any(|it| it["name"] == "TLS_CA_FILE")
        }),
        ("low-priority", |pool| pool.pod()["priorityClassName"] == "analysis-batch"),
    ];
    for (component, trace) in traces {
        let with = |name: &&String| name.split('+').any(|part| part == component);
        let ways: Vec<&String> = rendered().ways.keys().filter(with).collect();
        assert!(ways.iter().any(|name| name.contains("pool-high")), "{component}: {ways:?}");
        for name in ways {
            let pools = workloads(&rendered().ways[name]).filter(Workload::is_worker);
            let missed: Vec<String> = pools.filter(|pool| !trace(pool)).map(|pool| pool.title()).collect();
            assert!(missed.is_empty(), "{name}: {component} does not reach {missed:?}");
        }
    }
}

/// The rules of a plain Prometheus are the source; the objects for the operator are made of them.
#[test]
fn the_alerts_in_the_cluster_are_those_of_prometheus() {
    let objects = &rendered().ways["staging"];
    let rule = |object: &serde_json::Value| (name(object).to_owned(), object["spec"]["groups"].clone());
    let made: BTreeMap<_, _> = of_kind(objects, "PrometheusRule").map(rule).collect();
    let files = rendered().rules.as_object().expect("groups by file");
    let source: BTreeMap<_, _> =
        files.iter().map(|(file, groups)| (format!("analysis-{file}"), groups.clone())).collect();
    assert_eq!(made, source, "run deploy/manifests.sh rules");
    for (object, groups) in &made {
        let names: Vec<&str> = items(groups).map(|group| text(&group["name"])).collect();
        let distinct: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), distinct.len(), "{object}: the operator refuses two groups of one name");
    }
}
