//! Circumstances in which two sides were measured, where they differ: then a difference may be theirs.

use std::collections::{BTreeMap, BTreeSet};

use super::Side;
use crate::measure::{Phase, Run};
use crate::report::words;

/// What differs, in words.
pub(super) fn context(a: &Side, b: &Side) -> Vec<String> {
    let mut found = Vec::new();
    for (name, of) in MACHINE {
        differ(&mut found, name, &values(a, *of), &values(b, *of));
    }
    maps(&mut found, "version of", a, b, |run| &run.versions);
    maps(&mut found, "setting", a, b, |run| &run.settings);
    for phase in &a.first.phases {
        if let Some(other) = b.first.phases.iter().find(|other| other.name == phase.name) {
            for (name, of) in PHASE {
                differ(&mut found, &format!("{name} of the phase '{}'", phase.name), &of(phase), &of(other));
            }
        }
    }
    found
}

type Of<T> = fn(&T) -> String;

const MACHINE: &[(&str, Of<Run>)] = &[
    ("processor", |run| run.machine.processor.clone()),
    ("usable processors", |run| run.machine.processors.to_string()),
    ("memory", |run| words::bytes(run.machine.memory_bytes as f64)),
    ("system", |run| run.machine.system.clone()),
    ("servers", |run| run.machine.servers.clone()),
    ("seed", |run| run.seed.to_string()),
    ("files", |run| format!("{} ({})", run.corpus.about, run.corpus.files)),
];

const PHASE: &[(&str, Of<Phase>)] = &[
    ("workers", |phase| phase.workers.to_string()),
    ("lanes", |phase| phase.lanes.to_string()),
    ("load", |phase| phase.offered_per_second.map_or_else(|| "none".to_owned(), words::number)),
];

/// What the runs of a side say, each once.
fn values(side: &Side, of: Of<Run>) -> String {
    side.runs().map(of).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" and ")
}

fn maps(found: &mut Vec<String>, what: &str, a: &Side, b: &Side, of: fn(&Run) -> &BTreeMap<String, String>) {
    let names: BTreeSet<&String> = a.runs().chain(b.runs()).flat_map(|run| of(run).keys()).collect();
    for name in names {
        let value = |side: &Side| {
            let values = side.runs().map(|run| of(run).get(name).map_or("not set", String::as_str));
            values.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" and ")
        };
        differ(found, &format!("{what} {name}"), &value(a), &value(b));
    }
}

fn differ(found: &mut Vec<String>, what: &str, a: &str, b: &str) {
    if a != b {
        found.push(format!("{what} differs: {a} → {b}"));
    }
}
