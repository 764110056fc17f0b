//! The ready heap: which of the waiting tasks starts next. It knows nothing of where they come from.
//!
//! The highest level first. Two rules keep the low ones from starving, and `PRIORITY_MODE=strict` switches both off: a
//! task's effective level rises one step for every `PRIORITY_AGING` that it has waited here, and at least one start in
//! 16 goes to the lowest level that waits.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::task::Task;

/// 1 in 16 costs a flood of high jobs 6 % and moves a backlog of low ones all the same.
const FLOOR: u32 = 16;

/// Waiting tasks, by level.
#[derive(Debug)]
pub struct Ready {
    levels: Vec<VecDeque<Task>>,
    /// `None`: strict.
    aging: Option<Duration>,
    /// Starts since the lowest waiting level had its turn.
    since_floor: u32,
}

impl Ready {
    /// For `levels` levels; without `aging` the order is strict.
    #[must_use]
    pub fn new(levels: usize, aging: Option<Duration>) -> Self {
        Self { levels: (0..levels.max(1)).map(|_| VecDeque::new()).collect(), aging, since_floor: 0 }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.levels.iter().map(VecDeque::len).sum()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.levels.iter().all(VecDeque::is_empty)
    }

    /// Adds a task. One of a level beyond the last waits with the last.
    pub fn push(&mut self, task: Task) {
        let last = self.levels.len() - 1;
        self.levels[usize::from(task.level.0).min(last)].push_back(task);
    }

    /// Takes the task that starts next.
    pub fn pop(&mut self, now: Instant) -> Option<Task> {
        let lowest = self.levels.iter().rposition(|queue| !queue.is_empty())?;
        let chosen = match self.aging {
            None => self.highest()?,
            Some(_) if self.since_floor + 1 >= FLOOR => lowest,
            Some(aging) => self.highest_effective(aging, now)?,
        };
        self.since_floor = if chosen == lowest { 0 } else { self.since_floor + 1 };
        self.levels[chosen].pop_front()
    }

    /// What comes next, as far as can be told: ageing may change the order until then.
    pub fn upcoming(&self) -> impl Iterator<Item = &Task> {
        self.levels.iter().flatten()
    }

    /// How many levels there are.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.levels.len()
    }

    /// What waits of a level, the oldest first.
    pub fn of_level(&self, level: usize) -> impl DoubleEndedIterator<Item = &Task> {
        self.levels.get(level).into_iter().flatten()
    }

    /// Takes up to `count` tasks of a level that may be taken: those that would start last.
    pub fn take_last(
        &mut self,
        level: usize,
        count: usize,
        may_be_taken: impl Fn(&Task) -> bool,
    ) -> Vec<Task> {
        let Some(queue) = self.levels.get_mut(level) else { return Vec::new() };
        let mut taken = Vec::new();
        let mut place = queue.len();
        while taken.len() < count && place > 0 {
            place -= 1;
            if may_be_taken(&queue[place]) {
                taken.extend(queue.remove(place));
            }
        }
        taken
    }

    /// Takes the tasks that came in at `then` or before.
    pub fn take_received_by(&mut self, then: Instant) -> Vec<Task> {
        let mut taken = Vec::new();
        for queue in &mut self.levels {
            let old = queue.iter().take_while(|task| task.received <= then).count();
            taken.extend(queue.drain(..old));
        }
        taken
    }

    /// Takes all of them, in no order that matters.
    pub fn drain(&mut self) -> impl Iterator<Item = Task> {
        self.levels.iter_mut().flat_map(std::mem::take)
    }

    fn highest(&self) -> Option<usize> {
        self.levels.iter().position(|queue| !queue.is_empty())
    }

    /// Of equals the one that was submitted higher: ageing lifts a task past others, it does not make them wait.
    fn highest_effective(&self, aging: Duration, now: Instant) -> Option<usize> {
        let heads = self.levels.iter().enumerate().filter_map(|(level, queue)| Some((level, queue.front()?)));
        heads
            .min_by_key(|(level, head)| (effective(*level, head.received, aging, now), *level))
            .map(|(level, _)| level)
    }
}

