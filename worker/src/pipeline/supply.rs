//! Whether the lanes have enough to do, and what is done about it: the reserve is told to whoever keeps it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::Policy;
use super::reserve::{Glance, LOOK, Reserve};
use crate::metrics;
use crate::source::Receive;

/// The reserve of a running pipeline.
#[derive(Debug)]
pub(super) struct Supply {
    reserve: Reserve,
    /// For the closing loop: how many ends it stores together.
    shared: Arc<AtomicUsize>,
    seen: Glance,
    since: Instant,
    looks: Interval,
    lanes: usize,
    levels: usize,
}

impl Supply {
    pub(super) fn new(policy: &Policy, shared: Arc<AtomicUsize>) -> Self {
        let reserve = Reserve::new(policy.batch_size, policy.batch_max);
        metrics::batch_limit(reserve.size());
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (lanes, levels) = (policy.lanes, policy.levels.count());
        Self { reserve, shared, seen: Glance::default(), since: Instant::now(), looks, lanes, levels }
    }

    /// When it is to be looked at next.
    pub(super) async fn due(&mut self) {
        self.looks.tick().await;
    }

    /// After each turn of the dispatcher: what waits and what runs.
    pub(super) fn note(&mut self, waiting: usize, running: usize, receiver: &impl Receive) {
        self.seen.worked |= running > 0;
        if waiting == 0 && running < self.lanes && !self.seen.starved {
            self.seen.starved = receiver.is_crowded(running);
        }
    }

    /// A task has ended.
    pub(super) const fn ended(&mut self) {
        self.seen.ended = self.seen.ended.saturating_add(1);
    }

    /// Changes the reserve where that is called for; how many waiting tasks are to be given back.
    pub(super) fn look(&mut self, waiting: usize, receiver: &mut impl Receive) -> usize {
        let elapsed = self.since.elapsed();
        self.since = Instant::now();
        self.look_after(elapsed, waiting, receiver)
    }

    fn look_after(&mut self, elapsed: Duration, waiting: usize, receiver: &mut impl Receive) -> usize {
        let seen = std::mem::take(&mut self.seen);
        let before = self.reserve.size();
        if self.reserve.look(seen, elapsed) {
            self.tell(before, receiver);
        }
        // Each level has a window of its own. Beyond all of them is what came before they were made smaller.
        waiting.saturating_sub(self.levels * (self.lanes + self.reserve.size()))
    }

    fn tell(&self, before: usize, receiver: &mut impl Receive) {
        let size = self.reserve.size();
        let why = match size > before {
            true => "lanes waited while ends were on their way: holding more",
            false => "files take longer: holding no more than a second's work",
        };
        tracing::info!(before, now = size, files_per_second = self.reserve.pace().round(), "{why}");
        metrics::batch_limit(size);
        self.shared.store(size, Ordering::Relaxed);
        receiver.hold(size);
    }
}

#[cfg(test)]
mod tests {
    use shared::job::Levels;

    use super::*;
    use crate::task::Task;

    /// A source whose reserve is always taken up, and that keeps what it is told.
    #[derive(Default)]
    struct Crowded(Vec<usize>);

    impl Receive for Crowded {
        async fn next(&mut self) -> Option<Task> {
            None
        }

        fn pause(&mut self, _: bool) {}

        fn hold(&mut self, reserve: usize) {
            self.0.push(reserve);
        }

        fn is_crowded(&self, _: usize) -> bool {
            true
        }

        async fn stop(&mut self) {}
    }

    fn supply() -> (Supply, Arc<AtomicUsize>) {
        let levels = Levels::new(3).unwrap();
        let policy =
            Policy { lanes: 2, batch_size: 10, batch_max: 500, pace: 100, tiers: 0, levels, aging: None };
        let shared = Arc::new(AtomicUsize::new(10));
        (Supply::new(&policy, Arc::clone(&shared)), shared)
    }

    #[tokio::test]
    async fn the_source_and_the_closing_loop_are_told_and_what_is_too_much_goes_back() {
        let (mut supply, shared) = supply();
        let mut source = Crowded::default();
        for _ in 0..6 {
            supply.note(0, 1, &source);
            (0..200).for_each(|_| supply.ended());
            assert_eq!(supply.look_after(LOOK, 0, &mut source), 0);
        }
        assert_eq!(source.0, [20, 40, 80, 160, 320, 500]);
        assert_eq!(shared.load(Ordering::Relaxed), 500);
        // Files of seconds: the last look before a pace of ten a second makes the windows small again.
        let mut given_back = 0;
        for _ in 0..30 {
            supply.note(400 - given_back, 2, &source);
            given_back += supply.look_after(LOOK, 400 - given_back, &mut source);
        }
        let reserve = shared.load(Ordering::Relaxed);
        assert!((10..20).contains(&reserve) && source.0.last() == Some(&reserve), "{:?}", source.0);
        assert_eq!(400 - given_back, 3 * (2 + reserve), "of each level the lanes' number and the reserve");
    }

    #[tokio::test]
    async fn lanes_that_work_are_not_starved() {
        let (mut supply, _) = supply();
        let mut source = Crowded::default();
        for (waiting, running) in [(0, 2), (5, 2), (5, 1)] {
            supply.note(waiting, running, &source);
            (0..200).for_each(|_| supply.ended());
            assert_eq!(supply.look_after(LOOK, waiting, &mut source), 0);
        }
        assert_eq!(source.0, [0; 0]);
    }
}
