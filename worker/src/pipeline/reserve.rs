//! How many tasks are held beyond those that the lanes work on: what the lanes end in a second, and no more, because what one
//! worker holds is hidden from the others and from more urgent work.
//!
//! Files of seconds need one in reserve: the next file is there when a lane comes free, and the reader can read it ahead. The
//! broker's answer takes milliseconds, so more would gain nothing. Of files that take a millisecond (known ones, tiny ones)
//! the lanes end hundreds while their results are on the way to Redis, and an end makes room for a message only once it is
//! stored and acknowledged; lanes would wait with the window full of ends. Then the reserve grows: at once to
//! `ANALYSIS_BATCH_SIZE`, then it doubles, up to `ANALYSIS_BATCH_MAX`.
//!
//! It grows only where lanes were seen waiting, and it shrinks only when it has been twice what it may be for a whole second:
//! each change starts the consumers anew.

use std::time::Duration;

/// Between two looks: some batches of the fastest files.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// No more is held than ends in this time.
const HELD_SECONDS: f64 = 1.0;

/// What the newest file counts in the mean: the last twenty or so decide. The mean is over files and not over time, so that
/// lanes that end all at once do not look faster than they are.
const NEWEST: f64 = 0.1;

/// For so many looks in a row the reserve must be too large before it shrinks.
const TOO_LARGE_LOOKS: u32 = 5;

/// With nothing known of the files.
const FIRST: usize = 1;

/// A file that takes no time at all would make the pace infinite.
const LEAST_FILE_SECONDS: f64 = 1e-5;

/// What a worker begins with: one, until it is known how long files take; or always the same where it may not grow.
#[must_use]
pub fn initial_reserve(batch_size: usize, batch_max: usize) -> usize {
    if batch_max > batch_size { FIRST } else { batch_size.max(1) }
}

/// The number, and what it follows from.
#[derive(Debug)]
pub(super) struct Reserve {
    lanes: usize,
    /// What it grows to first.
    step: usize,
    most: usize,
    size: usize,
    /// Mean time that a lane is taken by a file, smoothed; unknown before the first.
    file_seconds: Option<f64>,
    /// Looks in a row in which it was too large.
    too_large: u32,
}

