//! What ends a command early, and the exit status that a script sees. The numbers are those of BSD's sysexits.h.

use std::io;
use std::process::ExitCode;

use shared::broker::BrokerError;
use shared::settings::EXIT_CONFIG;
use shared::store::StoreError;
use shared::topology::TopologyError;

/// How a command ended when it could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All of it, nothing failed.
    Done,
    /// Some files failed or were left out, or there was nothing to do.
    Incomplete,
    /// A queue was full, and the user did not want to wait.
    QueueFull,
    /// Ctrl-C or SIGTERM.
    Interrupted,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(match end {
            End::Done => 0,
            End::Incomplete => 1,
            End::QueueFull => 75,
            End::Interrupted => 130,
        })
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line asks for what does not exist.
    #[error("{0}")]
    Usage(String),
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// A setting is missing, wrong, or differs from the broker's.
    #[error("{0}")]
    Settings(String),
    /// RabbitMQ.
    #[error("{0}")]
    Broker(#[from] BrokerError),
    /// Redis.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// RabbitMQ or Redis went away for good in the middle; the text says what is done already.
    #[error("{0}")]
    Unavailable(String),
    /// Standard output, or an input file.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Failure {
    /// The reader of our output has gone: `| head` got what it wanted.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Settings(_)
            | Self::Broker(
                BrokerError::Topology(TopologyError::Differs(_) | TopologyError::Missing { .. })
                | BrokerError::PublishRefused { .. }
                | BrokerError::Refused { .. },
            )
            | Self::Store(StoreError::Url(_) | StoreError::Denied { .. }) => EXIT_CONFIG,
            Self::Broker(_) | Self::Store(_) | Self::Unavailable(_) => 69,
            Self::NotFound(_) | Self::Io(_) => 1,
        }
    }
}
