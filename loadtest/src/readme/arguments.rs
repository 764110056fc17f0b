//! Arguments of `loadtest readme`.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples, from the root of the repository:
  loadtest readme --runs loadtest/results/*.json
  loadtest readme --runs loadtest/results --check

Exit codes: 0 the page is right · 1 --check, and it is not · 2 wrong usage, or no run in a file";

/// Write the documentation's requirements and measured figures from the JSON of runs
///
/// Replaces what stands between <!-- loadtest:begin --> and <!-- loadtest:end -->. Of several runs of a scenario the newest in
/// which a requirement was measured counts.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Readme {
    /// JSON files of runs, or folders of them
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) runs: Vec<PathBuf>,
    /// The file to write into
    #[arg(long, value_name = "FILE", default_value = "docs/measurements/requirements.md")]
    pub(crate) readme: PathBuf,
    /// Judge by these requirements [default: those of loadtest/requirements.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) requirements: Option<PathBuf>,
    /// Write nothing, and fail where the file differs
    #[arg(long)]
    pub(crate) check: bool,
}
