//! Puts the commit behind the version, where whoever builds says which it is: asking git here would build everything anew
//! after each commit.

use std::env;

fn main() {
    println!("cargo::rerun-if-env-changed=BUILD_COMMIT");
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let commit = env::var("BUILD_COMMIT").unwrap_or_default();
    let commit = commit.trim();
    // A line break would be another instruction to cargo.
    let whole =
        match commit.chars().all(|c| c.is_ascii_alphanumeric() || "-+._".contains(c)) && !commit.is_empty() {
            true => format!("{version} ({commit})"),
            false => version,
        };
    println!("cargo::rustc-env=BUILD_VERSION={whole}");
}
