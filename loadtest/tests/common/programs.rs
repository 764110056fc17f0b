//! The programs under test: they are other packages'.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;

/// `worker` or `producer`, built where the test run has not.
pub fn program(name: &str) -> PathBuf {
    static BUILT: Once = Once::new();
    let path = |name: &str| PathBuf::from(env!("CARGO_BIN_EXE_loadtest")).with_file_name(name);
    BUILT.call_once(|| {
        if !path("worker").is_file() || !path("producer").is_file() {
            let build = ["build", "--offline", "-p", "worker", "-p", "producer"];
            let built = Command::new(env!("CARGO")).args(build).status();
            assert!(built.is_ok_and(|status| status.success()));
        }
    });
    path(name)
}
