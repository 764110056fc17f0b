//! The compose file: as bounded and as shut in as in Kubernetes, and with the same settings.

use std::time::Duration;

use serde_json::{Value, json};

use crate::environment::{self, Environment};
use crate::objects::{is_versioned, items, text};
use crate::rendered::{path, read};
use crate::rules::fit::{MEMORY_HEADROOM, STOP_MARGIN};

/// Written by deploy/secrets.sh.
const SECRETS: &str = "./secrets/";

pub fn breaches(compose: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (name, service) in compose["services"].as_object().into_iter().flatten() {
        let mut inside = shut_in(service);
        inside.extend(reachable(service));
        inside.extend(mounts(service));
        inside.extend(settings(name, service));
        found.extend(inside.into_iter().map(|breach| format!("compose {name}: {breach}")));
    }
    for (name, secret) in compose["secrets"].as_object().into_iter().flatten() {
        if !written(text(&secret["file"])) {
            found.push(format!("compose: deploy/secrets.sh does not write the secret {name}"));
        }
    }
    found
}

fn written(file: &str) -> bool {
    let script = read("deploy/secrets.sh");
    file.strip_prefix(SECRETS).is_some_and(|key| script.contains(&format!("put {key} ")))
}

fn shut_in(service: &Value) -> Vec<String> {
    let limits = &service["deploy"]["resources"]["limits"];
    let ours = service["build"].is_object();
    let wanted = [
        ("its root is not read-only", service["read_only"] == true),
        (
            "does not drop all capabilities, or adds some",
            service["cap_drop"] == json!(["ALL"]) && service["cap_add"].is_null(),
        ),
        ("may gain privileges", service["security_opt"] == json!(["no-new-privileges:true"])),
        (
            "is privileged, or in a namespace of the host",
            ["privileged", "network_mode", "pid", "ipc"].iter().all(|key| service[*key].is_null()),
        ),
        ("its image has no version", is_versioned(text(&service["image"]))),
        (
            "has no limit of memory, processors or processes",
            ["memory", "cpus", "pids"].iter().all(|key| !limits[*key].is_null()),
        ),
        // Ours have one in the image.
        (
            "runs as root",
            ours || text(&service["user"])
                .split(':')
                .next()
                .is_some_and(|user| user.parse::<u32>().is_ok_and(|user| user > 0)),
        ),
        ("has no health check", ours || service["healthcheck"]["test"].is_array()),
    ];
    wanted.iter().filter(|(_, kept)| !kept).map(|(breach, _)| (*breach).to_owned()).collect()
}

fn reachable(service: &Value) -> impl Iterator<Item = String> {
    items(&service["ports"])
        .filter(|port| !text(port).starts_with("127.0.0.1:"))
        .map(|port| format!("{port} is open beyond this machine"))
}

/// What is bound into a container is read-only, and if it is a file of the repository, it is there.
fn mounts(service: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for mount in items(&service["volumes"]).filter(|mount| mount["type"] == "bind") {
        let source = text(&mount["source"]);
        if mount["read_only"] != true {
            found.push(format!("{source} is writable"));
        }
        let is_file =
            source.rsplit('/').next().is_some_and(|file| file.contains('.') || file == "enabled_plugins");
        let there = source.starts_with('$') || written(source) || path("deploy").join(source).exists();
        if is_file && !there {
            found.push(format!("{source} is not there"));
        }
    }
    found
}

fn settings(name: &str, service: &Value) -> Vec<String> {
    if !service["build"].is_object() {
        return Vec::new();
    }
    // As it is, and with each preset in the place of the user's own settings.
    let mut variables = vec![None];
    variables.extend(presets().map(Some));
    variables
        .iter()
        .flat_map(|preset| {
            let breaches = settings_with(name, service, preset.as_deref());
            breaches.into_iter().map(|breach| match preset {
                Some(preset) => format!("{breach} (SETTINGS={preset})"),
                None => breach,
            })
        })
        .collect()
}

/// The presets' paths as a user gives them.
fn presets() -> impl Iterator<Item = String> {
    let files = std::fs::read_dir(path("deploy/presets")).unwrap();
    files.map(|entry| format!("presets/{}", entry.unwrap().file_name().to_string_lossy()))
}

