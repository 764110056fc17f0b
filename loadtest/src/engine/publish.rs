//! The road into the queues: every job at its time, as many under way as the confirm window holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use shared::broker::{self, Publisher, Route};
use shared::job::{BatchId, FileRef, Job, JobId};
use shared::store::Store;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::audit::{Fate, Sent};
use super::ends::Clock;
use super::plan::Plan;
use crate::rig::RigError;

/// PUBLISH_WINDOW's default: what a producer has under way.
const WINDOW: usize = 256;

/// The batch's counter in Redis is behind by as much, as a producer's.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// What others may know while it goes on.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) offered: AtomicU64,
    pub(crate) accepted: AtomicU64,
}

/// What is to be published, and where.
pub(crate) struct Load<'a> {
    pub(crate) publisher: &'a Publisher,
    pub(crate) store: &'a Store,
    pub(crate) batch: BatchId,
    pub(crate) plan: &'a Plan,
    pub(crate) files: &'a [FileRef],
    pub(crate) forced: bool,
    pub(crate) clock: Clock,
    pub(crate) counts: Arc<Counts>,
}

impl Load<'_> {
    /// Publishes everything; returns when the broker has answered for each job.
    pub(crate) async fn publish(&self) -> Result<Vec<Sent>, RigError> {
        let jobs = &self.plan.jobs;
        let mut sent = Vec::with_capacity(jobs.len());
        let (mut under_way, mut counting) = (FuturesUnordered::new(), FuturesUnordered::new());
        let (mut next, mut told) = (0, 0);
        let mut tick = interval(COUNT_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while next < jobs.len() || !under_way.is_empty() {
            let due = jobs.get(next).map(|job| self.clock.begun + Duration::from_secs_f64(job.at));
            let room = under_way.len() < WINDOW;
            tokio::select! {
                biased;
                Some(done) = under_way.next() => sent.push(self.confirmed(done)?),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() && room => {
                    under_way.push(self.send(next));
                    self.counts.offered.fetch_add(1, Ordering::Relaxed);
                    next += 1;
                }
                Some(result) = counting.next() => drop(result),
                _ = tick.tick() => {
                    let accepted = self.counts.accepted.load(Ordering::Relaxed);
                    if accepted > told && counting.is_empty() {
                        counting.push(self.store.count_accepted(self.batch, accepted - told));
                        told = accepted;
                    }
                }
            }
        }
        // An increment that arrived after the seal would count twice.
        while counting.next().await.is_some() {}
        self.store.seal_batch(self.batch, self.counts.accepted.load(Ordering::Relaxed)).await?;
        Ok(sent)
    }

    async fn send(&self, place: usize) -> Result<Sent, RigError> {
        let intended = self.plan.jobs[place];
        let file = place % self.files.len();
        let job = Job {
            job_id: JobId::new(),
            batch_id: self.batch,
            priority: intended.level,
            file: self.files[file].clone(),
            attempt: 0,
            force: self.forced,
            submitted_at_ms: jiff::Timestamp::now().as_millisecond(),
            seen: None,
        };
        let fate = match self.publisher.publish(&job, Route::Level(job.priority)).await? {
            broker::Fate::Accepted => Fate::Accepted(self.clock.seconds()),
            broker::Fate::QueueFull => Fate::Refused,
        };
        Ok(Sent { job: job.job_id, level: job.priority, file, intended: intended.at, fate })
    }

    fn confirmed(&self, done: Result<Sent, RigError>) -> Result<Sent, RigError> {
        let sent = done?;
        self.counts.accepted.fetch_add(u64::from(sent.accepted().is_some()), Ordering::Relaxed);
        Ok(sent)
    }
}