impl Reserve {
    pub(super) fn new(lanes: usize, batch_size: usize, batch_max: usize) -> Self {
        let (step, size) = (batch_size.max(1), initial_reserve(batch_size, batch_max));
        Self { lanes, step, most: batch_max, size, file_seconds: None, too_large: 0 }
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// Whether it follows the files. Otherwise it is `ANALYSIS_BATCH_SIZE`, always.
    pub(super) const fn is_adaptive(&self) -> bool {
        self.most > self.step
    }

    /// A file has ended that took a lane for so long.
    pub(super) fn ended(&mut self, took: Duration) {
        let newest = took.as_secs_f64();
        self.file_seconds = Some(self.file_seconds.map_or(newest, |mean| mean + NEWEST * (newest - mean)));
    }

    /// Ends a second. `youngest` is how long the newest of the running files has run: while all lanes are at files that take
    /// longer than those before, no end says so.
    pub(super) fn pace(&self, youngest: Option<Duration>) -> Option<f64> {
        let running = youngest.map(|age| age.as_secs_f64());
        let seconds = match (self.file_seconds, running) {
            (None, None) => return None,
            (mean, running) => mean.unwrap_or(0.0).max(running.unwrap_or(0.0)),
        };
        Some(self.lanes as f64 / seconds.max(LEAST_FILE_SECONDS))
    }

    /// Whether the size has changed. `starved`: a lane had nothing to do while ends on their way filled half of the reserve.
    pub(super) fn look(&mut self, starved: bool, youngest: Option<Duration>) -> bool {
        // Without anything that runs or a first file that has ended nothing is known of the files that come next.
        let Some(pace) = self.pace(youngest).filter(|_| self.is_adaptive()) else { return false };
        let before = self.size;
        let allowed = if self.file_seconds.is_some() { (pace * HELD_SECONDS) as usize } else { FIRST };
        let allowed = allowed.clamp(FIRST, self.most);
        if starved {
            self.size = (self.size * 2).max(self.step).min(allowed).max(self.size);
        }
        self.too_large = if self.size >= 2 * allowed { self.too_large + 1 } else { 0 };
        if self.too_large >= TOO_LARGE_LOOKS {
            (self.size, self.too_large) = (allowed, 0);
        }
        self.size != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    /// Of two lanes that end so many files of this length between two looks.
    fn sizes(reserve: &mut Reserve, starved: bool, ends: u32, took: Duration, looks: usize) -> Vec<usize> {
        let one = |_| {
            (0..ends).for_each(|_| reserve.ended(took));
            reserve.look(starved, Some(took));
            reserve.size()
        };
        (0..looks).map(one).collect()
    }

    #[test]
    fn it_begins_with_one_and_grows_while_lanes_wait() {
        let mut reserve = Reserve::new(2, 10, 500);
        assert_eq!(reserve.size(), 1);
        assert_eq!(sizes(&mut reserve, true, 100, SHORT, 8), [10, 20, 40, 80, 160, 320, 500, 500]);
        assert_eq!(sizes(&mut reserve, false, 100, SHORT, 100), [500; 100], "what is enough is kept");
    }

    #[test]
    fn it_holds_no_more_than_ends_in_a_second() {
        let mut reserve = Reserve::new(3, 10, 500);
        // Three lanes at twenty milliseconds are 150 a second.
        let short = Duration::from_millis(20);
        assert_eq!(sizes(&mut reserve, true, 30, short, 6), [10, 20, 40, 80, 150, 150]);
        // Songs come: no file ends, and the running ones grow old.
        let looks: Vec<usize> = (1..=30)
            .map(|look| {
                reserve.look(false, Some(LOOK * look));
                reserve.size()
            })
            .collect();
        assert!(looks.is_sorted_by(|one, next| one >= next), "{looks:?}");
        assert!(looks[9] <= 4 && looks[29] == 1, "a handful after two seconds: {looks:?}");
    }

    #[test]
    fn slow_files_never_make_it_grow_even_if_many_end_at_once() {
        // Sixteen lanes end their files of 20 s in the same moment, and all of them wait for the next.
        let mut reserve = Reserve::new(16, 10, 500);
        for _ in 0..20 {
            assert_eq!(sizes(&mut reserve, true, 16, Duration::from_secs(20), 1), [1]);
            assert_eq!(sizes(&mut reserve, false, 0, Duration::from_secs(10), 99), [1; 99]);
        }
    }

    #[test]
    fn before_a_file_has_ended_it_stays_at_one() {
        let mut reserve = Reserve::new(4, 10, 500);
        assert_eq!(reserve.pace(None), None);
        assert_eq!(sizes(&mut reserve, true, 0, SHORT, 5), [1; 5]);
    }

    #[test]
    fn a_moment_of_long_files_does_not_shrink_it() {
        let mut reserve = Reserve::new(2, 10, 500);
        sizes(&mut reserve, true, 100, SHORT, 8);
        assert_eq!(sizes(&mut reserve, false, 0, Duration::from_secs(1), 4), [500; 4]);
        assert_eq!(sizes(&mut reserve, false, 100, SHORT, 5), [500; 5]);
    }

    #[test]
    fn without_room_to_grow_it_is_the_batch_size_whatever_comes() {
        for most in [0, 1, 10] {
            let mut reserve = Reserve::new(1, 10, most);
            assert_eq!((reserve.size(), initial_reserve(10, most)), (10, 10));
            assert_eq!(sizes(&mut reserve, true, 100, SHORT, 3), [10; 3]);
            assert_eq!(sizes(&mut reserve, false, 1, Duration::from_secs(60), 30), [10; 30]);
        }
    }
}
