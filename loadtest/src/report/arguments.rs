//! Arguments of everything that leaves a report.

use std::path::PathBuf;

use clap::Args;

/// What a run leaves behind, beside the table on the terminal
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Outputs {
    /// Write everything measured as JSON, for `loadtest report`, `compare` and `readme`
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write a report with plots: one page that needs no network
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Judge by these requirements [default: those of loadtest/requirements.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) requirements: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  loadtest report burst.json --html burst.html
  loadtest report burst.json --requirements stricter.toml

Exit codes: 0 every requirement is met · 1 one is missed or was not measured · 2 wrong usage, or no run in the file";

/// Judge a run that was measured before, and show it again
///
/// The requirements of today are what counts, whatever the run was judged by when it was measured.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Report {
    /// The JSON of a run
    #[arg(value_name = "RUN.json")]
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}
