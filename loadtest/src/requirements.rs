//! What is asked of the fleet: the requirements file, and a run held against it. It knows no scenario but by its name, and
//! measures nothing.

mod figure;
mod judge;
mod pattern;

#[cfg(test)]
mod tests;

use std::path::Path;

use serde::Deserialize;

pub(crate) use figure::Figure;
pub(crate) use judge::was_measured;
pub(crate) use pattern::Pattern;

/// The committed file: what a run is judged by unless it is told otherwise.
const COMMITTED: &str = include_str!("../requirements.toml");

/// Everything that is asked for, in the order of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirements {
    #[serde(default, rename = "requirement")]
    pub(crate) all: Vec<Requirement>,
}

/// One thing that is asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirement {
    /// Unique in the file.
    pub(crate) name: String,
    /// In words.
    pub(crate) about: String,
    /// Who asks.
    pub(crate) set: Set,
    /// Of which scenarios it is asked.
    pub(crate) scenario: Pattern,
    /// In which phases of them. Where several match, it must hold in each: the worst is what is shown.
    pub(crate) phase: Pattern,
    /// What is held against the bound.
    pub(crate) figure: Figure,
    pub(crate) comparison: Comparison,
    pub(crate) bound: f64,
    /// Of the figure and of the bound, for people; empty for a plain number.
    #[serde(default)]
    pub(crate) unit: String,
}

/// Who asks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Set {
    /// What the project promises.
    Project,
    /// Our own, higher bars.
    Ours,
}

impl Set {
    /// As it stands in a run's verdicts.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Ours => "ours",
        }
    }
}

/// On which side of the bound is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Comparison {
    #[serde(rename = ">=")]
    AtLeast,
    #[serde(rename = ">")]
    Above,
    #[serde(rename = "<=")]
    AtMost,
    #[serde(rename = "<")]
    Below,
}

impl Comparison {
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::AtLeast => "≥",
            Self::Above => ">",
            Self::AtMost => "≤",
            Self::Below => "<",
        }
    }

    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::AtLeast => value >= bound,
            Self::Above => value > bound,
            Self::AtMost => value <= bound,
            Self::Below => value < bound,
        }
    }

    /// The value of the two that is farther from the right side.
    pub(crate) fn is_worse(self, value: f64, other: f64) -> bool {
        match self {
            Self::AtLeast | Self::Above => value < other,
            Self::AtMost | Self::Below => value > other,
        }
    }
}

/// Why a requirements file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequirementsError {
    #[error("cannot read {file}: {cause}")]
    Read { file: String, cause: std::io::Error },
    /// The cause names the line and shows it.
    #[error("{file} is no requirements file: {cause}")]
    Form { file: String, cause: toml::de::Error },
    #[error("{file}: two requirements are called '{name}'")]
    Twice { file: String, name: String },
}

impl Requirements {
    /// Those of a file, or the committed ones.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, RequirementsError> {
        let Some(path) = file else { return Self::parse(COMMITTED, "loadtest/requirements.toml") };
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &file),
            Err(cause) => Err(RequirementsError::Read { file, cause }),
        }
    }

    pub(crate) fn parse(text: &str, file: &str) -> Result<Self, RequirementsError> {
        let file = file.to_owned();
        let read: Self = match toml::from_str(text) {
            Ok(read) => read,
            Err(cause) => return Err(RequirementsError::Form { file, cause }),
        };
        let mut seen = std::collections::BTreeSet::new();
        match read.all.iter().find(|requirement| !seen.insert(&requirement.name)) {
            Some(second) => Err(RequirementsError::Twice { file, name: second.name.clone() }),
            None => Ok(read),
        }
    }
}
