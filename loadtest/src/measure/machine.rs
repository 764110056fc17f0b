//! Where a run takes place, and with which versions: without it no figure means anything.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::Machine;

/// Processors that may be used: affinity and quota are heeded.
pub(crate) fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u32)
}

/// This machine, as it is before a run.
pub(crate) fn machine(servers: &str) -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let uname = rustix::system::uname();
    let kernel = format!("{} {}", uname.sysname().to_string_lossy(), uname.release().to_string_lossy());
    let distribution = after(&read("/etc/os-release"), "PRETTY_NAME=").trim_matches('"').to_owned();
    let processor =
        after(&read("/proc/cpuinfo"), "model name").trim_start_matches([' ', '\t', ':']).to_owned();
    let kibibytes =
        after(&read("/proc/meminfo"), "MemTotal:").split_whitespace().next().and_then(|it| it.parse().ok());
    let load = read("/proc/loadavg").split(' ').next().and_then(|it| it.parse().ok());
    Machine {
        system: [kernel, distribution].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(", "),
        processor,
        processors: processors(),
        memory_bytes: kibibytes.unwrap_or(0_u64) * 1024,
        load_before: load.unwrap_or(0.0),
        servers: servers.to_owned(),
    }
}

/// The rest of the first line that begins so.
fn after<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_default()
}

/// Of this program, with its profile.
pub(crate) fn own_version() -> String {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!("{} ({profile})", shared::VERSION)
}

/// Versions of the programs under test, with the profile they were built with.
pub(crate) fn versions(worker: &Path) -> BTreeMap<String, String> {
    let of = |program: &Path| {
        let output = Command::new(program).arg("--version").env_clear().output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split_whitespace().nth(1).map(str::to_owned)
    };
    // Cargo's folder is the only witness.
    let folder = worker.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let built = folder.filter(|name| ["debug", "release"].contains(name)).unwrap_or("unknown build");
    let worker = of(worker).unwrap_or_else(|| "unknown".to_owned());
    BTreeMap::from([
        ("loadtest".to_owned(), own_version()),
        ("worker".to_owned(), format!("{worker} ({built})")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_name_and_memory() {
        let machine = machine("none");
        assert!(
            machine.processors > 0 && machine.memory_bytes > 1 << 20 && !machine.system.is_empty(),
            "{machine:?}"
        );
    }

    #[test]
    fn the_rest_of_a_line() {
        assert_eq!(after("a: 1\nMemTotal:   12 kB\n", "MemTotal:"), "   12 kB");
        assert_eq!(after("", "x"), "");
    }
}
