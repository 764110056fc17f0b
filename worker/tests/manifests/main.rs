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
    let traces: [(&str, Trace); 4] = [
        ("tls", |pool| {
            pool.containers().flat_map(|it| items(&it["env"])).any(|it| it["name"] == "TLS_CA_FILE")
        }),
        ("tls-client-certificate", |pool| {
            pool.containers().flat_map(|it| items(&it["env"])).any(|it| it["name"] == "TLS_KEY_FILE")
        }),
        ("local-images", |pool| pool.containers().all(|it| it["imagePullPolicy"] == "Never")),
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

/// What components do to workers they do to the Jobs that speak to the same servers. How important workers are says nothing of Jobs.
#[test]
fn components_reach_every_job() {
    for (component, job) in ["tls", "tls-client-certificate", "local-images"]
        .iter()
        .flat_map(|component| ["nightly", "producer"].map(|job| (component, job)))
    {
        let way = rendered().ways.iter().find(|(name, _)| {
            let mut parts = name.split('+').skip(1);
            parts.clone().any(|part| part == *component) && parts.any(|part| part == job)
        });
        let (name, objects) = way.unwrap_or_else(|| panic!("{component} with {job} is not built"));
        let job = workloads(objects).find(|workload| !workload.stays()).unwrap();
        let text = job.template.to_string();
        let trace = match *component {
            "tls" => "TLS_CA_FILE",
            "tls-client-certificate" => "TLS_KEY_FILE",
            _ => "\"imagePullPolicy\":\"Never\"",
        };
        assert!(text.contains(trace), "{name}: {component} does not reach {}", job.title());
    }
}

/// kind and minikube give a node two processors by default, of which the cluster's own pods take some.
#[test]
fn a_load_test_fits_beside_the_small_installation() {
    let request = |way: &str| -> f64 {
        let objects = &rendered().ways[way];
        let running = workloads(objects).filter(|workload| workload.object["kind"] != "CronJob");
        running
            .flat_map(|workload| workload.containers().collect::<Vec<_>>())
            .filter_map(|container| objects::quantity(&container["resources"]["requests"]["cpu"]))
            .sum()
    };
    let (dev, load) = (request("dev"), request("job-loadtest"));
    assert!(dev <= 0.6, "k8s/README.md says 0.6 CPU in all, dev requests {dev}");
    assert!(dev + load <= 1.25, "dev requests {dev}, the load test {load}");
}

/// Objects that belong to no namespace belong to one installation: removing another would take them away.
#[test]
fn no_two_overlays_share_an_object() {
    let mut seen = BTreeMap::new();
    for overlay in ["dev", "staging", "prod"] {
        for object in &rendered().ways[overlay] {
            if object["metadata"]["namespace"].is_null() {
                let earlier = seen.insert(objects::title(object), overlay);
                assert!(earlier.is_none(), "{} is in {overlay} and in {earlier:?}", objects::title(object));
            }
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
