//! Why a test of the fleet could not be held. What the test finds is no error but its verdict.

use std::io;
use std::path::PathBuf;

use shared::broker::{BrokerError, lapin};
use shared::job::LevelsError;
use shared::store::StoreError;
use shared::topology::TopologyError;

/// What kept a test from being held.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RigError {
    /// A program that is to be tested.
    #[error(
        "there is no program '{name}' at {}: build it (cargo build -p worker -p producer) or name it with --{name} PATH",
        path.display()
    )]
    NoProgram {
        /// `worker` or `producer`.
        name: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The servers' script and the samples.
    #[error(
        "neither the current directory nor this program is inside a checkout: deploy/services.sh was not found"
    )]
    NoRepository,
    /// The servers' script failed, or took too long.
    #[error("deploy/services.sh {verb} {ended} after {seconds:.1} s; {said}")]
    Services {
        /// What was asked of it.
        verb: String,
        /// How it ended.
        ended: String,
        /// How long it ran.
        seconds: f64,
        /// The end of what it wrote, never empty.
        said: String,
    },
    /// A file, a process, a socket.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// A worker that does not become ready.
    #[error("{0}")]
    NotReady(String),
    /// What the arguments or the environment ask for cannot be.
    #[error("{0}")]
    Refused(String),
    /// Files to load the fleet with.
    #[error(transparent)]
    Corpus(#[from] crate::corpus::Error),
    /// The broker, asked directly.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// Its queues.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// The broker's protocol.
    #[error("RabbitMQ: {0}")]
    Protocol(#[from] lapin::Error),
    /// The store, asked directly.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Redis, read past the store.
    #[error("Redis: {0}")]
    Redis(#[from] redis::RedisError),
    /// No such number of levels.
    #[error(transparent)]
    Levels(#[from] LevelsError),
    /// Ctrl-C.
    #[error("interrupted; everything that was started has been stopped")]
    Interrupted,
}

impl RigError {
    /// 1 for what happened, 2 for what the arguments or the environment are to blame for, 130 for Ctrl-C.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 2,
            Self::Corpus(error) => error.exit_code(),
            Self::Interrupted => 130,
            _ => 1,
        }
    }
}

/// Names what was tried.
pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> RigError {
    let what = what.into();
    move |source| RigError::Io { what, source }
}
