//! A run, held against what is asked of it.

use super::{Requirement, Requirements};
use crate::measure::{Phase, Run, Verdict};

impl Requirements {
    /// A verdict for everything that is asked of this scenario, those that were not measured included.
    pub(crate) fn judge(&self, run: &Run) -> Vec<Verdict> {
        self.all
            .iter()
            .filter(|requirement| requirement.scenario.matches(&run.scenario))
            .map(|requirement| requirement.judge(run))
            .collect()
    }
}

impl Requirement {
    /// The worst of the phases that are meant decides.
    pub(crate) fn judge(&self, run: &Run) -> Verdict {
        match self.worst(run) {
            Ok((phase, measured)) => self.verdict(&phase.name, measured),
            Err(why) => self.not_measured(&why),
        }
    }

    /// What was not measured is not met. A verdict names no phase then, and says why in its words: the form has no other place.
    pub(crate) fn not_measured(&self, why: &str) -> Verdict {
        let about = format!("{} (not measured: {why})", self.about);
        Verdict { about, met: false, ..self.verdict("", 0.0) }
    }

    fn worst<'a>(&self, run: &'a Run) -> Result<(&'a Phase, f64), String> {
        let mut worst: Option<(&Phase, f64)> = None;
        for phase in run.phases.iter().filter(|phase| self.phase.matches(&phase.name)) {
            let value =
                self.figure.of(phase).map_err(|why| format!("in the phase '{}' {why}", phase.name))?;
            if worst.is_none_or(|(_, other)| self.comparison.is_worse(value, other)) {
                worst = Some((phase, value));
            }
        }
        worst.ok_or_else(|| {
            let names: Vec<&str> = run.phases.iter().map(|phase| phase.name.as_str()).collect();
            let there = if names.is_empty() {
                "there is none".to_owned()
            } else {
                format!("there are: {}", names.join(", "))
            };
            format!("no phase is called '{}'; {there}", self.phase.text())
        })
    }

    fn verdict(&self, phase: &str, measured: f64) -> Verdict {
        Verdict {
            requirement: self.name.clone(),
            about: self.about.clone(),
            set: self.set.name().to_owned(),
            phase: phase.to_owned(),
            measured,
            comparison: self.comparison.symbol().to_owned(),
            bound: self.bound,
            unit: self.unit.clone(),
            met: self.comparison.holds(measured, self.bound),
        }
    }
}

/// Whether a verdict has a figure; see [`Requirement::not_measured`].
pub(crate) fn was_measured(verdict: &Verdict) -> bool {
    verdict.met || !verdict.phase.is_empty()
}
