//! How far a lane is shut in, as it tells its parent.

use serde::{Deserialize, Serialize};

/// What a lane can no longer do, whatever its decoder is made to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Files: nothing but the media roots, and these for reading alone (Landlock).
    pub files: Layer,
    /// System calls: those that a lane needs, and no others (seccomp).
    pub calls: Layer,
}

/// One layer of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layer {
    /// In force.
    Whole,
    /// In force as far as this kernel knows it: an older one leaves something out.
    Part,
    /// Not in force: this kernel does not have it, or it is not wanted.
    Absent {
        /// Why.
        reason: String,
    },
    /// Not in force although this kernel has it.
    Failed {
        /// Why.
        reason: String,
    },
}

impl Layer {
    pub(super) fn absent(reason: impl ToString) -> Self {
        Self::Absent { reason: reason.to_string() }
    }

    #[cfg(target_os = "linux")]
    pub(super) fn failed(reason: impl ToString) -> Self {
        Self::Failed { reason: reason.to_string() }
    }

    /// Whether it keeps anything off at all.
    #[must_use]
    pub const fn is_in_force(&self) -> bool {
        matches!(self, Self::Whole | Self::Part)
    }
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::Part => f.write_str("in part: this kernel is too old for all of it"),
            Self::Absent { reason } => write!(f, "absent: {reason}"),
            Self::Failed { reason } => write!(f, "failed: {reason}"),
        }
    }
}

impl Confinement {
    /// The one line of the log about it.
    pub(super) fn log(&self) {
        let (files, calls) = (self.files.to_string(), self.calls.to_string());
        if self.files.is_in_force() && self.calls.is_in_force() {
            tracing::info!(landlock = files, seccomp = calls, "lanes are confined");
        } else {
            tracing::warn!(
                landlock = files,
                seccomp = calls,
                "lanes are not confined in every way: a decoder that a hostile file takes over can do more than it should"
            );
        }
    }
}
