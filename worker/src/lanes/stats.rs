//! What is told of the pool to whoever watches it.

use std::collections::BTreeMap;

/// Why a lane was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RestartCause {
    /// A request took too long.
    Timeout,
    /// It ran into its memory limit.
    OutOfMemory,
    /// It panicked, aborted, was killed from outside or spoke nonsense.
    Crash,
    /// It held too much memory after a job.
    Outgrown,
    /// Its request was given up by the caller.
    Abandoned,
    /// A media root was mounted after it had shut itself in.
    Remounted,
}

impl RestartCause {
    /// Every cause.
    pub const ALL: &'static [Self] =
        &[Self::Timeout, Self::OutOfMemory, Self::Crash, Self::Outgrown, Self::Abandoned, Self::Remounted];

    /// Stable code, for a metric's label.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::OutOfMemory => "out_of_memory",
            Self::Crash => "crash",
            Self::Outgrown => "outgrown",
            Self::Abandoned => "abandoned",
            Self::Remounted => "remounted",
        }
    }
}

/// A look at the pool.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneStats {
    /// Replaced lanes since the start, every cause present.
    pub restarts: BTreeMap<RestartCause, u64>,
    /// Processor seconds of all lanes since the start, the dead ones included; `None` without procfs. May run ahead for a
    /// moment while a lane is replaced.
    pub cpu_seconds: Option<f64>,
    /// The processes that live.
    pub lanes: Vec<LaneUsage>,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneUsage {
    /// Process id.
    pub pid: u32,
    /// Resident memory, bytes, what it shares with the parent included; `None` without procfs.
    pub resident_bytes: Option<u64>,
}
