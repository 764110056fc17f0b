//! What is asked of the analyser, as reports and records name it.

use analysis::Features;

/// The parts of a report that this worker answers with.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The parts.
    pub features: Features,
    /// What a report is kept under beside the identity of its audio. It has no versions in it: those are in the report, part by
    /// part, so that a new version of one costs the others nothing.
    pub profile: String,
    /// What stands for the parts and all their versions: see [`analysis::revision`].
    pub revision: String,
}

impl Asked {
    /// These parts.
    #[must_use]
    pub fn of(features: Features) -> Self {
        Self { features, profile: features.to_string(), revision: analysis::revision(features) }
    }
}
