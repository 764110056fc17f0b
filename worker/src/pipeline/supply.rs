//! How many tasks are held, and which of those that wait go back to the source: when the reserve has shrunk, and when other
//! workers may be idle.
//!
//! What goes back may be delivered to this worker again, and each time the broker counts a delivery: after 50 it gives up on
//! the message. Hence three rules. The consumer's window is made smaller before anything goes back, so that it does not come
//! back to us; nothing goes back for a state that lasts less than a second; and a job that was handed out several times
//! before stays where it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shared::job::Priority;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::Policy;
use super::reserve::{LOOK, Reserve};
use crate::metrics;
use crate::ready::Ready;
use crate::source::Receive;
use crate::task::{Task, Work};

/// A surplus, or idle competitors, must have been there for so many looks in a row: a second, in which ends on their way
/// arrive and new consumers are in place.
const LASTING_LOOKS: u32 = 5;

/// Others may have what would not start here within this time. Less is not worth a delivery.
const SOON_SECONDS: f64 = 2.0;

/// A job that was handed out so often does not go back for the sake of workers that may be idle: they had their chance.
const DELIVERIES_TO_SHARE: u32 = 3;

/// A job that was handed out so often does not go back because it is too much here. Far below the 50 at which the broker
/// gives up, most of which are left to workers that die.
const DELIVERIES_TO_RETURN: u32 = 10;

/// A file on a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Active {
    pub(super) begun: Instant,
    pub(super) level: Priority,
}

/// The reserve of a running pipeline.
#[derive(Debug)]
pub(super) struct Supply {
    reserve: Reserve,
    /// For the loop that commits.
    flush_limit: Arc<AtomicUsize>,
    batch_size: usize,
    /// A lane had nothing to do since the last look while ends on their way filled half of the reserve.
    starved: bool,
    looks: Interval,
    lanes: usize,
    /// Percent: a lane rests after each file.
    pace: u8,
    /// By level: looks in a row with more held than the window allows.
    surplus_looks: Vec<u32>,
    /// The last look at the queues that was heeded.
    queues_look: u64,
    sharing: Sharing,
}

/// What is done for other workers that may be idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// Nothing.
    Off,
    /// The window is as small as it can be; what waits goes back after so many looks.
    Soon(u32),
    /// The window is as small as it can be.
    Done,
}

