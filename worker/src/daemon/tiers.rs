//! Retries that do not come back: noted in Redis when they are sent, and sent again when they are overdue.
//!
//! The broker moves a retry from the queue of its tier to the queue of its level. It may stop doing so without a word: one
//! message with a forged `x-death` header ends that part of a RabbitMQ 3.10 node, somebody purges the queue of a tier, a
//! policy drops from it. The note of such a retry stays, its level's queue is empty, and still no worker is given the job:
//! then a worker publishes it to its level itself. The copy that the broker may have comes later or never; a job has one end
//! either way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shared::broker::{Broker, Fate, Publisher, Route, answered};
use shared::job::{Job, JobId, Priority};
use shared::store::{SentRetry, Store, StoreError};
use shared::topology::Topology;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tracing::{debug, warn};

use crate::metrics;
use crate::source::{Queues, Receive, Settle};
use crate::task::{Settlement, Task, Ticket, Work};

/// Between two looks for overdue retries; more often where they are overdue earlier. Each is one short question to Redis
/// while no retry is on its way.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Notes that wait for Redis. A retry costs its worker milliseconds at least, so that these are many seconds of nothing but
/// retries; at 400 bytes each they take 4 MB.
const NOTES: usize = 10_000;

/// Retries that one look sends again. There is another look after a moment.
const SENT_AT_ONCE: usize = 100;

/// A broker that does not answer by then is asked at the next look.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What it takes to find overdue retries and to send them again.
pub(super) struct TierWatch {
    pub(super) store: Store,
    pub(super) broker: Broker,
    pub(super) publisher: Publisher,
    pub(super) topology: Topology,
    /// A retry is overdue when it should have been back for so long (`WEDGE_TIMEOUT`).
    pub(super) overdue_after: Duration,
}

/// Lets the retries that pass through these two be watched, until both are dropped.
pub(super) fn watch<R: Receive, S: Settle>(
    receiver: R,
    settler: S,
    watch: TierWatch,
) -> (WatchedReceiver<R>, WatchedSettler<S>) {
    let (sender, notes) = mpsc::channel(NOTES);
    let lost = Arc::new(AtomicU64::new(0));
    let book = Notebook { sender, lost: Arc::clone(&lost), delays: watch.topology.retry_delays.clone() };
    let look_every = LOOK_EVERY.min(watch.overdue_after / 4);
    let (sent, returned) = (BTreeMap::new(), BTreeSet::new());
    // Whoever starts does not know whether Redis was away.
    let watcher = Watcher { watch, notes, lost, sent, returned, look_every, redis_failed: Instant::now() };
    tokio::spawn(watcher.run());
    (WatchedReceiver { inner: receiver, book: book.clone() }, WatchedSettler { inner: settler, book })
}

/// What happens to retries, in order.
enum Note {
    Sent(SentRetry, Instant),
    Returned(JobId),
}

/// Where the pipeline's halves put what they see. It never waits: the work goes on without a note.
#[derive(Clone)]
struct Notebook {
    sender: mpsc::Sender<Note>,
    lost: Arc<AtomicU64>,
    delays: Vec<Duration>,
}

impl Notebook {
    fn put(&self, note: Note) {
        if self.sender.try_send(note).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn received(&self, task: &Task) {
        let job = match &task.work {
            // A job without an attempt may have had one: its retry was refused, and so it was given back.
            Work::File(work) if work.attempt > 0 || task.redelivered => work.job.as_ref(),
            Work::Dead(letter) => Some(&letter.job),
            Work::File(_) | Work::Unreadable(_) => None,
        };
        if let Some(job) = job {
            self.put(Note::Returned(job.job_id));
        }
    }

    fn settled(&self, settlement: &Settlement) {
        let Settlement::Retry { tier, job, .. } = settlement else { return };
        let Some(delay) = self.delays.get(*tier) else { return };
        self.put(Note::Sent(SentRetry { job: Job::clone(job), delay: *delay }, Instant::now()));
    }
}

/// The receiving half, watched.
pub(super) struct WatchedReceiver<R> {
    inner: R,
    book: Notebook,
}

impl<R: Receive> Receive for WatchedReceiver<R> {
    async fn next(&mut self) -> Option<Task> {
        let task = self.inner.next().await?;
        self.book.received(&task);
        Some(task)
    }

    fn pause(&mut self, paused: bool) {
        self.inner.pause(paused);
    }

    fn hold(&mut self, reserve: usize) {
        self.inner.hold(reserve);
    }

    fn window(&self, stream: usize) -> Option<usize> {
        self.inner.window(stream)
    }

    fn is_crowded(&self, running: usize) -> bool {
        self.inner.is_crowded(running)
    }

    fn queues(&self) -> Queues {
        self.inner.queues()
    }

    async fn stop(&mut self) {
        self.inner.stop().await;
    }
}

/// The settling half, watched.
pub(super) struct WatchedSettler<S> {
    inner: S,
    book: Notebook,
}

impl<S: Settle> Settle for WatchedSettler<S> {
    async fn settle(&mut self, settled: Vec<(Ticket, Settlement)>) {
        settled.iter().for_each(|(_, settlement)| self.book.settled(settlement));
        self.inner.settle(settled).await;
    }

