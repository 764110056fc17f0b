//! What scenarios ask for by themselves, whatever a file of requirements asks for besides.

use crate::measure::{Phase, Verdict};

/// Our own requirement.
pub(super) fn ours(
    requirement: &str,
    about: &str,
    phase: &str,
    (measured, comparison, bound, unit): (f64, &str, f64, &str),
) -> Verdict {
    let met = if comparison == "≥" { measured >= bound } else { measured <= bound };
    Verdict {
        requirement: requirement.to_owned(),
        about: about.to_owned(),
        set: "ours".to_owned(),
        phase: phase.to_owned(),
        measured,
        comparison: comparison.to_owned(),
        bound,
        unit: unit.to_owned(),
        met,
    }
}

/// Nothing accepted may be lost, doubled or left.
pub(super) fn kept(phase: &Phase) -> Vec<Verdict> {
    let unfinished = phase.figures.get("unfinished_jobs").copied().unwrap_or(0.0);
    let none =
        |name: &str, about: &str, measured: f64| ours(name, about, &phase.name, (measured, "≤", 0.0, "jobs"));
    vec![
        none("nothing_lost", "every accepted job has an end", phase.jobs.lost as f64),
        none("nothing_doubled", "no job has two ends", phase.jobs.doubled as f64),
        none("nothing_unfinished", "all work was done when the run was over", unfinished),
    ]
}

/// Of a schedule nearly everything is done in time, at nearly its rate.
pub(super) fn kept_up(phase: &Phase) -> Vec<Verdict> {
    let share = |figure: &str| phase.figures.get(figure).copied().unwrap_or(0.0) * 100.0;
    vec![
        ours(
            "done_in_time",
            "of what arrived, done when the last was due",
            &phase.name,
            (share("done_in_time_share"), "≥", 95.0, "%"),
        ),
        ours(
            "rate_kept",
            "pace from the first arrival to the last end, of the offered rate",
            &phase.name,
            (share("achieved_share"), "≥", 90.0, "%"),
        ),
    ]
}