/// What compose makes of `${NAME:-default}` when the user sets SETTINGS and nothing else.
fn interpolate(value: &str, settings: Option<&str>) -> String {
    let Some(inside) = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
        return value.to_owned();
    };
    let (name, default) = inside.split_once(":-").unwrap_or((inside, ""));
    settings.filter(|_| name == "SETTINGS").unwrap_or(default).to_owned()
}

/// The variables of a file of `NAME=value` lines.
fn env_file(file: &str) -> Result<Vec<(String, String)>, String> {
    let file =
        std::fs::read_to_string(path("deploy").join(file)).map_err(|error| format!("{file}: {error}"))?;
    let lines = file.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    Ok(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn settings_with(name: &str, service: &Value, preset: Option<&str>) -> Vec<String> {
    let mut environment = Environment::new();
    let mut found = Vec::new();
    let files: Vec<String> =
        items(&service["env_file"]).map(|file| interpolate(text(file), preset)).collect();
    if preset.is_some_and(|preset| !files.iter().any(|file| file == preset)) {
        found.push("SETTINGS has no effect: it is not the last of env_file".to_owned());
    }
    for file in &files {
        match env_file(file) {
            Ok(variables) => environment.extend(variables),
            Err(error) => found.push(error),
        }
    }
    let own = service["environment"].as_object().into_iter().flatten();
    environment.extend(own.map(|(name, value)| (name.clone(), text(value).to_owned())));
    // What the user asked for is what comes out.
    let asked = preset.map(|preset| env_file(preset).unwrap_or_default()).unwrap_or_default();
    let lost = asked.iter().filter(|(name, value)| environment.get(name) != Some(value));
    found.extend(lost.map(|(name, _)| format!("SETTINGS has no effect on {name}")));
    found.extend(of_environment(name, service, &environment));
    found
}

fn of_environment(name: &str, service: &Value, environment: &Environment) -> Vec<String> {
    let mut found: Vec<String> =
        environment::strangers(environment).map(|name| format!("{name} is no setting")).collect();
    found.extend(environment.iter().filter_map(|(name, value)| no_secret(name, value, service)));
    match name {
        "producer" => found.extend(environment::producer(environment).err()),
        _ => match environment::worker(environment) {
            Ok(settings) => found.extend(fit(service, &settings)),
            Err(breach) => found.push(breach),
        },
    }
    found
}

fn no_secret(name: &str, value: &str, service: &Value) -> Option<String> {
    let secret = name.strip_suffix("_FILE").and(value.strip_prefix("/run/secrets/"));
    let given = secret.is_some_and(|secret| items(&service["secrets"]).any(|known| known == secret));
    (name.ends_with("_URL_FILE") && !given).then(|| format!("{name}={value} is none of its secrets"))
}

fn fit(service: &Value, settings: &shared::settings::WorkerSettings) -> Vec<String> {
    let limits = &service["deploy"]["resources"]["limits"];
    let mib = interpolate(text(&limits["memory"]), None)
        .strip_suffix('M')
        .and_then(|number| number.parse::<f64>().ok())
        .unwrap_or(0.0);
    let processors = interpolate(text(&limits["cpus"]), None).parse::<f64>().unwrap_or(0.0);
    let seconds =
        text(&service["stop_grace_period"]).strip_suffix('s').and_then(|number| number.parse().ok());
    let grace = Duration::from_secs(seconds.unwrap_or(0));
    let needed = settings.resources.memory_bytes as f64 / f64::from(1 << 20) * MEMORY_HEADROOM;
    let wanted = [
        ("its memory limit is below MAX_MEMORY_MB and an eighth", mib >= needed),
        (
            "its CPU limit is below one for each lane and one for itself",
            processors >= settings.analysis.lanes as f64 + 1.0,
        ),
        (
            "stop_grace_period is below SHUTDOWN_TIMEOUT and its margin",
            grace >= settings.service.shutdown_timeout + STOP_MARGIN,
        ),
    ];
    wanted.iter().filter(|(_, kept)| !kept).map(|(breach, _)| (*breach).to_owned()).collect()
}
