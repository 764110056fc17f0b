//! One batch on its way to the broker: the window of jobs under way, the batch's counter in Redis, and its orderly end.
//! It knows no file system and does not decide the exit status.

use std::io::{self, Write};
use std::pin::pin;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use shared::broker::Broker;
use shared::job::{BatchId, FileRef, Job, JobId, Priority, Seen};
use shared::store::{Store, StoreError};
use shared::topology::Topology;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::feed::Item;
use super::tally::Tally;
use crate::audience::Audience;
use crate::failure::Failure;
use crate::publish::{Delivery, Fared, LAST_CONFIRMS, Narrator, TICK, keep_mended, now_ms};
use crate::screen::Screen;

/// The batch's counter in Redis is behind by a second at most: watchers divide by it.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// A batch that is not closed is watched for ever, so Redis may take this long to come back.
const SEAL_PATIENCE: Duration = Duration::from_secs(60);

/// Everything one run needs.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) label: String,
    pub(super) batch: BatchId,
    pub(super) level: Priority,
    pub(super) force: bool,
    pub(super) topology: Topology,
    pub(super) window: usize,
    pub(super) delivery: Delivery,
    pub(super) broker: Broker,
    pub(super) store: Store,
    pub(super) signal: CancellationToken,
    pub(super) screen: Screen,
    pub(super) audience: Audience,
    /// Whether the batch's id is written to standard output as soon as there is one.
    pub(super) print_id: bool,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) tally: Tally,
    /// Whether there is a batch: there is none without a file.
    pub(super) created: bool,
    pub(super) interrupted: bool,
    pub(super) elapsed: Duration,
    pub(super) waited: Duration,
}

struct Run<'a> {
    session: &'a Session,
    begun: Instant,
    tally: Tally,
    narrator: Narrator,
    created: bool,
    /// Whether more files are wanted.
    taking: bool,
    /// When what is under way is given up; set by the first signal or the first fatal error.
    deadline: Option<Instant>,
    counted: u64,
    counted_at: Instant,
    redis_away: bool,
}

impl Session {
    /// Publishes every file that comes, then closes the batch.
    pub(super) async fn run(&self, mut found: mpsc::Receiver<Item>) -> Result<Ending, Failure> {
        let mut run = Run::new(self);
        let (mut under_way, mut counting) = (FuturesUnordered::new(), FuturesUnordered::new());
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut mending = pin!(keep_mended(&self.broker, &self.delivery.publisher));
        let mut looking = pin!(self.audience.watch(Some(&self.broker), &self.store));
        while run.taking || !under_way.is_empty() {
            tokio::select! {
                never = &mut looking => match never {},
                never = &mut mending => match never {},
                // Never more under way than the window: the queue's limit is soft by as much, and so is our memory.
                item = found.recv(), if run.taking && under_way.len() < self.window => match item {
                    Some(Item::File(file, seen)) => {
                        run.create_batch().await?;
                        self.audience.needs_root(&file.root);
                        let job = self.job(file, seen);
                        under_way.push(async move { (self.delivery.deliver(&job).await, job.file, seen.bytes) });
                    }
                    other => run.other(other),
                },
                Some((fared, file, bytes)) = under_way.next() => run.fared(fared, &file, bytes),
                Some((jobs, result)) = counting.next() => run.counted(jobs, &result),
                _ = tick.tick() => {
                    run.narrate();
                    if let Some(jobs) = run.due_count().filter(|_| counting.is_empty()) {
                        counting.push(async move { (jobs, self.store.count_accepted(self.batch, jobs).await) });
                    }
                }
                () = self.delivery.stop.cancelled(), if run.deadline.is_none() => run.halt(),
                () = sleep_until(run.deadline.unwrap_or(run.begun)), if run.deadline.is_some() => break,
            }
        }
        run.tally.unconfirmed += under_way.len() as u64;
        drop(under_way);
        // An increment that arrived after the seal would count twice.
        while counting.next().await.is_some() {}
        run.end().await
    }

    fn job(&self, file: FileRef, seen: Seen) -> Job {
        Job {
            job_id: JobId::new(),
            batch_id: self.batch,
            priority: self.level,
            file,
            attempt: 0,
            force: self.force,
            submitted_at_ms: now_ms(),
            seen: seen.is_settled(SystemTime::now()).then_some(seen),
        }
    }

