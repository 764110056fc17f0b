//! Descriptors: how many files, pipes and connections this process may have open at once (`RLIMIT_NOFILE`).
//!
//! Systems start programs with a low limit (1024, often) for the sake of programs that use `select`, and leave it to the others
//! to raise it. A worker with many lanes needs more: a lane has three pipes, and a handle by which its end is waited for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the parent has open for one lane.
const PER_LANE: u64 = 4;

/// What starting a process takes besides, for a moment: the other ends of its pipes, and the one that tells of a failure.
const STARTING: u64 = 8;

/// Everything else: the lane that reads ahead, connections to RabbitMQ and Redis, those that ask for metrics and health, and
/// what the runtime, the logs and the local mode have open.
const RESERVED: u64 = 200;

/// The limit does not suffice for so many lanes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{lanes} lanes (ANALYSIS_MAX_WORKERS) need {needed} open files and this process may have {limit}, enough for {fitting} \
     lanes: set ANALYSIS_MAX_WORKERS to that, or raise the hard limit (ulimit -Hn {needed}; LimitNOFILE={needed} in a \
     systemd unit)"
)]
pub struct TooFewDescriptors {
    lanes: usize,
    needed: u64,
    limit: u64,
    fitting: u64,
}

/// Raises the limit of this process to the most that it may have. Where that is refused, the limit stays as it was.
pub fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, limit = limit.current, "the limit of open files cannot be raised to its maximum");
    }
}

/// Whether so many lanes fit into the limit as it is now.
///
/// # Errors
/// They do not; the text says how many do, and what to change.
pub fn check(lanes: usize) -> Result<(), TooFewDescriptors> {
    match getrlimit(Resource::Nofile).current {
        Some(limit) => fit(lanes, limit),
        None => Ok(()),
    }
}

fn fit(lanes: usize, limit: u64) -> Result<(), TooFewDescriptors> {
    let needed = RESERVED + STARTING + PER_LANE * lanes as u64;
    if needed <= limit {
        return Ok(());
    }
    let fitting = limit.saturating_sub(RESERVED + STARTING) / PER_LANE;
    Err(TooFewDescriptors { lanes, needed, limit, fitting })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_counted_as_what_is_needed() {
        assert_eq!(fit(4, 1024), Ok(()));
        let error = fit(1024, 1024).unwrap_err();
        assert_eq!((error.needed, error.fitting), (4304, 204));
        // As many as the error says do fit, and not one more.
        assert_eq!(fit(204, 1024), Ok(()));
        assert!(fit(205, 1024).is_err());
        assert_eq!(fit(1024, error.needed), Ok(()));
        assert_eq!(fit(1, 100).unwrap_err().fitting, 0);
    }

    #[test]
    fn the_error_names_the_setting_and_the_remedies() {
        let text = fit(1024, 1024).unwrap_err().to_string();
        for words in ["ANALYSIS_MAX_WORKERS", "204", "ulimit -Hn 4304", "LimitNOFILE=4304"] {
            assert!(text.contains(words), "{text}");
        }
    }
}
