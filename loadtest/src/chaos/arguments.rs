//! Arguments of `loadtest chaos`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::scenario::Scenario;
use super::schedule::KINDS;

const EXAMPLES: &str = "\
Examples:
  cargo build -p worker -p producer && cargo run -p loadtest -- chaos --seed 1 --minutes 5
  loadtest chaos --seed 2 --minutes 0.5 --workers 2 --out chaos.json
  loadtest chaos --seed 1 --minutes 5 --plan          print the faults, inject none
  loadtest chaos --only close_channels,delete_exchange
  loadtest chaos --scenario rabbitmq-cluster --minutes 5
  loadtest chaos --scenario redis-sentinel --minutes 5

The faults and their times follow from the seed; what they meet does not, so two runs of a seed differ in detail.

Exit codes: 0 nothing lost, nothing doubled, nothing hung, everything explained · 1 the audit found something, or the run could not be held · 2 wrong usage";

/// Kill, stop, cut and fill whatever a fleet depends on, and audit what became of every job
///
/// Starts a RabbitMQ and a Redis of its own, workers and producers; injects faults; heals everything; then compares what producers
/// were told with what is stored. Everything it started is gone when it ends.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Chaos {
    /// On which servers the fleet runs
    #[arg(long, value_enum, default_value_t)]
    pub(crate) scenario: Scenario,
    /// What the faults and their times follow from
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How long faults are injected; healing, finishing and the audit come on top
    #[arg(long, default_value = "1", value_parser = minutes)]
    pub(crate) minutes: f64,
    /// Inject faults of these kinds only, separated by commas
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = PossibleValuesParser::new(KINDS))]
    pub(crate) only: Vec<String>,
    /// Worker processes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) workers: u8,
    /// Files in the media root; each batch submits all of them
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=5000))]
    pub(crate) files: u16,
    /// Write everything found as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The worker to test [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(crate) worker: Option<PathBuf>,
    /// The producer to test [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(crate) producer: Option<PathBuf>,
    /// Keep the logs of the workers also when nothing was found
    #[arg(long)]
    pub(crate) keep: bool,
    /// Print the schedule and do nothing
    #[arg(long)]
    pub(crate) plan: bool,
    /// Delete one stored end before the audit: the audit must fail
    #[arg(long, hide = true)]
    pub(crate) lose_one: bool,
}

impl Chaos {
    pub(crate) fn length(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }
}

/// Below three seconds no fault fits; beyond an hour nobody waits.
fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 =
        text.parse().map_err(|_| "expected a number of minutes, such as 5 or 0.5".to_owned())?;
    if (0.05..=60.0).contains(&minutes) { Ok(minutes) } else { Err("expected 0.05 to 60 minutes".to_owned()) }
}
