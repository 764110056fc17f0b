//! The machine under a run, and an empty run on it.

use std::collections::BTreeMap;
use std::fs;

use crate::measure::{Machine, Run, SCHEMA, SCHEMA_VERSION};

/// Of whatever has no name here.
const UNKNOWN: &str = "unknown";

/// A run that begins now and has measured nothing yet.
pub(crate) fn new_run(scenario: &str, about: &str, seed: u64, servers: &str) -> Run {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let own = format!("{} ({profile})", env!("CARGO_PKG_VERSION"));
    Run {
        schema: SCHEMA.to_owned(),
        schema_version: SCHEMA_VERSION,
        scenario: scenario.to_owned(),
        about: about.to_owned(),
        command: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
        started_at: jiff::Timestamp::now().to_string(),
        seed,
        machine: machine(servers),
        versions: BTreeMap::from([
            ("loadtest".to_owned(), own),
            ("analysis".to_owned(), analysis::VERSION.to_owned()),
        ]),
        settings: BTreeMap::new(),
        corpus: crate::measure::Corpus::default(),
        phases: Vec::new(),
        verdicts: Vec::new(),
    }
}

fn machine(servers: &str) -> Machine {
    let uname = rustix::system::uname();
    let kernel = format!("{} {}", uname.sysname().to_string_lossy(), uname.release().to_string_lossy());
    let release = field("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    Machine {
        system: format!("{kernel}, {}", release.trim_matches('"')),
        processor: field("/proc/cpuinfo", "model name", ':').unwrap_or_else(|| UNKNOWN.to_owned()),
        processors: std::thread::available_parallelism().map_or(1, |count| count.get() as u32),
        memory_bytes: memory(),
        load_before: load.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0),
        servers: servers.to_owned(),
    }
}

fn memory() -> u64 {
    let line = field("/proc/meminfo", "MemTotal", ':').unwrap_or_default();
    line.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// The value of the first line that begins with `name`.
fn field(path: &str, name: &str, separator: char) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(separator)?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_where_it_took_place() {
        let run = new_run("components", "", 1, "none");
        assert!(run.machine.processors >= 1 && run.machine.memory_bytes > 1 << 20, "{:?}", run.machine);
        assert!(run.machine.system.starts_with("Linux "), "{}", run.machine.system);
        assert!(run.passes());
    }
}
