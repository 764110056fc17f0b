//! What is wrong with an environment, all of it at once.

use std::{fmt, path::PathBuf};

/// Exit status of a program whose settings are wrong: `EX_CONFIG` of BSD's sysexits.h.
pub const EXIT_CONFIG: u8 = 78;

/// Everything that is wrong with the settings, never empty.
#[derive(Debug)]
pub struct SettingsErrors(pub(super) Vec<SettingsError>);

impl SettingsErrors {
    /// The single errors.
    #[must_use]
    pub fn errors(&self) -> &[SettingsError] {
        &self.0
    }
}

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [error] => write!(f, "a setting cannot be used:\n  {error}"),
            errors => {
                write!(f, "{} settings cannot be used:", errors.len())?;
                errors.iter().try_for_each(|error| write!(f, "\n  {error}"))
            }
        }
    }
}

impl std::error::Error for SettingsErrors {}

/// One thing that is wrong; secrets are masked in every part of it.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The value is not what the variable takes.
    #[error("{name}={value}{}: expected {expected} (default: {default})", because(.reason))]
    Invalid {
        /// The variable, with the file its value came from where there is one.
        name: String,
        /// The value, shortened and escaped.
        value: String,
        /// What exactly is wrong, where more can be said than what was expected.
        reason: Option<String>,
        /// What would be right.
        expected: String,
        /// What holds when the variable is not set.
        default: &'static str,
    },
    /// The value is not text.
    #[error("{name}={value} is not UTF-8: expected {expected} (default: {default})")]
    NotUnicode {
        /// The variable.
        name: String,
        /// The value with its stray bytes replaced.
        value: String,
        /// What would be right.
        expected: String,
        /// What holds when the variable is not set.
        default: &'static str,
    },
    /// The value and a file with the value were both given.
    #[error("{name} and {name}_FILE are both set: unset one of them")]
    SetTwice {
        /// The variable.
        name: &'static str,
    },
    /// The file with the value is not usable.
    #[error("{name}_FILE={}: {cause}: expected a readable file with {expected} (default of {name}: {default})", path.display())]
    File {
        /// The variable, without `_FILE`.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        cause: FileCause,
        /// What would be right.
        expected: String,
        /// What holds when the variable is not set.
        default: &'static str,
    },
    /// The table and the typed struct disagree: a mistake of ours, not the user's.
    #[error("the table of settings does not fit: {0}")]
    Table(envy::Error),
}

/// Why a file with a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileCause {
    /// It cannot be opened or read.
    #[error("{0}")]
    Read(std::io::Error),
    /// An empty file is a secret that was not mounted, not a wish for the default.
    #[error("the file is empty")]
    Empty,
    /// Longer than any URL.
    #[error("the file is longer than {0} bytes")]
    TooLong(u64),
    /// Not text.
    #[error("the file is not UTF-8")]
    NotUnicode,
}

#[expect(clippy::ref_option, reason = "thiserror hands fields over by reference")]
fn because(reason: &Option<String>) -> String {
    reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default()
}