/// May fall below 0: otherwise a low task could at best draw level with a flood of high ones and never pass it.
fn effective(level: usize, received: Instant, aging: Duration, now: Instant) -> i64 {
    let waited = now.saturating_duration_since(received);
    let steps = waited.as_nanos() / aging.as_nanos().max(1);
    i64::try_from(level).unwrap_or(i64::MAX) - i64::try_from(steps).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::job::{BatchId, JobId, Priority};
    use shared::outcome::FailureKind;

    use super::*;
    use crate::task::{Ticket, Unreadable, Work};

    const AGING: Duration = Duration::from_secs(30);

    fn task(level: u8, tag: u64, received: Instant) -> Task {
        let unreadable = Unreadable {
            job_id: JobId::new(),
            batch_id: BatchId::STRAY,
            kind: FailureKind::UnreadableMessage,
            detail: String::new(),
            body: Vec::new(),
            trace: None,
        };
        Task {
            ticket: Ticket { stream: 0, epoch: 0, tag },
            level: Priority(level),
            redelivered: false,
            received,
            work: Work::Unreadable(Box::new(unreadable)),
        }
    }

    fn order(ready: &mut Ready, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| ready.pop(now)).map(|task| task.ticket.tag).collect()
    }

    #[test]
    fn the_highest_level_first_and_the_oldest_of_a_level() {
        let now = Instant::now();
        let mut ready = Ready::new(3, Some(AGING));
        for (tag, level) in [2, 1, 0, 1, 0, 2].into_iter().enumerate() {
            ready.push(task(level, tag as u64, now));
        }
        assert_eq!(order(&mut ready, now), [2, 4, 1, 3, 0, 5]);
    }

    #[test]
    fn a_task_that_waited_passes_a_level_per_step() {
        let start = Instant::now();
        for (waited, low_is_first) in [(0, false), (59, false), (60, false), (89, false), (90, true)] {
            let now = start + Duration::from_secs(waited);
            let mut ready = Ready::new(3, Some(AGING));
            ready.push(task(2, 2, start));
            ready.push(task(0, 0, now));
            assert_eq!(order(&mut ready, now)[0] == 2, low_is_first, "after {waited} s");
        }
    }

    #[test]
    fn one_start_in_sixteen_goes_to_the_lowest() {
        let now = Instant::now();
        let mut ready = Ready::new(3, Some(AGING));
        (0..100).for_each(|tag| ready.push(task(0, tag, now)));
        (100..103).for_each(|tag| ready.push(task(2, tag, now)));
        let order = order(&mut ready, now);
        let low: Vec<usize> = (0..order.len()).filter(|place| order[*place] >= 100).collect();
        assert_eq!(low, [15, 31, 47]);
    }

    #[test]
    fn the_last_of_a_level_and_the_oldest_of_all_can_be_taken_out() {
        let start = Instant::now();
        let later = start + Duration::from_secs(60);
        let mut ready = Ready::new(3, Some(AGING));
        for tag in 0..10 {
            ready.push(task((tag % 2) as u8, tag, if tag < 4 { start } else { later }));
        }
        let tags = |tasks: Vec<Task>| tasks.iter().map(|task| task.ticket.tag).collect::<Vec<_>>();
        assert_eq!(ready.of_level(1).count(), 5);
        assert_eq!(tags(ready.take_last(1, 2, |task| task.ticket.tag != 7)), [9, 5]);
        assert_eq!(tags(ready.take_last(2, 5, |_| true)), [0; 0]);
        assert_eq!(tags(ready.take_received_by(start)), [0, 2, 1, 3]);
        assert_eq!(order(&mut ready, later), [4, 6, 8, 7]);
    }

    #[test]
    fn strict_is_strict() {
        let start = Instant::now();
        let now = start + Duration::from_secs(3600);
        let mut ready = Ready::new(3, None);
        ready.push(task(2, 1000, start));
        (0..100).for_each(|tag| ready.push(task(0, tag, now)));
        assert_eq!(order(&mut ready, now).last(), Some(&1000));
    }

    proptest! {
        #[test]
        fn every_task_comes_out_once_and_levels_keep_their_order(
            levels in proptest::collection::vec(0u8..6, 0..200),
            strict: bool,
        ) {
            let now = Instant::now();
            let mut ready = Ready::new(4, (!strict).then_some(AGING));
            for (tag, level) in levels.iter().enumerate() {
                ready.push(task(*level, tag as u64, now));
            }
            prop_assert_eq!(ready.len(), levels.len());
            let order = order(&mut ready, now);
            prop_assert!(ready.is_empty());
            for level in 0..4u8 {
                let of_level: Vec<u64> =
                    order.iter().copied().filter(|tag| levels[*tag as usize].min(3) == level).collect();
                prop_assert!(of_level.is_sorted(), "{:?}", of_level);
            }
            let mut sorted = order;
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..levels.len() as u64).collect::<Vec<_>>());
        }
    }
}
