//! What the linter of Dockerfiles does not ask for: pinned bases, no root, no emulation, all our programs.

use crate::objects::is_versioned;
use crate::rendered::read;

pub fn breaches(dockerfile: &str, ignored: &str) -> Vec<String> {
    // Continued lines are one instruction.
    let joined = dockerfile.replace("\\\n", " ");
    let lines: Vec<&str> = joined.lines().map(str::trim).filter(|line| !line.starts_with('#')).collect();
    let argument = |name: &str| {
        lines
            .iter()
            .find_map(|line| line.strip_prefix("ARG ")?.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
    };
    let mut found = Vec::new();
    for image in lines.iter().filter_map(|line| line.strip_prefix("FROM ")) {
        let image = image.split(' ').find(|word| !word.starts_with("--")).unwrap_or_default();
        let stage =
            lines.iter().any(|line| line.starts_with("FROM ") && line.ends_with(&format!(" AS {image}")));
        let image = image.strip_prefix("${").and_then(|name| name.strip_suffix('}')).map_or(image, argument);
        if !stage && !is_versioned(image) {
            found.push(format!("Dockerfile: the base {image:?} has no version"));
        }
    }
    let has = |start: &str| lines.iter().any(|line| line.starts_with(start));
    let user = lines.iter().filter_map(|line| line.strip_prefix("USER ")).next_back().unwrap_or_default();
    let wanted = [
        (
            "its user is no number above 0",
            user.split(':').next().is_some_and(|user| user.parse::<u32>().is_ok_and(|user| user > 0)),
        ),
        ("ADD fetches or unpacks what nobody looked at", !has("ADD ")),
        ("the build is emulated", has("FROM --platform=$BUILDPLATFORM ")),
        (
            "no health check by the worker itself",
            joined.contains("CMD [\"/usr/local/bin/worker\", \"healthcheck\"]"),
        ),
        ("its probes are not reachable from outside", has("ENV HTTP_ADDR=0.0.0.0:")),
        ("does not stop by SIGTERM", has("STOPSIGNAL SIGTERM")),
        (
            "has no version or revision in its labels",
            joined.contains("image.version=") && joined.contains("image.revision="),
        ),
        (
            "starts a program through a shell",
            lines
                .iter()
                .filter(|line| line.starts_with("ENTRYPOINT") || line.starts_with("CMD"))
                .all(|line| line.contains('[')),
        ),
        ("the context is not closed by default", ignored.lines().any(|line| line == "*")),
    ];
    found.extend(wanted.iter().filter(|(_, kept)| !kept).map(|(breach, _)| format!("Dockerfile: {breach}")));
    for program in ["worker", "producer", "loadtest"] {
        if !has(&format!("FROM runtime AS {program}")) {
            found.push(format!("Dockerfile: no target {program}"));
        }
    }
    found.extend(old_rust(argument("RUST_IMAGE")));
    found
}

/// The builder must be able to build the workspace.
fn old_rust(image: &str) -> Option<String> {
    let version = |text: &str| -> Option<(u32, u32)> {
        let mut parts = text.split(['.', '-']);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let manifest = read("Cargo.toml");
    let least = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'))
        .and_then(version);
    let builder = image.split_once(':').and_then(|(_, tag)| version(tag));
    (builder < least || builder.is_none())
        .then(|| format!("Dockerfile: {image} is older than rust-version of Cargo.toml"))
}
