//! One batch on its way to the broker: the window of jobs under way, the batch's counter in Redis, and its orderly end.
//! It knows no file system and does not decide the exit status.

use std::io::{self, Write};
use std::pin::pin;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use shared::broker::Broker;
use shared::job::{BatchId, FileRef, Job, JobId, Priority, Seen};
use shared::store::{Accepting, BatchHead, Store, StoreError};
use shared::topology::Topology;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::feed::Item;
use super::tally::Tally;
use crate::audience::Audience;
use crate::failure::Failure;
use crate::publish::{Delivery, Fared, LAST_CONFIRMS, Narrator, TICK, now_ms};
use crate::screen::Screen;

/// The batch's counter in Redis is behind by a second at most: watchers divide by it.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// A producer that has nothing to count says so often that it is at work: what gives no sign of life is taken for killed.
const SIGN_EVERY: Duration = Duration::from_secs(10);

/// Jobs counted in one call: Redis does nothing else for 6 ms.
const MOST_COUNTED: usize = 1000;

/// Accepted jobs that are remembered by name while Redis is away. Of those beyond, only the number is counted then: where
/// their messages are lost, they cannot be published again.
const MOST_NAMED: usize = 100_000;

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
    /// Whether Redis has lost data of the batch meanwhile.
    pub(super) data_lost: bool,
}

struct Run<'a> {
    session: &'a Session,
    begun: Instant,
    tally: Tally,
    narrator: Narrator,
    /// The batch, once there is one.
    head: Option<BatchHead>,
    /// Jobs that the broker has and Redis has not heard of.
    uncounted: Uncounted,
    data_lost: bool,
    /// Whether more files are wanted.
    taking: bool,
    /// When what is under way is given up; set by the first signal or the first fatal error.
    deadline: Option<Instant>,
    counted_at: Instant,
    redis_away: bool,
}

/// Jobs that are accepted and not yet counted in Redis.
#[derive(Debug, Default)]
struct Uncounted {
    jobs: Vec<Job>,
    /// Those of which only the number is remembered.
    others: u64,
}

impl Uncounted {
    fn add(&mut self, job: Job) {
        if self.jobs.len() < MOST_NAMED {
            self.jobs.push(job);
        } else {
            self.others += 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.others == 0
    }

    /// What is counted with the next call.
    fn take(&mut self) -> Self {
        let rest = self.jobs.split_off(self.jobs.len().min(MOST_COUNTED));
        Self { jobs: std::mem::replace(&mut self.jobs, rest), others: std::mem::take(&mut self.others) }
    }

    /// The call has failed.
    fn put_back(&mut self, part: Self) {
        self.others += part.others;
        part.jobs.into_iter().for_each(|job| self.add(job));
    }
}

impl Session {
    /// Publishes every file that comes, then closes the batch.
    pub(super) async fn run(&self, mut found: mpsc::Receiver<Item>) -> Result<Ending, Failure> {
        let mut run = Run::new(self);
        let (mut under_way, mut counting) = (FuturesUnordered::new(), FuturesUnordered::new());
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looking = pin!(self.audience.watch(Some(&self.broker), &self.store));
        while run.taking || !under_way.is_empty() {
            tokio::select! {
                never = &mut looking => match never {},
                // Never more under way than the window: the queue's limit is soft by as much, and so is our memory.
                item = found.recv(), if run.taking && under_way.len() < self.window => match item {
                    Some(Item::File(file, seen)) => {
                        run.create_batch().await?;
                        self.audience.needs_root(&file.root);
                        let job = self.job(file, seen);
                        under_way.push(async move { (self.delivery.deliver(&job).await, job, seen.bytes) });
                    }
                    other => run.other(other),
                },
                Some((fared, job, bytes)) = under_way.next() => run.fared(fared, job, bytes),
                Some((part, result)) = counting.next() => {
                    run.counted(part, &result);
                    if let Some((head, part)) = run.due_count() {
                        counting.push(self.count(head, part));
                    }
                }
                _ = tick.tick() => {
                    run.narrate();
                    if counting.is_empty() && let Some((head, part)) = run.due_count() {
                        counting.push(self.count(head, part));
                    }
                }
                () = self.delivery.stop.cancelled(), if run.deadline.is_none() => run.halt(),
                () = sleep_until(run.deadline.unwrap_or(run.begun)), if run.deadline.is_some() => break,
            }
        }
        run.tally.unconfirmed += under_way.len() as u64;
        drop(under_way);
        // An increment that arrived after the seal would count twice.
        while let Some((part, result)) = counting.next().await {
            run.counted(part, &result);
        }
        run.end().await
    }

