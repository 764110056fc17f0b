//! A window of jobs whose ends were taken back, or that never had one: publish, and note or undo.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use shared::broker::Broker;
use shared::job::{BatchId, Job};
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

/// A job to publish, and the end that was taken back for it; none of a job whose message is lost.
type Entry = (Job, Option<StoredEnd>);

/// What became of the jobs of a window.
#[derive(Default)]
struct Fates {
    accepted: Vec<Job>,
    unwanted: Vec<Option<StoredEnd>>,
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
        let is_given_up = self.delivery.stop.is_cancelled() || self.tally.refused > 0;
        self.narrator.finish(self.tally.published, is_given_up);
        self.tally
    }

    /// Publishes jobs whose ends are taken back. What the broker does not want gets its end again; what it does not confirm
    /// stays taken back.
    pub(super) async fn publish(&mut self, batch: BatchId, ends: Vec<StoredEnd>) -> Result<(), StoreError> {
        let entry = |end: StoredEnd| Some((fresh(end.job.as_ref()?), Some(end)));
        self.publish_all(batch, ends.into_iter().filter_map(entry).collect()).await.map(drop)
    }

    /// Publishes jobs that have no end: their messages are lost. What the broker does not want stays as it is.
    pub(super) async fn publish_lost(&mut self, batch: BatchId, jobs: Vec<Job>) -> Result<(), StoreError> {
        let entries = jobs.iter().map(|job| (fresh(job), None)).collect();
        self.tally.lost += self.publish_all(batch, entries).await?;
        Ok(())
    }

    /// Returns how many the broker has.
    async fn publish_all(&mut self, batch: BatchId, entries: Vec<Entry>) -> Result<u64, StoreError> {
        let count = entries.len() as u64;
        let fates = self.deliver(entries).await;
        let (accepted, unwanted) = (fates.accepted.len() as u64, fates.unwanted.len() as u64);
        self.tally.unconfirmed += count - accepted - unwanted;
        self.tally.published += accepted;
        self.store.published(batch, &fates.accepted).await?;
        let ends: Vec<StoredEnd> = fates.unwanted.into_iter().flatten().collect();
        if !ends.is_empty() {
            self.tally.restored += self.store.restore(batch, self.id, &ends).await?;
        }
        Ok(accepted)
    }

    async fn deliver(&mut self, entries: Vec<Entry>) -> Fates {
        let (delivery, mut fates) = (self.delivery, Fates::default());
        let mut under_way: FuturesUnordered<_> = entries
            .into_iter()
            .map(|(job, end)| async move { (delivery.deliver(&job).await, job, end) })
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

    fn fared(&mut self, fared: Fared, job: Job, end: Option<StoredEnd>, fates: &mut Fates) {
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
