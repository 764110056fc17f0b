//! Any bytes as the environment, a `NAME=value` a line: settings, or errors that name their variables and no secret.

#![no_main]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use libfuzzer_sys::fuzz_target;
use shared::settings::{ProducerSettings, WorkerSettings};

/// What must not be seen in any error.
const SECRET: &str = "s3cr3t-0f-the-fuzzer";

fuzz_target!(|bytes: &[u8]| {
    let mut variables = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(equals) = line.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = (line[..equals].to_vec(), line[equals + 1..].to_vec());
        // `NAME_FILE` would read files of this machine, pipes among them.
        if !name.ends_with(b"_FILE") {
            variables.push((OsString::from_vec(name), OsString::from_vec(value)));
        }
    }
    let url = format!("amqp://user:{SECRET}@host:99999999/%2f");
    let hidden = variables.iter().cloned().filter(|(name, _)| name != "AMQP_URL");
    if let Err(error) = WorkerSettings::from_vars(hidden.chain([("AMQP_URL".into(), url.into())])) {
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
    for error in [
        WorkerSettings::from_vars(variables.clone()).err().map(|error| error.to_string()),
        ProducerSettings::from_vars(variables).err().map(|error| error.to_string()),
    ] {
        assert!(error.is_none_or(|text| !text.is_empty()));
    }
});