    async fn count(&self, head: BatchHead, part: Uncounted) -> (Uncounted, Result<Accepting, StoreError>) {
        let result = self.store.accept(&head, &part.jobs, part.others).await;
        (part, result)
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

    /// Says in Redis which jobs were accepted last, and that no more will come. Returns whether Redis has lost data of the
    /// batch.
    async fn seal(&self, head: &BatchHead, mut last: Uncounted, accepted: u64) -> Result<bool, Failure> {
        let end = Instant::now() + SEAL_PATIENCE;
        let mut told = false;
        loop {
            let error = match self.try_to_seal(head, &mut last, accepted).await {
                Ok(data_lost) => return Ok(data_lost),
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

    async fn try_to_seal(
        &self,
        head: &BatchHead,
        last: &mut Uncounted,
        accepted: u64,
    ) -> Result<bool, StoreError> {
        while !last.is_empty() {
            let part = last.take();
            if let Err(error) = self.store.accept(head, &part.jobs, part.others).await {
                last.put_back(part);
                return Err(error);
            }
        }
        self.store.seal(head, accepted).await
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
            head: None,
            uncounted: Uncounted::default(),
            data_lost: false,
            taking: true,
            deadline: None,
            counted_at: begun,
            redis_away: false,
        }
    }

    /// Before the first job is published: no end may come before its batch.
    async fn create_batch(&mut self) -> Result<(), Failure> {
        self.tally.files += 1;
        if self.head.is_some() {
            return Ok(());
        }
        let Session { store, batch, label, .. } = self.session;
        let created_ms = now_ms();
        store.create_batch(*batch, label, created_ms).await?;
        self.head = Some(BatchHead { batch_id: *batch, label: Some(label.clone()), created_ms });
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
            Some(Item::SameProblem) => self.tally.problems += 1,
            Some(Item::Over(summary)) => self.tally.over(&summary),
            Some(Item::Unchanged(files)) => self.tally.unchanged(files),
            Some(Item::File(..)) => {}
        }
    }

    fn fared(&mut self, fared: Fared, job: Job, bytes: u64) {
        let delivery = &self.session.delivery;
        match &fared {
            Fared::Refused if delivery.on_full == crate::cli::OnFull::Fail => self.taking = false,
            Fared::Failed(_) => delivery.stop.cancel(),
            _ => {}
        }
        let accepted = matches!(fared, Fared::Accepted);
        self.tally.fared(fared, &job.file, bytes, &self.session.screen);
        if accepted {
            self.uncounted.add(job);
        }
    }

    fn halt(&mut self) {
        self.taking = false;
        self.deadline = Some(Instant::now() + LAST_CONFIRMS);
    }

    fn narrate(&mut self) {
        let Session { broker, delivery, .. } = self.session;
        self.narrator.tick(broker, &delivery.door, self.tally.accepted);
    }

    /// Jobs that Redis should hear of now; none of them where it should only hear that we are at work.
    fn due_count(&mut self) -> Option<(BatchHead, Uncounted)> {
        let head = self.head.clone()?;
        let silence = self.counted_at.elapsed();
        let many = self.uncounted.jobs.len() >= MOST_COUNTED && !self.redis_away;
        let sign_every = if self.redis_away { COUNT_EVERY } else { SIGN_EVERY };
        let due = many || (silence >= COUNT_EVERY && !self.uncounted.is_empty()) || silence >= sign_every;
        due.then(|| {
            self.counted_at = Instant::now();
            (head, self.uncounted.take())
        })
    }

    /// The next count makes up for one that failed, and the seal sets it right in any case.
    fn counted(&mut self, part: Uncounted, result: &Result<Accepting, StoreError>) {
        let screen = &self.session.screen;
        match result {
            Ok(Accepting { cancelled, data_lost }) => {
                if *cancelled && !self.tally.cancelled {
                    self.tally.cancelled = true;
                    self.session.delivery.stop.cancel();
                }
                if std::mem::take(&mut self.redis_away) {
                    screen.line("Redis is back");
                }
                if *data_lost && !self.data_lost {
                    self.data_lost = true;
                    screen.line("Redis has lost its data; enqueueing goes on, the batch is made anew");
                }
            }
            Err(error) => {
                self.uncounted.put_back(part);
                if !self.redis_away {
                    screen.line(&format!("{error}; enqueueing goes on, the batch is counted up later"));
                    self.redis_away = true;
                }
            }
        }
    }

    async fn end(mut self) -> Result<Ending, Failure> {
        let is_given_up = self.session.delivery.stop.is_cancelled() || self.tally.skipped > 0;
        let waited = self.narrator.finish(self.tally.accepted, is_given_up);
        if let Some(head) = &self.head {
            let last = std::mem::take(&mut self.uncounted);
            self.data_lost |= self.session.seal(head, last, self.tally.accepted).await?;
        }
        Ok(Ending {
            created: self.head.is_some(),
            data_lost: self.data_lost,
            interrupted: self.session.signal.is_cancelled(),
            elapsed: self.begun.elapsed(),
            waited,
            tally: self.tally,
        })
    }
}
