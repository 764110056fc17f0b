//! Rests between files, so that a machine with something else to do has time for it (`WORKER_PACE`).

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// What a lane rests after a file at most: a mix of ten hours is no reason to do nothing for a day.
const LONGEST: Duration = Duration::from_secs(60);

/// Lanes that rest. Each keeps its place, so that nothing is started on it meanwhile.
#[derive(Debug)]
pub(super) struct Rests {
    /// Percent.
    pace: u8,
    resting: JoinSet<()>,
}

impl Rests {
    pub(super) fn new(pace: u8) -> Self {
        Self { pace: pace.clamp(1, 100), resting: JoinSet::new() }
    }

    /// How many rest.
    pub(super) fn len(&self) -> usize {
        self.resting.len()
    }

    /// A file is over that was begun then.
    pub(super) fn after(&mut self, begun: Instant) {
        if let Some(pause) = pause(self.pace, begun.elapsed()) {
            self.resting.spawn(sleep_until(Instant::now() + pause));
        }
    }

    /// When the next one has rested; never where none rests.
    pub(super) async fn over(&mut self) {
        if self.resting.join_next().await.is_none() {
            std::future::pending().await
        }
    }
}

/// The rest after so much work.
fn pause(pace: u8, worked: Duration) -> Option<Duration> {
    let pause = worked * u32::from(100 - pace) / u32::from(pace);
    (!pause.is_zero()).then(|| pause.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_time_is_three_parts_of_rest() {
        let second = Duration::from_secs(1);
        assert_eq!(pause(100, second), None);
        assert_eq!(pause(25, second), Some(3 * second));
        assert_eq!(pause(1, second), Some(LONGEST));
    }

    #[tokio::test]
    async fn a_resting_lane_counts_until_it_has_rested() {
        let mut rests = Rests::new(50);
        rests.after(Instant::now());
        rests.after(Instant::now() - Duration::from_millis(20));
        assert!(rests.len() >= 1);
        while rests.len() > 0 {
            rests.over().await;
        }
    }
}
