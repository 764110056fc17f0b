//! What is asked of the analyser, as reports and records name it.

use analysis::Features;

use crate::lanes::EngineOptions;

/// What a rehearsal leaves behind is kept under, and is no answer to anything.
const REHEARSAL: &str = "rehearsal";

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
    /// What lanes with these options answer.
    #[must_use]
    pub fn of(engine: &EngineOptions) -> Self {
        let (profile, revision) = match engine.rehearsal {
            Some(_) => (REHEARSAL.to_owned(), REHEARSAL.to_owned()),
            None => (engine.features.to_string(), analysis::revision(engine.features)),
        };
        Self { features: engine.features, profile, revision }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rehearsal_never_has_the_name_of_an_analysis() {
        let analysed = EngineOptions { max_file_bytes: 1, features: Features::ALL, rehearsal: None };
        let rehearsed = EngineOptions { rehearsal: Some(Duration::ZERO), ..analysed.clone() };
        let (analysed, rehearsed) = (Asked::of(&analysed), Asked::of(&rehearsed));
        assert_eq!((rehearsed.profile.as_str(), rehearsed.revision.as_str()), (REHEARSAL, REHEARSAL));
        assert_ne!(analysed.profile, rehearsed.profile);
        assert_ne!(analysed.revision, rehearsed.revision);
    }
}
