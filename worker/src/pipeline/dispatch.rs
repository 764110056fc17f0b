//! Takes tasks, starts the most urgent one whenever a lane is free, and passes on what has ended.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use shared::outcome::{End, FailureKind};
use shared::record::Record;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Policy;
use crate::analyst::{Analyst, Interrupted};
use crate::metrics;
use crate::ready::Ready;
use crate::settle::decide;
use crate::source::Receive;
use crate::stop::Stop;
use crate::task::{Completed, Completion, Ended, FileWork, Settlement, Task, Ticket, Unreadable, Work};

/// How often a loop with nothing to do shows that it lives.
const BEAT: Duration = Duration::from_secs(1);

/// The time of the dispatcher's last turn: a liveness that no other server can spoil.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    origin: Instant,
    last_ms: Arc<AtomicU64>,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { origin: Instant::now(), last_ms: Arc::default() }
    }
}

impl Heartbeat {
    fn beat(&self) {
        self.last_ms.store(self.origin.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Time since the last turn.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.origin.elapsed().saturating_sub(Duration::from_millis(self.last_ms.load(Ordering::Relaxed)))
    }
}

pub(super) struct Dispatch {
    ready: Ready,
    running: JoinSet<Completed>,
    analyst: Arc<Analyst>,
    policy: Policy,
    stop: Stop,
    heartbeat: Heartbeat,
    completed: UnboundedSender<Completed>,
}

impl Dispatch {
    pub(super) fn new(
        ready: Ready,
        analyst: Arc<Analyst>,
        policy: Policy,
        stop: Stop,
        heartbeat: Heartbeat,
        completed: UnboundedSender<Completed>,
    ) -> Self {
        Self { ready, running: JoinSet::new(), analyst, policy, stop, heartbeat, completed }
    }

    /// Returns when nothing more comes, waits or runs. Dropping `self` then ends the closing loop.
    pub(super) async fn run(mut self, receiver: &mut impl Receive) {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut receiving, mut draining) = (true, false);
        while receiving || !self.ready.is_empty() || !self.running.is_empty() {
            self.start_ready();
            self.heartbeat.beat();
            metrics::jobs(self.ready.len(), self.running.len());
            tokio::select! {
                () = self.stop.draining(), if !draining => {
                    draining = true;
                    receiver.stop().await;
                    self.give_back_waiting();
                }
                Some(ended) = self.running.join_next() => self.finished(ended),
                task = receiver.next(), if receiving => match task {
                    Some(task) if draining => self.complete(task.ticket, Completion::Settle(Settlement::GiveBack)),
                    Some(task) => self.take(task),
                    None => receiving = false,
                },
                _ = beat.tick() => {}
            }
        }
    }

    fn take(&mut self, task: Task) {
        match task.work {
            Work::Unreadable(unreadable) => {
                let mut ended = Box::new(refused(*unreadable, self.analyst.worker.clone()));
                ended.record.priority = Some(self.policy.levels.name(task.level).to_owned());
                self.complete(task.ticket, Completion::Store(ended));
            }
            work @ Work::File(_) => self.ready.push(Task { work, ..task }),
        }
    }

    fn start_ready(&mut self) {
        while self.running.len() < self.policy.lanes
            && let Some(task) = self.ready.pop(Instant::now())
        {
            let level = self.policy.levels.name(task.level);
            let Work::File(work) = task.work else { continue };
            metrics::started(&work, level);
            let job = Start { ticket: task.ticket, work, redelivered: task.redelivered, level };
            self.running.spawn(run_one(Arc::clone(&self.analyst), self.stop.clone(), job, self.policy.tiers));
        }
    }

    fn give_back_waiting(&mut self) {
        let waiting: Vec<Ticket> = self.ready.drain().map(|task| task.ticket).collect();
        for ticket in waiting {
            self.complete(ticket, Completion::Settle(Settlement::GiveBack));
        }
    }

    fn finished(&self, ended: Result<Completed, tokio::task::JoinError>) {
        match ended {
            Ok(completed) => self.pass_on(completed),
            // Panics are caught inside; what is left is an abort, and nobody aborts. The broker delivers it again.
            Err(error) => tracing::error!(%error, "a task was lost in this worker"),
        }
    }

    fn complete(&self, ticket: Ticket, completion: Completion) {
        self.pass_on(Completed { ticket, completion });
    }

    fn pass_on(&self, completed: Completed) {
        if self.completed.send(completed).is_err() {
            // The closing loop has failed and says why; what was not settled is delivered again.
            self.stop.now();
        }
    }
}

struct Start {
    ticket: Ticket,
    work: Box<FileWork>,
    redelivered: bool,
    level: &'static str,
}

async fn run_one(analyst: Arc<Analyst>, stop: Stop, start: Start, tiers: usize) -> Completed {
    let Start { ticket, work, redelivered, level } = start;
    let working = AssertUnwindSafe(analyst.work(&work, redelivered)).catch_unwind();
    let ended = tokio::select! {
        biased;
        ended = working => ended.unwrap_or_else(|_| Ok(internal(&work))),
        () = stop.stopped_now() => Err(Interrupted),
    };
    let completion = match ended {
        Ok(mut ended) => {
            ended.record.priority = ended.job.as_ref().map(|_| level.to_owned());
            let completion = decide(ended, tiers);
            if let Completion::Settle(_) = &completion {
                metrics::retried(level);
                // It came to an end of its own, and the next try must not find it under suspicion.
                analyst.forget_start(&work).await;
            }
            completion
        }
        Err(Interrupted) => {
            analyst.forget_start(&work).await;
            Completion::Settle(Settlement::GiveBack)
        }
    };
    Completed { ticket, completion }
}

/// A fault of ours must not lose the task: it ends as one, and the log has the panic's place.
fn internal(work: &FileWork) -> Ended {
    let mut record = Record::new(&work.shown, End::Failed(FailureKind::Internal));
    record.detail = Some("the worker panicked over this job; its log says where".to_owned());
    record.job_id = work.job.as_ref().map(|job| job.job_id);
    record.batch_id = work.job.as_ref().map(|job| job.batch_id);
    Ended { record, job: work.job.clone(), message: None }
}

fn refused(unreadable: Unreadable, worker: Option<String>) -> Ended {
    let mut record = Record::new(b"", End::Failed(unreadable.kind));
    record.detail = Some(unreadable.detail);
    record.job_id = Some(unreadable.job_id);
    record.batch_id = Some(unreadable.batch_id);
    record.worker = worker;
    Ended { record, job: None, message: Some(unreadable.body) }
}
