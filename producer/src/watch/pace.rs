//! How fast a batch goes, by what happened lately: the whole run's average hides that two workers joined or left.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Long enough that files of some minutes do not make the estimate jump, short enough to notice a new worker.
const WINDOW: Duration = Duration::from_secs(60);

/// About a sample a second is enough, and bounds their number.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// A shorter stretch is chance.
const LEAST: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct Pace(VecDeque<Sample>);

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    done: u64,
    audio_ms: u64,
}

/// What was done in a unit of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Speed {
    pub(super) files_per_second: f64,
    /// Seconds of audio per second.
    pub(super) times_real_time: f64,
}

impl Pace {
    pub(super) fn add(&mut self, at: Instant, done: u64, audio_ms: u64) {
        // The newest sample moves with the present until it is a second younger than the one before it.
        if let [.., before, _] = *self.0.make_contiguous()
            && at.duration_since(before.at) < SAMPLE_EVERY
        {
            self.0.pop_back();
        }
        self.0.push_back(Sample { at, done, audio_ms });
        while self.0.front().is_some_and(|first| at.duration_since(first.at) > WINDOW) {
            self.0.pop_front();
        }
    }

    /// `None` before there is enough to tell.
    pub(super) fn speed(&self) -> Option<Speed> {
        let (first, last) = (self.0.front()?, self.0.back()?);
        let time = last.at.duration_since(first.at);
        if time < LEAST {
            return None;
        }
        let seconds = time.as_secs_f64();
        Some(Speed {
            files_per_second: last.done.saturating_sub(first.done) as f64 / seconds,
            times_real_time: last.audio_ms.saturating_sub(first.audio_ms) as f64 / 1000.0 / seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pace: &mut Pace, start: Instant, polls: std::ops::Range<u64>, done: impl Fn(u64) -> u64) {
        for poll in polls {
            let done = done(poll);
            pace.add(start + Duration::from_millis(250 * poll), done, done * 200_000);
        }
    }

    #[test]
    fn the_speed_is_that_of_the_last_minute() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert_eq!(pace.speed(), None);
        run(&mut pace, start, 0..4, |poll| poll);
        assert_eq!(pace.speed(), None);
        // Four files a second for five minutes, then one.
        run(&mut pace, start, 4..1200, |poll| poll);
        let fast = pace.speed().unwrap();
        assert!((fast.files_per_second - 4.0).abs() < 0.05, "{fast:?}");
        assert!((fast.times_real_time - 800.0).abs() < 10.0, "{fast:?}");
        run(&mut pace, start, 1200..1480, |poll| 1200 + (poll - 1200) / 4);
        let slow = pace.speed().unwrap();
        assert!((slow.files_per_second - 1.0).abs() < 0.05, "{slow:?}");
        assert!(pace.0.len() < 100, "{}", pace.0.len());
    }
}