impl Supply {
    pub(super) fn new(policy: &Policy) -> Self {
        let reserve = Reserve::new(policy.lanes, policy.batch_size, policy.batch_max);
        metrics::batch_limit(reserve.size());
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            flush_limit: Arc::new(AtomicUsize::new(reserve.size().max(policy.batch_size))),
            reserve,
            batch_size: policy.batch_size,
            starved: false,
            looks,
            lanes: policy.lanes,
            pace: policy.pace.clamp(1, 100),
            surplus_looks: vec![0; policy.levels.count()],
            queues_look: 0,
            sharing: Sharing::Off,
        }
    }

    /// How many results are stored together at most; it follows the reserve.
    pub(super) fn flush_limit(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.flush_limit)
    }

    /// When it is to be looked at next.
    pub(super) async fn due(&mut self) {
        self.looks.tick().await;
    }

    /// After each turn of the dispatcher: what waits and what runs.
    pub(super) fn note(&mut self, waiting: usize, running: usize, receiver: &impl Receive) {
        if waiting == 0 && running < self.lanes && !self.starved {
            self.starved = receiver.is_crowded(running);
        }
    }

    /// A lane has ended a file.
    pub(super) fn ended(&mut self, begun: Instant) {
        self.reserve.ended(self.with_rest(begun.elapsed()));
    }

    /// Changes the reserve where that is called for, and takes out what is to go back.
    pub(super) fn look(
        &mut self,
        ready: &mut Ready,
        active: &[Active],
        receiver: &mut impl Receive,
    ) -> Vec<Task> {
        let youngest = active.iter().map(|file| file.begun.elapsed()).min().map(|age| self.with_rest(age));
        let before = self.reserve.size();
        if self.reserve.look(std::mem::take(&mut self.starved), youngest) {
            self.tell(before, youngest, receiver);
        }
        let mut returned = match self.sharing {
            Sharing::Off => self.surplus(ready, active, receiver),
            Sharing::Soon(_) | Sharing::Done => Vec::new(),
        };
        returned.extend(self.share(ready, active, youngest, receiver));
        returned
    }

    /// A lane that rests is taken as well.
    fn with_rest(&self, worked: Duration) -> Duration {
        worked * 100 / u32::from(self.pace)
    }

    /// What is held beyond the windows, which were larger when it came. Not for a few: a consumer that is started anew has its
    /// whole window to fill, beside what runs, so that up to two windows are held until those files have ended.
    fn surplus(&mut self, ready: &mut Ready, active: &[Active], receiver: &impl Receive) -> Vec<Task> {
        let mut returned = Vec::new();
        for level in 0..ready.levels().min(self.surplus_looks.len()) {
            let waiting = ready.of_level(level).count();
            let stream = ready.of_level(level).next().map(|task| task.ticket.stream);
            let window = stream.and_then(|stream| receiver.window(stream)).unwrap_or(waiting);
            let looks = &mut self.surplus_looks[level];
            *looks = if waiting > 2 * window { *looks + 1 } else { 0 };
            if *looks >= LASTING_LOOKS {
                *looks = 0;
                let running = active.iter().filter(|file| usize::from(file.level.0) == level).count();
                let surplus = (waiting + running).saturating_sub(window);
                returned
                    .extend(ready.take_last(level, surplus, |task| goes_back(task, DELIVERIES_TO_RETURN)));
            }
        }
        if !returned.is_empty() {
            tracing::info!(jobs = returned.len(), "given back: more jobs are held than end in a second");
        }
        returned
    }

    /// While others may be idle nothing is held here that does not start soon. The window is made as small as it can be,
    /// and what waits goes back a second later. It is made larger again when there is enough for everybody.
    fn share(
        &mut self,
        ready: &mut Ready,
        active: &[Active],
        youngest: Option<Duration>,
        receiver: &mut impl Receive,
    ) -> Vec<Task> {
        let queues = receiver.queues();
        let is_news = queues.look != std::mem::replace(&mut self.queues_look, queues.look);
        let soon = self.reserve.pace(youngest).map_or(usize::MAX, |pace| (pace * SOON_SECONDS) as usize);
        let late = ready.len().saturating_sub(soon);
        let called_for = is_news && queues.others_may_be_idle && late > 0 && self.reserve.is_adaptive();
        let over = active.is_empty() || (is_news && queues.plenty);
        match self.sharing {
            Sharing::Off if called_for => {
                tracing::debug!(
                    waiting = ready.len(),
                    "other workers may be idle: holding nothing in reserve"
                );
                self.hold(0, receiver);
                self.sharing = Sharing::Soon(LASTING_LOOKS);
            }
            Sharing::Off => {}
            Sharing::Soon(_) | Sharing::Done if over => {
                self.sharing = Sharing::Off;
                self.hold(self.reserve.size(), receiver);
            }
            Sharing::Soon(0) => {
                self.sharing = Sharing::Done;
                return take_latest(ready, late);
            }
            Sharing::Soon(looks) => self.sharing = Sharing::Soon(looks - 1),
            Sharing::Done if called_for => self.sharing = Sharing::Soon(LASTING_LOOKS),
            Sharing::Done => {}
        }
        Vec::new()
    }

    fn tell(&mut self, before: usize, youngest: Option<Duration>, receiver: &mut impl Receive) {
        let size = self.reserve.size();
        let why = match size > before {
            true => "prefetch increased: lanes were idle while results were being stored",
            false => "prefetch reduced: files take longer, no more is held than ends in a second",
        };
        let files_per_second = self.reserve.pace(youngest).unwrap_or(0.0);
        tracing::info!(before, now = size, files_per_second, "{why}");
        self.flush_limit.store(size.max(self.batch_size), Ordering::Relaxed);
        self.sharing = Sharing::Off;
        self.hold(size, receiver);
    }

    fn hold(&self, reserve: usize, receiver: &mut impl Receive) {
        metrics::batch_limit(reserve);
        receiver.hold(reserve);
    }
}

fn goes_back(task: &Task, deliveries: u32) -> bool {
    match &task.work {
        Work::File(work) => work.deliveries < deliveries,
        Work::Dead(_) | Work::Unreadable(_) => false,
    }
}

/// Of the lowest level first: what would start last.
fn take_latest(ready: &mut Ready, count: usize) -> Vec<Task> {
    let mut returned: Vec<Task> = Vec::new();
    for level in (0..ready.levels()).rev() {
        let left = count - returned.len();
        returned.extend(ready.take_last(level, left, |task| goes_back(task, DELIVERIES_TO_SHARE)));
    }
    if !returned.is_empty() {
        tracing::info!(jobs = returned.len(), "given back: other workers may be idle");
    }
    returned
}

#[cfg(test)]
mod tests;
