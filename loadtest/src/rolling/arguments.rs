//! Arguments of `loadtest rolling`.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  deploy/rolling.sh                                   builds the version before this one, and runs this command
  loadtest rolling --old-worker /srv/old/worker --old-producer /srv/old/producer --out rolling.json

Exit codes: 0 every job ended once, and both versions read every report · 1 the audit found something, or the run could not be held · 2 wrong usage";

/// Run two versions side by side, roll the workers forward and back, and audit what both read
///
/// Starts a RabbitMQ and a Redis of its own. Workers of the old version are replaced one by one by those of the new one, and then
/// back, by SIGTERM and by SIGKILL in turn, while producers of both versions submit batches. Everything it started is gone when it ends.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Rolling {
    /// The worker of the older version
    #[arg(long, value_name = "PATH")]
    pub(crate) old_worker: PathBuf,
    /// The producer of the older version
    #[arg(long, value_name = "PATH")]
    pub(crate) old_producer: PathBuf,
    /// What to call the older version in the record, such as its commit
    #[arg(long, value_name = "NAME", default_value = "old")]
    pub(crate) old_name: String,
    /// What to call the newer version in the record
    #[arg(long, value_name = "NAME", default_value = "new")]
    pub(crate) new_name: String,
    /// Files in the media root; each batch submits all of them
    #[arg(long, default_value_t = 36, value_parser = clap::value_parser!(u16).range(12..=2000))]
    pub(crate) files: u16,
    /// Write everything found as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The worker of the newer version [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(crate) worker: Option<PathBuf>,
    /// The producer of the newer version [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(crate) producer: Option<PathBuf>,
}
