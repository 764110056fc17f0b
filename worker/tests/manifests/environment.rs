//! The environment of a container, as its manifest makes it, read by the same code as in production.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde_json::Value;
use shared::settings::{ProducerSettings, VARIABLES, WorkerSettings};

use crate::objects::{items, name, of_kind, text};

/// Names and values, the later of two winning.
pub type Environment = BTreeMap<String, String>;

/// What a container's variables are: those of its ConfigMaps, then its own. What only the cluster knows has a stand-in.
pub fn of_container(container: &Value, objects: &[Value]) -> Result<Environment, String> {
    let mut environment = Environment::new();
    for source in items(&container["envFrom"]) {
        let wanted = text(&source["configMapRef"]["name"]);
        let map = of_kind(objects, "ConfigMap").find(|map| name(map) == wanted);
        let data = map.and_then(|map| map["data"].as_object()).ok_or(format!("no ConfigMap {wanted}"))?;
        environment.extend(data.iter().map(|(name, value)| (name.clone(), text(value).to_owned())));
    }
    for variable in items(&container["env"]) {
        let name = text(&variable["name"]);
        let value = match variable["value"].as_str() {
            Some(value) => value.to_owned(),
            None => stand_in(name, &variable["valueFrom"])?,
        };
        environment.insert(name.to_owned(), value);
    }
    Ok(environment)
}

fn stand_in(name: &str, from: &Value) -> Result<String, String> {
    match (text(&from["fieldRef"]["fieldPath"]), text(&from["secretKeyRef"]["key"])) {
        ("metadata.name", _) => Ok("worker-5d8f6c7b9-x2x4z".to_owned()),
        (_, "amqp-url") => Ok("amqp://u:p@rabbitmq:5672/%2f".to_owned()),
        (_, "redis-url") => Ok("redis://:p@redis:6379/0".to_owned()),
        _ => Err(format!("{name} comes from something that this test does not know: {from}")),
    }
}

/// Everything in it that is no setting.
pub fn strangers(environment: &Environment) -> impl Iterator<Item = &str> {
    let known = |name: &str| {
        VARIABLES
            .iter()
            .any(|row| row.name == name || (row.secret && name.strip_suffix("_FILE") == Some(row.name)))
    };
    environment.keys().map(String::as_str).filter(move |name| !known(name))
}

/// As `worker run` reads it; secrets from files are read from files that this test writes.
pub fn worker(environment: &Environment) -> Result<WorkerSettings, String> {
    let files = Secrets::new();
    let (settings, warnings) =
        WorkerSettings::from_vars(files.variables(environment)).map_err(|errors| errors.to_string())?;
    match &warnings[..] {
        [] => Ok(settings),
        [warning, ..] => Err(warning.to_string()),
    }
}

/// As `producer` reads it.
pub fn producer(environment: &Environment) -> Result<ProducerSettings, String> {
    let files = Secrets::new();
    ProducerSettings::from_vars(files.variables(environment))
        .map(|(settings, _)| settings)
        .map_err(|errors| errors.to_string())
}

struct Secrets(tempfile::TempDir);

impl Secrets {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("AMQP_URL_FILE"), "amqp://u:p@rabbitmq:5672/%2f\n").unwrap();
        std::fs::write(folder.path().join("REDIS_URL_FILE"), "redis://:p@redis:6379/0\n").unwrap();
        Self(folder)
    }

    fn variables(&self, environment: &Environment) -> Vec<(OsString, OsString)> {
        let value = |name: &String, value: &String| match name.as_str() {
            "AMQP_URL_FILE" | "REDIS_URL_FILE" => self.0.path().join(name).into_os_string(),
            _ => value.into(),
        };
        environment.iter().map(|(name, text)| (name.into(), value(name, text))).collect()
    }
}