    async fn close(self) {
        self.inner.close().await;
    }
}

struct Watcher {
    watch: TierWatch,
    notes: mpsc::Receiver<Note>,
    lost: Arc<AtomicU64>,
    /// What Redis has yet to hear: the last that happened to each job.
    sent: BTreeMap<JobId, (SentRetry, Instant)>,
    returned: BTreeSet<JobId>,
    look_every: Duration,
    /// When Redis did not answer last.
    redis_failed: Instant,
}

impl Watcher {
    async fn run(mut self) {
        let mut tick = interval(self.look_every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let room = NOTES.saturating_sub(self.sent.len() + self.returned.len());
            let mut notes = Vec::new();
            tokio::select! {
                count = self.notes.recv_many(&mut notes, room), if room > 0 => {
                    notes.into_iter().for_each(|note| self.take_down(note));
                    self.note().await;
                    if count == 0 {
                        return;
                    }
                }
                _ = tick.tick() => {
                    self.note().await;
                    self.look().await;
                }
            }
        }
    }

    fn take_down(&mut self, note: Note) {
        match note {
            Note::Sent(retry, at) => {
                self.returned.remove(&retry.job.job_id);
                self.sent.insert(retry.job.job_id, (retry, at));
            }
            Note::Returned(job) => {
                self.sent.remove(&job);
                self.returned.insert(job);
            }
        }
    }

    /// What Redis does not take now, it is told again at the next look.
    async fn note(&mut self) {
        if self.sent.is_empty() && self.returned.is_empty() {
            return;
        }
        let left = |(retry, at): &(SentRetry, Instant)| SentRetry {
            delay: retry.delay.saturating_sub(at.elapsed()),
            job: retry.job.clone(),
        };
        let sent: Vec<SentRetry> = self.sent.values().map(left).collect();
        let returned: Vec<JobId> = self.returned.iter().copied().collect();
        match self.watch.store.note_retries(&sent, &returned).await {
            Ok(()) => {
                self.sent.clear();
                self.returned.clear();
            }
            Err(error) => {
                debug!(%error, "retries are not noted yet");
                self.redis_failed = Instant::now();
            }
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            warn!(
                lost,
                "retries were not noted because Redis is away or slow: nobody sees whether they come back"
            );
        }
    }

    async fn look(&mut self) {
        // Nothing is published now, and a channel for the question would hang as well.
        if self.watch.broker.is_blocked() {
            return;
        }
        if let Err(error) = self.send_overdue().await {
            debug!(%error, "overdue retries are not known");
            self.redis_failed = Instant::now();
        }
    }

    async fn send_overdue(&self) -> Result<(), StoreError> {
        let TierWatch { store, overdue_after, .. } = &self.watch;
        // After a Redis that was away every worker has its notes of what came back to tell first.
        if store.noted_retries().await? == 0 || self.redis_failed.elapsed() < 2 * self.look_every {
            return Ok(());
        }
        // A retry may wait in its level's queue for its turn, as long as there is a queue.
        let empty = timeout(ANSWER_WITHIN, self.empty_levels()).await.unwrap_or_default();
        if empty.is_empty() {
            return Ok(());
        }
        let overdue = store.take_overdue_retries(*overdue_after, SENT_AT_ONCE).await?;
        let (mut sent, mut ended) = (0_u64, Vec::new());
        for job in overdue.iter().filter(|job| empty.contains(&self.level(job))) {
            if store.history(job.batch_id, job.job_id).await?.ended {
                ended.push(job.job_id);
            } else if self.send(job).await {
                sent += 1;
            }
        }
        if sent > 0 {
            warn!(
                retries = sent,
                "rabbitmq does not bring retries back from their queues: they were published again (see the runbook, \
                 AnalysisRetriesOverdue)"
            );
        }
        store.note_retries(&[], &ended).await
    }

    async fn send(&self, job: &Job) -> bool {
        let level = self.level(job);
        let sending = self.watch.publisher.publish(job, Route::Level(level));
        match timeout(ANSWER_WITHIN, sending).await {
            Ok(Ok(Fate::Accepted)) => {
                metrics::overdue_retry();
                return true;
            }
            Ok(Ok(Fate::QueueFull)) => debug!("the level of an overdue retry is full"),
            Ok(Err(error)) => debug!(%error, "an overdue retry was not accepted"),
            Err(_) => debug!("an overdue retry was not confirmed"),
        }
        false
    }

    /// A job of a fleet with more levels is served as one of the lowest.
    fn level(&self, job: &Job) -> Priority {
        job.priority.min(self.watch.topology.levels.lowest())
    }

    /// Levels in whose queues nothing waits. None when the broker does not say.
    async fn empty_levels(&self) -> Vec<Priority> {
        let TierWatch { broker, topology, .. } = &self.watch;
        let Ok(channel) = broker.channel().await else { return Vec::new() };
        let Ok(depths) = topology.depths(&channel).await else { return Vec::new() };
        let _closed_anyway = answered(&channel, channel.close(200, "done".into())).await;
        let is_empty = |level: &Priority| {
            let queue = topology.level_queue(*level);
            depths.iter().any(|depth| depth.queue == queue && depth.ready == 0 && depth.is_certain)
        };
        topology.levels.iter().filter(is_empty).collect()
    }
}
