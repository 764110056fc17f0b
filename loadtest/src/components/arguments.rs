//! Arguments of `loadtest components`.

use std::time::Duration;

use clap::Args;

use crate::report::Outputs;

use super::part::Part;

const EXAMPLES: &str = "\
Examples:
  loadtest components                                      every part, five rounds each; about three minutes
  loadtest components --only queue,publish --rounds 3
  loadtest components --json components.json

What an operation is: queue - a job into the ready heap and one out of it; job_encode, job_decode, report_encode, report_decode - one message
or report; publish_window_N - a job confirmed by the broker, N under way at a time; consume_ack_* - a job delivered and acknowledged;
finish_batch_N - an end with its report stored, N in a round trip; progress_batch_N - an end counted in its batch and told to its watchers,
without a report; events_read - an end read back by a watcher; report_read_N - a report asked for by its identity, N at a time;
job_start_N - a start counted, N at a time.

Exit codes: 0 measured · 1 it could not be measured · 2 wrong usage";

/// Measure the parts alone: the queue in the worker, RabbitMQ, Redis, the encodings
///
/// Starts a RabbitMQ and a Redis of its own where a part needs them, and stops them again. Rounds of all parts are interleaved, so that a
/// busy moment of the machine does not fall on one part alone; the first round is a warm-up and not counted.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Components {
    /// Only parts whose names begin so, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "NAMES", value_parser = known)]
    pub(super) only: Vec<String>,
    /// Rounds of each part
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=50))]
    pub(super) rounds: u8,
    /// A round ends after so many seconds
    #[arg(long, default_value = "1", value_parser = seconds)]
    pub(super) seconds: f64,
    /// … or after so many operations on a server, whichever comes first. Parts without a server go by the time alone
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=500_000))]
    pub(super) count: u32,
    #[command(flatten)]
    pub(super) outputs: Outputs,
}

impl Components {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds { count: self.count.into(), time: Duration::from_secs_f64(self.seconds) }
    }

    pub(super) fn parts(&self) -> Vec<Part> {
        let wanted = |part: &Part| {
            self.only.is_empty() || self.only.iter().any(|name| part.name().starts_with(name.as_str()))
        };
        Part::all().into_iter().filter(wanted).collect()
    }
}

/// Where a round ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) count: u64,
    pub(super) time: Duration,
}

fn known(name: &str) -> Result<String, String> {
    if !name.is_empty() && Part::all().iter().any(|part| part.name().starts_with(name)) {
        return Ok(name.to_owned());
    }
    let names: Vec<String> = Part::all().iter().map(Part::name).collect();
    Err(format!("no part begins so; there are {}", names.join(", ")))
}

/// Below a hundredth a round is all start; nobody waits a minute for one.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.01..=60.0).contains(&value) => Ok(value),
        _ => Err("expected 0.01 to 60 seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_chosen_by_the_beginning_of_their_names() {
        assert_eq!(known("publish").as_deref(), Ok("publish"));
        let error = known("mail").unwrap_err();
        assert!(error.contains("publish_window_64") && error.contains("queue"), "{error}");
        assert!(known("").is_err());
    }

    #[test]
    fn a_round_has_bounds() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "61", "NaN", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
