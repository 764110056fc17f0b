//! Arguments that every load scenario has.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use shared::settings::parse_duration;

use super::Arrivals;
use crate::corpus::Kind;
use crate::report::Outputs;

/// Arguments of all scenarios.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where and how")]
pub(crate) struct Common {
    /// What files, levels and arrivals follow from
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The worker to test [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(crate) worker: Option<PathBuf>,
    /// Use the servers of AMQP_URL and REDIS_URL although they are not on this machine: queues of their own names are made there, filled and
    /// deleted again, and results stay for three days
    #[arg(long)]
    pub(crate) cluster: bool,
    /// Start no worker: those that run already do the work, under QUEUE_PREFIX and the other settings of this environment
    #[arg(long, requires = "media")]
    pub(crate) no_workers: bool,
    /// Use the files below this folder, which the workers see under the same name, instead of made ones
    #[arg(long, value_name = "NAME=/PATH")]
    pub(crate) media: Option<String>,
    /// Without an end for so long, what is left is lost
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub(crate) patience: Duration,
    /// No progress
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Workers take this long over every file, so that requirements are missed
    #[arg(long, hide = true, value_parser = duration)]
    pub(crate) slow: Option<Duration>,
    /// One accepted message is removed unseen, so that the audit fails
    #[arg(long, hide = true)]
    pub(crate) drop_one: bool,
    /// RabbitMQ's HTTP API is needed.
    #[arg(skip)]
    pub(crate) api: bool,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

/// What is worked on, and by whom.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Work")]
pub(crate) struct Work {
    /// Worker processes
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) workers: u8,
    /// Lanes of each worker [default: one per processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) lanes: Option<u16>,
    /// What the files are
    #[arg(long, value_enum, default_value_t = Kind::Flac100k)]
    pub(crate) kind: Kind,
    /// Different files; with more jobs than that they are used in turn, and the cache is not asked
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) files: u32,
    /// Length of a song, for --kind mp3 and aac
    #[arg(long, value_name = "SECONDS", default_value_t = 210.0, value_parser = song)]
    pub(crate) song: f64,
    /// Decode nothing and take this long over every file instead
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "no_workers")]
    pub(crate) rehearsal: Option<Duration>,
}

impl Default for Work {
    fn default() -> Self {
        Self { workers: 1, lanes: None, kind: Kind::Flac100k, files: 500, song: 210.0, rehearsal: None }
    }
}

impl Work {
    /// Lanes of one worker.
    pub(crate) fn lanes(&self) -> u32 {
        self.lanes.map_or_else(crate::measure::processors, u32::from)
    }
}

/// When jobs arrive on a schedule.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Pace {
    /// How arrivals are spread
    #[arg(long, value_enum, default_value_t = Arrivals::Poisson)]
    pub(crate) arrivals: Arrivals,
}

/// `500ms`, `2s`, `1m30s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "expected a duration such as 500ms, 30s or 2m".to_owned())
}

fn song(text: &str) -> Result<f64, String> {
    match text.parse() {
        // An hour is what the generator makes at most.
        Ok(seconds) if (1.0..=3000.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected 1 to 3000 seconds".to_owned()),
    }
}
