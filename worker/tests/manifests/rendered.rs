//! What `deploy/manifests.sh` makes of the manifests, once for all tests of this program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// All manifests as JSON.
pub struct Rendered {
    /// Each overlay by its name, the load test, and base with components (`base+keda+tls`).
    pub ways: BTreeMap<String, Vec<Value>>,
    /// The compose file, its anchors resolved.
    pub compose: Value,
    /// The groups of deploy/prometheus/rules, by the file's name.
    pub rules: Value,
}

/// A path in the repository.
pub fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(relative)
}

/// A file of the repository.
pub fn read(relative: &str) -> String {
    std::fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// The manifests, built when they are first asked for.
pub fn rendered() -> &'static Rendered {
    static ONCE: LazyLock<Rendered> = LazyLock::new(render);
    &ONCE
}

fn render() -> Rendered {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(path("deploy/manifests.sh")).arg("render").arg(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "deploy/manifests.sh render: {}\n{said}", made.status);
    let mut files: BTreeMap<String, Value> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap())
        })
        .collect();
    let (compose, rules) = (files.remove("compose").unwrap(), files.remove("rules").unwrap());
    let objects = |value: Value| value.as_array().cloned().unwrap();
    let ways = files.into_iter().map(|(name, value)| (name, objects(value))).collect();
    Rendered { ways, compose, rules }
}
