//! One job to the broker, and what to do when its queue is full. It counts nothing for the user and prints nothing.

use std::cell::Cell;
use std::time::{Duration, Instant};

use shared::broker::{BrokerError, Fate, Publisher, Route};
use shared::job::{Job, Priority};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::field::display;

use crate::cli::OnFull;

/// Pauses between two tries at a full queue. The longest keeps a fleet busy that empties a queue of 50 jobs in a quarter
/// of a second; four refused messages a second are no load.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// What became of one job.
#[derive(Debug)]
pub(crate) enum Fared {
    /// The broker has it.
    Accepted,
    /// Its queue was full, and the user does not want to wait.
    Refused,
    /// It waited for room until the user stopped us.
    GivenUp,
    /// The broker cannot take any.
    Failed(BrokerError),
}

/// Where jobs go. Any number of deliveries may be under way at once.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) publisher: Publisher,
    pub(crate) on_full: OnFull,
    /// Cancelled when nobody wants to wait for room any more.
    pub(crate) stop: CancellationToken,
    pub(crate) door: Door,
}

/// The full queue, as seen from outside.
#[derive(Debug, Default)]
pub(crate) struct Door {
    /// Only one of the waiting deliveries tries: 256 of them would flood the broker with messages to refuse.
    turn: Mutex<()>,
    waiting: Cell<usize>,
    refused: Cell<Option<(Priority, Instant)>>,
}

impl Delivery {
    pub(crate) fn new(publisher: Publisher, on_full: OnFull, stop: CancellationToken) -> Self {
        Self { publisher, on_full, stop, door: Door::default() }
    }

    pub(crate) async fn deliver(&self, job: &Job) -> Fared {
        let fared = self.try_to_deliver(job).await;
        let Job { job_id, batch_id, file, .. } = job;
        let trace_id = job.own_trace().map(|trace| display(trace.trace_id()));
        tracing::debug!(%job_id, %batch_id, %file, trace_id, ?fared, "what became of a job");
        fared
    }

    async fn try_to_deliver(&self, job: &Job) -> Fared {
        match self.try_once(job).await {
            Ok(Fate::Accepted) => Fared::Accepted,
            Ok(Fate::QueueFull) if self.on_full == OnFull::Wait => self.wait_for_room(job).await,
            Ok(Fate::QueueFull) => Fared::Refused,
            Err(error) => Fared::Failed(error),
        }
    }

    async fn try_once(&self, job: &Job) -> Result<Fate, BrokerError> {
        let fate = self.publisher.publish(job, Route::Level(job.priority)).await;
        if matches!(fate, Ok(Fate::QueueFull)) {
            self.door.refused.set(Some((job.priority, Instant::now())));
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
}

impl Door {
    /// The level whose queue is full, if somebody waits, or did so a moment ago: a queue at its limit has room again and
    /// again.
    pub(crate) fn crowded(&self, linger: Duration) -> Option<Priority> {
        let (level, at) = self.refused.get()?;
        (self.waiting.get() > 0 || at.elapsed() < linger).then_some(level)
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
