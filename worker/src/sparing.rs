//! A log line that may come a thousand times a second is written a few times, and the next one says how many were left out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many lines per period.
#[derive(Debug)]
pub struct Sparing {
    lines: u32,
    period: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    since: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl Sparing {
    /// The period begins with the first line.
    #[must_use]
    pub const fn new(lines: u32, period: Duration) -> Self {
        Self { lines, period, state: Mutex::new(State { since: None, written: 0, left_out: 0 }) }
    }

    /// Whether a line may be written now, and how many were left out since the last one.
    pub fn admit(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.since.is_none_or(|since| now.duration_since(since) >= self.period) {
            (state.since, state.written) = (Some(now), 0);
        }
        if state.written == self.lines {
            state.left_out += 1;
            return None;
        }
        state.written += 1;
        Some(std::mem::take(&mut state.left_out))
    }

    /// What was left out and will not be told by a later line.
    pub fn rest(&self) -> u64 {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_few_lines_and_a_number() {
        let (begun, period) = (Instant::now(), Duration::from_secs(10));
        let sparing = Sparing::new(3, period);
        let told: Vec<_> = (0..100).map(|_| sparing.admit(begun)).collect();
        assert_eq!(told.iter().flatten().copied().collect::<Vec<_>>(), [0, 0, 0]);
        assert_eq!(sparing.admit(begun + period), Some(97));
        assert_eq!(sparing.admit(begun + period), Some(0));
        assert_eq!(sparing.rest(), 0);
        assert_eq!((0..2).map(|_| sparing.admit(begun + period)).collect::<Vec<_>>(), [Some(0), None]);
        assert_eq!(sparing.rest(), 1);
    }
}
