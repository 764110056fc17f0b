//! What an overlay, which is applied as it is, must bring along or may expect to find.

use serde_json::Value;

use crate::objects::{Workload, items, name, of_kind, text, title, workloads};
use crate::rendered::read;

/// Secrets that README.md of k8s/ tells to make, beside `analysis-servers`: certificates, by whatever makes them in the cluster.
const CERTIFICATES: [(&str, &[&str]); 1] = [("analysis-tls", &["ca.crt", "tls.crt", "tls.key"])];

/// Kinds that belong to no namespace.
const CLUSTER_WIDE: [&str; 3] = ["Namespace", "PersistentVolume", "PriorityClass"];

pub fn breaches(objects: &[Value]) -> Vec<String> {
    let mut found = namespace(objects);
    found.extend(workloads(objects).flat_map(|workload| volumes(&workload, objects)));
    found.extend(secret_keys(objects));
    found.extend(of_kind(objects, "PersistentVolumeClaim").filter_map(|claim| volume_of(claim, objects)));
    found
}

fn namespace(objects: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    let Some(namespace) = of_kind(objects, "Namespace").next() else {
        return vec!["no Namespace".to_owned()];
    };
    if namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] != "restricted" {
        found.push("its namespace does not enforce restricted pod security".to_owned());
    }
    let inside = |object: &&Value| !CLUSTER_WIDE.contains(&text(&object["kind"]));
    let elsewhere = objects
        .iter()
        .filter(inside)
        .filter(|object| object["metadata"]["namespace"] != namespace["metadata"]["name"]);
    found.extend(elsewhere.map(|object| format!("{}: is in another namespace", title(object))));
    found
}

fn volumes(workload: &Workload<'_>, objects: &[Value]) -> Vec<String> {
    let there = |kind: &str, wanted: &Value| {
        of_kind(objects, kind).any(|object| object["metadata"]["name"] == *wanted)
    };
    let mut found = Vec::new();
    for volume in items(&workload.pod()["volumes"]) {
        let (claim, map) = (&volume["persistentVolumeClaim"]["claimName"], &volume["configMap"]["name"]);
        if !claim.is_null() && !there("PersistentVolumeClaim", claim) {
            found.push(format!("{}: nothing brings the claim {claim}", workload.title()));
        }
        if !map.is_null() && !there("ConfigMap", map) {
            found.push(format!("{}: nothing brings the ConfigMap {map}", workload.title()));
        }
    }
    found
}

/// A claim that names its volume gets it only if that is there and of its kind.
fn volume_of(claim: &Value, objects: &[Value]) -> Option<String> {
    let wanted = claim["spec"]["volumeName"].as_str()?;
    let volume = of_kind(objects, "PersistentVolume").find(|volume| name(volume) == wanted);
    let fits = volume.is_some_and(|volume| {
        ["accessModes", "storageClassName"].iter().all(|field| volume["spec"][field] == claim["spec"][field])
            && volume["spec"]["capacity"]["storage"] == claim["spec"]["resources"]["requests"]["storage"]
    });
    (!fits).then(|| format!("{}: {wanted} is not there, or differs in mode, class or size", title(claim)))
}

/// Every key of a secret that something reads is one that is written.
fn secret_keys(objects: &[Value]) -> Vec<String> {
    let script = read("deploy/secrets.sh");
    let written = |key: &str| script.contains(&format!("put {key} "));
    let known = |secret: &str, key: &str| {
        (secret == "analysis-servers" && written(key))
            || CERTIFICATES.iter().any(|(name, keys)| *name == secret && keys.contains(&key))
    };
    let mut read = Vec::new();
    for workload in workloads(objects) {
        for volume in items(&workload.pod()["volumes"]).filter(|volume| volume["secret"].is_object()) {
            let secret = text(&volume["secret"]["secretName"]);
            let keys: Vec<&str> = items(&volume["secret"]["items"]).map(|item| text(&item["key"])).collect();
            // All of it: its first key stands for the secret.
            let all = CERTIFICATES.iter().find(|(name, _)| *name == secret).map(|(_, keys)| keys[0]);
            let keys = if keys.is_empty() { vec![all.unwrap_or("everything")] } else { keys };
            read.extend(keys.into_iter().map(|key| (workload.title(), secret, key)));
        }
        let variables = workload.containers().flat_map(|container| items(&container["env"]));
        let from =
            variables.map(|variable| &variable["valueFrom"]["secretKeyRef"]).filter(|from| from.is_object());
        read.extend(from.map(|from| (workload.title(), text(&from["name"]), text(&from["key"]))));
    }
    for authentication in of_kind(objects, "TriggerAuthentication") {
        let targets = items(&authentication["spec"]["secretTargetRef"]);
        read.extend(targets.map(|from| (title(authentication), text(&from["name"]), text(&from["key"]))));
    }
    let unknown = read.iter().filter(|(_, secret, key)| !known(secret, key));
    unknown
        .map(|(title, secret, key)| format!("{title}: nobody writes {key} of the secret {secret}"))
        .collect()
}
