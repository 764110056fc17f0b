//! Arguments of `loadtest hostile`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
  loadtest hostile files --count 10000 --seed 1
  loadtest hostile messages --count 10000

Exit codes: 0 each ended in one record · 1 something did not, and is named, or the test could not be held · 2 wrong usage";

/// Damaged files and forged messages: each must end in one record, and the worker must live on
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Hostile {
    #[command(subcommand)]
    pub(crate) kind: Kind,
}

/// What is hostile.
#[derive(Debug, Subcommand)]
pub(crate) enum Kind {
    /// Put damaged files through the lanes of `worker analyze`
    Files(Files),
    /// Put forged messages straight into the queues of a running worker
    Messages(Messages),
}

/// Arguments of `hostile messages`.
#[derive(Debug, Args)]
pub(crate) struct Messages {
    /// How many
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) count: u32,
    /// What they follow from
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The worker to test [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(crate) worker: Option<PathBuf>,
}

/// Arguments of `hostile files`.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// How many
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) count: u32,
    /// What they follow from: a file depends on it and on its own number, not on the count
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where files are kept that cost a lane [default: hostile-SEED in the folder for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// The worker to test [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(crate) worker: Option<PathBuf>,
}
