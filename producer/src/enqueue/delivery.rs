//! One file to the broker, and what to do when its queue is full. It counts nothing for the user and prints nothing.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use shared::broker::{BrokerError, Fate, Publisher, Route};
use shared::job::{BatchId, FileRef, Job, JobId, Priority};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::cli::{EnqueueArgs, OnFull};

/// Pauses between two tries at a full queue. The longest keeps a fleet busy that empties a queue of 50 jobs in a quarter
/// of a second; four refused messages a second are no load.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// What became of one file.
#[derive(Debug)]
pub(super) enum Fared {
    /// The broker has it.
    Accepted,
    /// Its queue was full, and the user does not want to wait.
    Refused(FileRef),
    /// It waited for room until the user stopped us.
    GivenUp,
    /// The broker cannot take any.
    Failed(BrokerError),
}

/// Where the jobs of one batch go. Any number of deliveries may be under way at once.
#[derive(Debug)]
pub(super) struct Delivery {
    publisher: Publisher,
    pub(super) batch: BatchId,
    level: Priority,
    force: bool,
    pub(super) on_full: OnFull,
    /// Cancelled when nobody wants to wait for room any more.
    pub(super) stop: CancellationToken,
    pub(super) door: Door,
}

/// The full queue, as seen from outside.
#[derive(Debug, Default)]
pub(super) struct Door {
    /// Only one of the waiting deliveries tries: 256 of them would flood the broker with messages to refuse.
    turn: Mutex<()>,
    waiting: Cell<usize>,
    refused_at: Cell<Option<Instant>>,
}

impl Delivery {
    /// For a new batch.
    pub(super) fn new(
        publisher: Publisher,
        level: Priority,
        args: &EnqueueArgs,
        stop: CancellationToken,
    ) -> Self {
        let (batch, force, on_full) = (BatchId::new(), args.force, args.on_full);
        Self { publisher, batch, level, force, on_full, stop, door: Door::default() }
    }

    pub(super) async fn deliver(&self, file: FileRef) -> Fared {
        let job = self.job(file);
        match self.try_once(&job).await {
            Ok(Fate::Accepted) => Fared::Accepted,
            Ok(Fate::QueueFull) if self.on_full == OnFull::Wait => self.wait_for_room(&job).await,
            Ok(Fate::QueueFull) => Fared::Refused(job.file),
            Err(error) => Fared::Failed(error),
        }
    }

    async fn try_once(&self, job: &Job) -> Result<Fate, BrokerError> {
        let fate = self.publisher.publish(job, Route::Level(self.level)).await;
        if matches!(fate, Ok(Fate::QueueFull)) {
            self.door.refused_at.set(Some(Instant::now()));
        }
        fate
    }

    async fn wait_for_room(&self, job: &Job) -> Fared {
        let _waiting = self.door.enter();
        let _turn = tokio::select! {
            turn = self.door.turn.lock() => turn,
            () = self.stop.cancelled() => return Fared::GivenUp,
        };
        let mut pause = PAUSES.0;
        loop {
            match self.try_once(job).await {
                Ok(Fate::Accepted) => return Fared::Accepted,
                Ok(Fate::QueueFull) => {}
                Err(error) => return Fared::Failed(error),
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSES.1),
                () = self.stop.cancelled() => return Fared::GivenUp,
            }
        }
    }

    fn job(&self, file: FileRef) -> Job {
        Job {
            job_id: JobId::new(),
            batch_id: self.batch,
            priority: self.level,
            file,
            attempt: 0,
            force: self.force,
            submitted_at_ms: now_ms(),
        }
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

impl Door {
    /// Whether somebody waits, or did so a moment ago: a queue at its limit has room again and again.
    pub(super) fn is_crowded(&self, linger: Duration) -> bool {
        self.waiting.get() > 0 || self.refused_at.get().is_some_and(|at| at.elapsed() < linger)
    }

    fn enter(&self) -> Waiting<'_> {
        self.waiting.set(self.waiting.get() + 1);
        Waiting(self)
    }
}

struct Waiting<'a>(&'a Door);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get().saturating_sub(1));
    }
}
