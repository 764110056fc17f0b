//! The samples that come with the repository, for every test that analyses something.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder with the samples, good ones and `bad/`.
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../loadtest/samples").canonicalize().unwrap()
}

/// The entries of a `truth.json`, of the samples or of those in `bad`.
pub fn truth(folder: &str) -> Vec<Value> {
    let text = fs::read_to_string(samples().join(folder).join("truth.json")).unwrap();
    let truth: Value = serde_json::from_str(&text).unwrap();
    truth["files"].as_array().unwrap().clone()
}
