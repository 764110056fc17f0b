//! Arguments of `loadtest cache`.

use std::path::PathBuf;

use clap::Args;

use crate::report::Outputs;

const EXAMPLES: &str = "\
Examples:
  cargo build --release -p worker -p producer && cargo run --release -p loadtest -- cache
  loadtest cache --files 200 --copies 20                files of a song's length
  loadtest cache --files 500 --listed 10000

Each file is 12 s of AAC of its own, about 100 kB, as often as --copies says; ten thousand of 100 kB take 1 GB below the folder
for temporary files (TMPDIR).

Exit codes: 0 every requirement is met · 1 one is missed, or the run could not be held · 2 wrong usage";

/// Analyse files, then the same ones renamed, moved and retagged, then only what has changed; and compare the runs
///
/// Starts a RabbitMQ and a Redis of its own and one worker. Everything it started is gone when it ends.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Cache {
    /// Files that are analysed
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) files: u32,
    /// How often the 12 seconds are repeated within each file
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) copies: u16,
    /// Further files that count as unchanged: for the time and the memory of a run with --changed
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) listed: u32,
    /// Lanes of the worker
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) lanes: u16,
    /// The worker to test [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(crate) worker: Option<PathBuf>,
    /// The producer to test [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(crate) producer: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}
