//! An empty run on this machine.

use std::collections::BTreeMap;

use crate::measure::{Run, SCHEMA, SCHEMA_VERSION, machine, own_version};

/// A run that begins now and has measured nothing yet.
pub(crate) fn new_run(scenario: &str, about: &str, seed: u64, servers: &str) -> Run {
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
            ("loadtest".to_owned(), own_version()),
            ("analysis".to_owned(), analysis::VERSION.to_owned()),
        ]),
        settings: BTreeMap::new(),
        corpus: crate::measure::Corpus::default(),
        phases: Vec::new(),
        verdicts: Vec::new(),
    }
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
