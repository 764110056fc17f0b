//! Arguments of `loadtest size`.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
The model: a lane is one processor; what a second of audio costs, a file's way through worker, RabbitMQ and Redis, and memory are those
of the runs; lanes are busy 70 % of the time, and a simulated queue says what that means for the wait.

Examples, from the root of the repository:
  loadtest size                                   the table of docs/operations/sizing.md
  loadtest size --files-per-hour 416667           ten million files a day
  loadtest size --files-per-hour 3000 --minutes 60 --format mp3
  loadtest size --files-per-hour 3000 --env > fleet.env

Exit codes: 0 done · 2 wrong usage, or a run is missing";

/// What so many files an hour need, reckoned from measured runs
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Size {
    /// Files an hour; without it, a table of usual sizes
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) files_per_hour: Option<f64>,
    /// Length of a file, in minutes
    #[arg(long, default_value_t = 3.5, value_parser = minutes)]
    pub(crate) minutes: f64,
    /// Format of the files, as `loadtest throughput` has it
    #[arg(long, default_value = "mp3", value_parser = ["mp3", "aac"])]
    pub(crate) format: String,
    /// Print the settings alone, as a file that `env` and Compose read
    #[arg(long, requires = "files_per_hour")]
    pub(crate) env: bool,
    /// Folder of measured runs
    #[arg(long, value_name = "FOLDER", default_value = "loadtest/results")]
    pub(crate) from: PathBuf,
}

fn rate(text: &str) -> Result<f64, String> {
    within(text, 1.0, 1e9)
}

fn minutes(text: &str) -> Result<f64, String> {
    within(text, 0.01, 1440.0)
}

fn within(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("'{text}' is no number"))?;
    (least..=most).contains(&value).then_some(value).ok_or_else(|| format!("expected {least} to {most}"))
}