    /// Says in Redis that no more jobs will come.
    async fn seal(&self, accepted: u64) -> Result<(), Failure> {
        let end = Instant::now() + SEAL_PATIENCE;
        let mut told = false;
        loop {
            let error = match self.store.seal_batch(self.batch, accepted).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if Instant::now() >= end || !matches!(error, StoreError::Unreachable { .. }) {
                let batch = self.batch;
                return Err(Failure::Unavailable(format!(
                    "{error}\n  {accepted} jobs are in the queue and will be worked on, but batch {batch} could not be \
                     closed: `producer watch` will not see its end"
                )));
            }
            if !told {
                self.screen.line(&format!("{error}; waiting to close the batch"));
                told = true;
            }
            tokio::time::sleep(TICK).await;
        }
    }
}

impl<'a> Run<'a> {
    fn new(session: &'a Session) -> Self {
        let narrator = Narrator::new(session.screen.clone(), session.topology.clone());
        let begun = Instant::now();
        Self {
            session,
            begun,
            tally: Tally::default(),
            narrator,
            created: false,
            taking: true,
            deadline: None,
            counted: 0,
            counted_at: begun,
            redis_away: false,
        }
    }

    /// Before the first job is published: no end may come before its batch.
    async fn create_batch(&mut self) -> Result<(), Failure> {
        self.tally.files += 1;
        if self.created {
            return Ok(());
        }
        let Session { store, batch, label, .. } = self.session;
        store.create_batch(*batch, label, now_ms()).await?;
        self.created = true;
        if self.session.print_id {
            let mut out = io::stdout().lock();
            // That nobody reads the id is no reason to stop.
            let _nobody_reads = writeln!(out, "{batch}").and_then(|()| out.flush());
        }
        Ok(())
    }

    fn other(&mut self, item: Option<Item>) {
        match item {
            None => self.taking = false,
            Some(Item::Problem(text)) => self.tally.problem(&text, &self.session.screen),
            Some(Item::Over(summary)) => self.tally.over(&summary),
            Some(Item::Unchanged(files)) => self.tally.unchanged(files),
            Some(Item::File(..)) => {}
        }
    }

    fn fared(&mut self, fared: Fared, file: &FileRef, bytes: u64) {
        let delivery = &self.session.delivery;
        match &fared {
            Fared::Refused if delivery.on_full == crate::cli::OnFull::Fail => self.taking = false,
            Fared::Failed(_) => delivery.stop.cancel(),
            _ => {}
        }
        self.tally.fared(fared, file, bytes, &self.session.screen);
    }

    fn halt(&mut self) {
        self.taking = false;
        self.deadline = Some(Instant::now() + LAST_CONFIRMS);
    }

    fn narrate(&mut self) {
        let Session { broker, delivery, .. } = self.session;
        self.narrator.tick(broker, &delivery.door, self.tally.accepted);
    }

    /// Jobs that Redis should hear of now.
    fn due_count(&mut self) -> Option<u64> {
        let jobs = self.tally.accepted - self.counted;
        let due = self.created && jobs > 0 && self.counted_at.elapsed() >= COUNT_EVERY;
        if due {
            self.counted_at = Instant::now();
        }
        due.then_some(jobs)
    }

    /// The next count makes up for one that failed, and the seal sets it right in any case.
    fn counted(&mut self, jobs: u64, result: &Result<bool, StoreError>) {
        let screen = &self.session.screen;
        match result {
            Ok(cancelled) => {
                self.counted += jobs;
                if *cancelled && !self.tally.cancelled {
                    self.tally.cancelled = true;
                    self.session.delivery.stop.cancel();
                }
                if std::mem::take(&mut self.redis_away) {
                    screen.line("Redis is back");
                }
            }
            Err(error) if !self.redis_away => {
                screen.line(&format!("{error}; enqueueing goes on, the batch is counted up later"));
                self.redis_away = true;
            }
            Err(_) => {}
        }
    }

    async fn end(mut self) -> Result<Ending, Failure> {
        let waited = self.narrator.finish(self.tally.accepted);
        if self.created {
            self.session.seal(self.tally.accepted).await?;
        }
        Ok(Ending {
            created: self.created,
            interrupted: self.session.signal.is_cancelled(),
            elapsed: self.begun.elapsed(),
            waited,
            tally: self.tally,
        })
    }
}
