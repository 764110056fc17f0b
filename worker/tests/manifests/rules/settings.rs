//! Every variable of a manifest is a setting, and its value one that the programs take.

use serde_json::Value;

use crate::environment::{self, Environment};
use crate::objects::{Workload, items, text, workloads};

pub fn breaches(objects: &[Value]) -> Vec<String> {
    workloads(objects)
        .flat_map(|workload| {
            workload
                .containers()
                .flat_map(|container| of_container(&workload, container, objects))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Which of our programs a container runs, by the name of its image.
pub fn program(container: &Value) -> Option<&str> {
    let image = text(&container["image"]);
    let name = image.rsplit('/').next().unwrap_or_default();
    name.split([':', '@']).next().unwrap_or_default().strip_prefix("analysis-")
}

fn of_container(workload: &Workload<'_>, container: &Value, objects: &[Value]) -> Vec<String> {
    let Some(program) = program(container) else { return Vec::new() };
    let environment = match environment::of_container(container, objects) {
        Ok(environment) => environment,
        Err(breach) => return vec![format!("{}: {breach}", workload.title())],
    };
    let mut found: Vec<String> =
        environment::strangers(&environment).map(|name| format!("{name} is no setting")).collect();
    found.extend(refused(program, &environment));
    found.extend(
        environment.iter().filter_map(|(name, value)| unmounted(name, value, workload.pod(), container)),
    );
    found.into_iter().map(|breach| format!("{}: {breach}", workload.title())).collect()
}

fn refused(program: &str, environment: &Environment) -> Option<String> {
    match program {
        "worker" => match environment::worker(environment) {
            Ok(settings) if settings.media_roots.is_none() => Some("MEDIA_ROOTS is not set".to_owned()),
            other => other.err(),
        },
        // The load test's own workers read its settings.
        "loadtest" => environment::worker(environment).err(),
        "producer" => environment::producer(environment).err(),
        other => Some(format!("analysis-{other} is none of our images")),
    }
}

/// A file or a folder that a setting names must lie in a volume, and if that lists its files, be one of them.
fn unmounted(name: &str, value: &str, pod: &Value, container: &Value) -> Option<String> {
    let path = match name {
        "MEDIA_ROOTS" => value.split_once('=')?.1,
        _ if name.ends_with("_FILE") => value,
        _ => return None,
    };
    let below = |mount: &&Value| {
        path.strip_prefix(text(&mount["mountPath"]))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let Some(mount) = items(&container["volumeMounts"]).find(below) else {
        return Some(format!("{name}={value} is in no volume"));
    };
    if mount["readOnly"] != true {
        return Some(format!("{name}={value} is not mounted read-only"));
    }
    let volume = items(&pod["volumes"]).find(|volume| volume["name"] == mount["name"])?;
    let listed = volume["secret"]["items"].as_array()?;
    let file = path.rsplit('/').next().unwrap_or_default();
    (!listed.iter().any(|item| item["path"] == file))
        .then(|| format!("{name}={value} is not among the volume's files"))
}
