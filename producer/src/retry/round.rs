//! A window of jobs whose ends were taken back: publish, and note or undo.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use shared::broker::Broker;
use shared::job::{BatchId, Job, JobId};
use shared::store::{RetryId, Store, StoreError, StoredEnd};
use shared::topology::Topology;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::tally::Tally;
use crate::cli::OnFull;
use crate::publish::{Delivery, Fared, LAST_CONFIRMS, Narrator, TICK, now_ms};
use crate::screen::Screen;

pub(super) struct Round<'a> {
    pub(super) id: RetryId,
    pub(super) tally: Tally,
    broker: &'a Broker,
    store: &'a Store,
    delivery: &'a Delivery,
    narrator: Narrator,
}

/// What became of the jobs of a window.
#[derive(Default)]
struct Fates {
    accepted: Vec<JobId>,
    unwanted: Vec<StoredEnd>,
}

impl<'a> Round<'a> {
    pub(super) fn new(
        broker: &'a Broker,
        store: &'a Store,
        delivery: &'a Delivery,
        screen: &Screen,
        topology: Topology,
    ) -> Self {
        let narrator = Narrator::new(screen.clone(), topology);
        Self { id: RetryId::new(), tally: Tally::default(), broker, store, delivery, narrator }
    }

    /// No more is to be taken back.
    pub(super) fn is_over(&self) -> bool {
        self.delivery.stop.is_cancelled()
            || self.tally.broken.is_some()
            || (self.tally.refused > 0 && self.delivery.on_full == OnFull::Fail)
    }

    pub(super) fn finish(mut self) -> Tally {
        self.narrator.finish(self.tally.published);
        self.tally
    }

    /// Publishes jobs whose ends are taken back. What the broker does not want gets its end again; what it does not confirm
    /// stays taken back.
    pub(super) async fn publish(&mut self, batch: BatchId, ends: Vec<StoredEnd>) -> Result<(), StoreError> {
        let count = ends.len() as u64;
        let fates = self.deliver(ends).await;
        let known = (fates.accepted.len() + fates.unwanted.len()) as u64;
        self.tally.unconfirmed += count - known;
        self.tally.published += fates.accepted.len() as u64;
        self.store.published(batch, &fates.accepted).await?;
        if !fates.unwanted.is_empty() {
            self.tally.restored += self.store.restore(batch, self.id, &fates.unwanted).await?;
        }
        Ok(())
    }

    async fn deliver(&mut self, ends: Vec<StoredEnd>) -> Fates {
        let (delivery, mut fates) = (self.delivery, Fates::default());
        let mut under_way: FuturesUnordered<_> = ends
            .into_iter()
            .filter_map(|end| Some((fresh(end.job.as_ref()?), end)))
            .map(|(job, end)| async move { (delivery.deliver(&job).await, job.job_id, end) })
            .collect();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut deadline = None;
        loop {
            tokio::select! {
                fared = under_way.next() => match fared {
                    Some((fared, job, end)) => self.fared(fared, job, end, &mut fates),
                    None => return fates,
                },
                _ = tick.tick() => {
                    let so_far = self.tally.published + fates.accepted.len() as u64;
                    self.narrator.tick(self.broker, &delivery.door, so_far);
                }
                () = delivery.stop.cancelled(), if deadline.is_none() => {
                    deadline = Some(Instant::now() + LAST_CONFIRMS);
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => return fates,
            }
        }
    }

    fn fared(&mut self, fared: Fared, job: JobId, end: StoredEnd, fates: &mut Fates) {
        match fared {
            Fared::Accepted => fates.accepted.push(job),
            Fared::Refused => {
                self.tally.refused += 1;
                fates.unwanted.push(end);
            }
            Fared::GivenUp => fates.unwanted.push(end),
            // It may be in the queue or not: only the next retry can make sure.
            Fared::Failed(error) => {
                self.delivery.stop.cancel();
                self.tally.broken.get_or_insert(error);
            }
        }
    }
}

/// The job as it was submitted, now.
fn fresh(job: &Job) -> Job {
    Job { attempt: 0, submitted_at_ms: now_ms(), ..job.clone() }
}
