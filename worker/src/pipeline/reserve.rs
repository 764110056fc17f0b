//! How many tasks are held beyond those that the lanes work on, and how many ends are stored together. It is one number,
//! because the one feeds the other: an end makes room for a message only once it is stored and acknowledged, so what
//! is under way between a lane and the broker must be held beside what the lanes are to start next.
//!
//! Files of seconds need a handful. Of those that take a millisecond (known ones, tiny ones) the lanes end hundreds while
//! a batch is on its way, and wait for more with the window full of ends. Then the reserve doubles. It is never more than the
//! lanes end in a second: what one worker holds is hidden from the others and from more urgent work.

use std::time::Duration;

/// Between two looks: some batches of the fastest files.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// No more is held than ends in this time.
const HELD_SECONDS: f64 = 1.0;

/// What the newest look counts in the pace: a lone slow file changes little, a change of the files shows within a second.
const NEWEST: f64 = 0.3;

/// What was seen since the last look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Glance {
    /// A lane had nothing to do, and ends on their way took up half of the reserve or more.
    pub(super) starved: bool,
    /// Tasks that ended.
    pub(super) ended: u32,
    /// Something was worked on.
    pub(super) worked: bool,
}

/// The number, and what it follows from.
#[derive(Debug)]
pub(super) struct Reserve {
    least: usize,
    most: usize,
    size: usize,
    /// Ends a second, smoothed; unknown before the first.
    pace: Option<f64>,
}

impl Reserve {
    /// Begins with the least (`ANALYSIS_BATCH_SIZE`); where `most` is no more, it stays there.
    pub(super) fn new(least: usize, most: usize) -> Self {
        let least = least.max(1);
        Self { least, most: most.max(least), size: least, pace: None }
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// Ends a second.
    pub(super) fn pace(&self) -> f64 {
        self.pace.unwrap_or(0.0)
    }

    /// Whether the size has changed. A look while nothing was worked on says nothing of the files that come next.
    pub(super) fn look(&mut self, seen: Glance, elapsed: Duration) -> bool {
        if !seen.worked {
            return false;
        }
        let newest = f64::from(seen.ended) / elapsed.max(LOOK).as_secs_f64();
        let pace = self.pace.map_or(newest, |pace| pace + NEWEST * (newest - pace));
        self.pace = Some(pace);
        let before = self.size;
        let allowed = ((pace * HELD_SECONDS) as usize).clamp(self.least, self.most);
        if seen.starved {
            self.size = (self.size * 2).min(allowed).max(self.size);
        }
        // Not at the first dip: a reserve that follows every one would start its consumers anew all the time.
        if self.size >= 2 * allowed {
            self.size = allowed;
        }
        self.size != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARVED: Glance = Glance { starved: true, ended: 600, worked: true };
    const FED: Glance = Glance { starved: false, ended: 600, worked: true };

    fn looks(reserve: &mut Reserve, seen: Glance, count: usize) -> Vec<usize> {
        (0..count).map(|_| (reserve.look(seen, LOOK), reserve.size()).1).collect()
    }

    #[test]
    fn it_doubles_while_lanes_starve_up_to_the_most() {
        let mut reserve = Reserve::new(10, 500);
        assert_eq!(looks(&mut reserve, STARVED, 7), [20, 40, 80, 160, 320, 500, 500]);
        assert_eq!(looks(&mut reserve, FED, 100), [500; 100], "what is enough is kept");
    }

    #[test]
    fn it_holds_no_more_than_ends_in_a_second() {
        // 30 in a fifth of a second.
        let seen = Glance { ended: 30, ..STARVED };
        let mut reserve = Reserve::new(10, 500);
        assert_eq!(looks(&mut reserve, seen, 6), [20, 40, 80, 150, 150, 150]);
        // Songs come: two lanes end a file every other look.
        let songs = Glance { starved: false, ended: 0, worked: true };
        let sizes = looks(&mut reserve, songs, 40);
        assert!(sizes.is_sorted_by(|one, next| one >= next) && sizes[39] < 20, "{sizes:?}");
        assert!(sizes[10] <= 20, "after two seconds: {sizes:?}");
    }

    #[test]
    fn a_pause_of_the_work_changes_nothing() {
        let mut reserve = Reserve::new(10, 500);
        looks(&mut reserve, STARVED, 6);
        assert!(!reserve.look(Glance::default(), LOOK));
        assert_eq!(reserve.size(), 500);
    }

    #[test]
    fn without_room_to_grow_it_stays() {
        for most in [1, 10] {
            let mut reserve = Reserve::new(10, most);
            assert_eq!(looks(&mut reserve, STARVED, 3), [10; 3]);
        }
    }

    #[test]
    fn slow_files_never_make_it_grow() {
        let mut reserve = Reserve::new(10, 500);
        let slow = Glance { starved: true, ended: 1, worked: true };
        assert_eq!(looks(&mut reserve, slow, 20), [10; 20]);
    }
}
