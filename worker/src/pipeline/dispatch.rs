//! Takes tasks, starts the most urgent one whenever a lane is free, and passes on what has ended.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use shared::outcome::End;
use shared::record::Record;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::leases::Leases;
use super::rest::Rests;
use super::run::{Done, Start, run_one, without_root};
use super::supply::Supply;
use super::{Control, Policy, dead};
use crate::analyst::Analyst;
use crate::gates::Gates;
use crate::metrics;
use crate::ready::Ready;
use crate::source::Receive;
use crate::task::{Completed, Completion, Ended, FileWork, Settlement, Task, Ticket, Unreadable, Work};

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
    running: JoinSet<Done>,
    /// Dead letters that are looked into. They take no lane, and the source's window bounds them.
    inquests: JoinSet<Done>,
    leases: Leases,
    analyst: Arc<Analyst>,
    policy: Policy,
    control: Control,
    completed: UnboundedSender<Completed>,
    supply: Supply,
    rests: Rests,
    /// The gates are closed: nothing is taken in.
    paused: bool,
    draining: bool,
}

impl Dispatch {
    pub(super) fn new(
        ready: Ready,
        analyst: Arc<Analyst>,
        policy: Policy,
        control: Control,
        completed: UnboundedSender<Completed>,
        supply: Supply,
    ) -> Self {
        let rests = Rests::new(policy.pace);
        let leases = Leases::new(control.held.clone());
        Self {
            ready,
            running: JoinSet::new(),
            inquests: JoinSet::new(),
            leases,
            analyst,
            policy,
            control,
            completed,
            supply,
            rests,
            paused: false,
            draining: false,
        }
    }

    /// Returns when nothing more comes, waits or runs. Dropping `self` then ends the closing loop.
    pub(super) async fn run(mut self, receiver: &mut impl Receive) {
        let (stop, mut gates) = (self.control.stop.clone(), self.control.gates.clone());
        let mut receiving = true;
        while receiving || !self.is_idle() {
            self.heed_gates(receiver);
            self.start_ready();
            self.read_ahead();
            self.control.heartbeat.beat();
            metrics::jobs(self.ready.len(), self.running.len());
            self.supply.note(self.ready.len(), self.running.len() + self.rests.len(), receiver);
            tokio::select! {
                () = stop.draining(), if !self.draining => {
                    self.draining = true;
                    receiver.stop().await;
                    self.give_back_waiting();
                }
                Some(ended) = self.running.join_next() => self.finished(ended),
                Some(ended) = self.inquests.join_next() => self.finished(ended),
                task = receiver.next(), if receiving => match task {
                    Some(task) => self.take(task),
                    None => receiving = false,
                },
                () = gates.changed() => {}
                () = self.rests.over() => {}
                // Shows that the loop lives, too, when there is nothing to do.
                () = self.supply.due() => self.look_at_supply(receiver),
            }
        }
    }

    /// What is held in excess others may have.
    fn look_at_supply(&mut self, receiver: &mut impl Receive) {
        let excess = self.supply.look(self.ready.len(), receiver);
        for task in (0..excess).map_while(|_| self.ready.pop_last()).collect::<Vec<_>>() {
            self.give_back(task);
        }
    }

    fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.running.is_empty() && self.inquests.is_empty()
    }

    /// While nothing can be read or stored, others may have what waits here. What runs is finished, and its end waits.
    fn heed_gates(&mut self, receiver: &mut impl Receive) {
        let closed = self.control.gates.closed();
        if self.draining || closed.is_some() == self.paused {
            return;
        }
        self.paused = closed.is_some();
        receiver.pause(self.paused);
        match closed {
            Some(reason) => {
                tracing::warn!(reason, given_back = self.ready.len(), "taking no work");
                self.give_back_waiting();
            }
            None => tracing::info!("taking work again"),
        }
    }

    fn take(&mut self, task: Task) {
        let held = self.leases.holds(task.work.job_id());
        if (self.draining || self.paused) && !held {
            return self.complete(task.ticket, Completion::Settle(Settlement::GiveBack));
        }
        let Some(task) = self.leases.admit(task) else { return };
        let level = self.policy.levels.name(task.level);
        match task.work {
            Work::Unreadable(unreadable) => {
                let mut ended = Box::new(refused(*unreadable, self.analyst.worker.clone()));
                ended.record.priority = Some(level.to_owned());
                self.complete(task.ticket, Completion::Store(ended));
            }
            Work::Dead(letter) => {
                let job = Some(letter.job.job_id);
                let settling =
                    dead::settle(Arc::clone(&self.analyst), letter, level, self.control.stop.clone());
                self.inquests.spawn(async move {
                    let settled = AssertUnwindSafe(settling).catch_unwind().await;
                    // A fault of ours is no reason to lose what is nearly lost already.
                    let completion = settled.unwrap_or(Completion::Settle(Settlement::GiveBack));
                    Done { job, ticket: task.ticket, completion, begun: None }
                });
            }
            work @ Work::File(_) => self.ready.push(Task { work, ..task }),
        }
    }

    fn start_ready(&mut self) {
        while self.running.len() + self.rests.len() < self.policy.lanes
            && let Some(task) = self.ready.pop(Instant::now())
        {
            let level = self.policy.levels.name(task.level);
            let job = task.work.job_id();
            let redelivered = task.redelivered || self.leases.was_redelivered(job);
            let Work::File(work) = task.work else { continue };
            let start = Start { ticket: task.ticket, work, redelivered, level, tiers: self.policy.tiers };
            if let Some(completion) = without_root(&self.analyst, &self.control.gates, &start) {
                start.work.target().inspect(|target| self.analyst.ahead.give_up(target));
                self.release(Done { job, ticket: start.ticket, completion, begun: None });
                continue;
            }
            metrics::started(&start.work, level);
            self.running.spawn(run_one(Arc::clone(&self.analyst), self.control.clone(), start));
        }
    }

    /// Tells the reader what comes next. A root that is away is not touched.
    fn read_ahead(&self) {
        let (ahead, gates) = (&self.analyst.ahead, &self.control.gates);
        let horizon = ahead.horizon();
        if horizon > 0 {
            let there = self.ready.upcoming().filter_map(|task| match &task.work {
                Work::File(work) if is_reachable(gates, work) => work.target(),
                _ => None,
            });
            ahead.upcoming(there.take(horizon));
        }
    }

    fn give_back_waiting(&mut self) {
        for task in self.ready.drain().collect::<Vec<_>>() {
            self.give_back(task);
        }
    }

    fn give_back(&mut self, task: Task) {
        if let Work::File(work) = &task.work {
            work.target().inspect(|target| self.analyst.ahead.give_up(target));
        }
        let (job, completion) = (task.work.job_id(), Completion::Settle(Settlement::GiveBack));
        self.release(Done { job, ticket: task.ticket, completion, begun: None });
    }

    fn finished(&mut self, ended: Result<Done, tokio::task::JoinError>) {
        self.supply.ended();
        match ended {
            Ok(done) => {
                if let Some(begun) = done.begun {
                    self.rests.after(begun);
                }
                self.release(done);
            }
            // Panics are caught inside; what is left is an abort, and nobody aborts. The broker delivers it again.
            Err(error) => tracing::error!(%error, "a task was lost in this worker"),
        }
    }

    fn release(&mut self, done: Done) {
        for completed in self.leases.release(done.job, done.ticket, done.completion) {
            self.pass_on(completed);
        }
    }

    fn complete(&self, ticket: Ticket, completion: Completion) {
        self.pass_on(Completed { ticket, completion });
    }

    fn pass_on(&self, completed: Completed) {
        if self.completed.send(completed).is_err() {
            // The closing loop has failed and says why; what was not settled is delivered again.
            self.control.stop.now();
        }
    }
}

fn is_reachable(gates: &Gates, work: &FileWork) -> bool {
    work.job.as_ref().is_none_or(|job| gates.away(&job.file.root).is_none())
}

fn refused(unreadable: Unreadable, worker: Option<String>) -> Ended {
    let mut record = Record::new(b"", End::Failed(unreadable.kind));
    record.detail = Some(unreadable.detail);
    record.job_id = Some(unreadable.job_id);
    record.batch_id = Some(unreadable.batch_id);
    record.worker = worker;
    Ended { message: Some(unreadable.body), trace: unreadable.trace, ..Ended::new(record, None) }
}
