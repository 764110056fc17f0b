//! Takes tasks, starts the most urgent one whenever a lane is free, and passes on what has ended.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use shared::outcome::End;
use shared::record::Record;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::commit::Uncommitted;
use super::leases::{JobLeases, Leases};
use super::rest::Rests;
use super::run::{Done, Start, run_one, without_root};
use super::settling::Settlements;
use super::supply::{Active, Supply};
use super::{Control, Policy, dead};
use crate::analyst::Analyst;
use crate::gates::Gates;
use crate::metrics;
use crate::ready::Ready;
use crate::source::Receive;
use crate::task::{Completion, Ended, FileWork, Settlement, Task, Unreadable, Work};

/// A job that has waited here for half of RabbitMQ's `consumer_timeout` goes back. The other half is reserve for the broker,
/// which looks once a minute, and for a lane that takes the job in the last moment and has to end it.
const LONGEST_WAIT: u32 = 2;

/// A job that was handed out so often goes back as a fresh message, by way of the shortest retry tier: where urgent work goes
/// on for days, giving it back each time would bring it to the broker's limit of 50 deliveries although nothing is wrong.
const DELIVERIES_TO_RENEW: u32 = 10;

/// Where what has ended goes.
pub(super) struct Outbox {
    /// To the loop that commits.
    pub(super) results: UnboundedSender<Uncommitted>,
    /// To the loop that settles.
    pub(super) settlements: UnboundedSender<Settlements>,
}

pub(super) struct Dispatch {
    ready: Ready,
    running: JoinSet<Done>,
    /// The files of `running`.
    active: Vec<Active>,
    /// Dead letters that are looked into. They take no lane, and the source's window bounds them.
    inquests: JoinSet<Done>,
    leases: Leases,
    analyst: Arc<Analyst>,
    policy: Policy,
    control: Control,
    outbox: Outbox,
    supply: Supply,
    rests: Rests,
    /// The gates are closed: nothing is taken in.
    paused: bool,
    draining: bool,
}

impl Dispatch {
    pub(super) fn new(
        analyst: Arc<Analyst>,
        policy: Policy,
        control: Control,
        outbox: Outbox,
        supply: Supply,
    ) -> Self {
        let rests = Rests::new(policy.pace);
        let leases = Leases::new(control.held.clone());
        Self {
            ready: Ready::new(policy.levels.count(), policy.aging),
            running: JoinSet::new(),
            active: Vec::new(),
            inquests: JoinSet::new(),
            leases,
            analyst,
            policy,
            control,
            outbox,
            supply,
            rests,
            paused: false,
            draining: false,
        }
    }

    /// Returns when nothing more comes, waits or runs. Dropping `self` then ends the other loops.
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
        for task in self.supply.look(&mut self.ready, &self.active, receiver) {
            self.give_back(task);
        }
        self.give_back_overdue();
    }

    /// What has waited here for too long, as low jobs do under `PRIORITY_MODE=strict` while high ones keep coming. RabbitMQ
    /// would close the channel, and all that this worker holds of the level would be delivered elsewhere.
    fn give_back_overdue(&mut self) {
        let longest = self.policy.consumer_timeout.map(|timeout| timeout / LONGEST_WAIT);
        let Some(then) = longest.and_then(|longest| Instant::now().checked_sub(longest)) else { return };
        let overdue = self.ready.take_received_by(then);
        if !overdue.is_empty() {
            tracing::info!(
                jobs = overdue.len(),
                waited_seconds = longest.map(|longest| longest.as_secs()),
                "given back: they have waited here for half of CONSUMER_TIMEOUT"
            );
        }
        for task in overdue {
            match renewed(&task) {
                Some(settlement) => self.settle_waiting(task, settlement),
                None => self.give_back(task),
            }
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
            let leases = JobLeases::single(task.ticket);
            return self.pass_on(leases, Completion::Settle(Settlement::GiveBack));
        }
        let Some(task) = self.leases.admit(task) else { return };
        let level = self.policy.levels.name(task.level);
        match task.work {
            Work::Unreadable(unreadable) => {
                let mut ended = Box::new(refused(*unreadable, self.analyst.worker.clone()));
                ended.record.priority = Some(level.to_owned());
                self.pass_on(JobLeases::single(task.ticket), Completion::Store(ended));
            }
            Work::Dead(letter) => {
                let job = Some(letter.job.job_id);
                let (analyst, stop) = (Arc::clone(&self.analyst), self.control.stop.clone());
                let settling = dead::settle(analyst, letter, level, self.policy.tiers, stop.clone());
                self.inquests.spawn(async move {
                    let settled = tokio::select! {
                        biased;
                        settled = AssertUnwindSafe(settling).catch_unwind() => settled,
                        () = stop.stopped_now() => Ok(Completion::Settle(Settlement::GiveBack)),
                    };
                    // A fault of ours is no reason to lose what is nearly lost already.
                    let completion = settled.unwrap_or(Completion::Settle(Settlement::GiveBack));
                    Done { job, ticket: task.ticket, completion, active: None }
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
            let active = Active { begun: Instant::now(), level: task.level };
            let (tiers, consumer_timeout) = (self.policy.tiers, self.policy.consumer_timeout);
            let start =
                Start { ticket: task.ticket, work, redelivered, level, tiers, active, consumer_timeout };
            if let Some(completion) = without_root(&self.analyst, &self.control, &start) {
                start.work.target().inspect(|target| self.analyst.ahead.give_up(target));
                self.release(Done { job, ticket: start.ticket, completion, active: None });
                continue;
            }
            metrics::started(&start.work, level);
            self.active.push(active);
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
        self.settle_waiting(task, Settlement::GiveBack);
    }

    /// Settles a job that has not started.
    fn settle_waiting(&mut self, task: Task, settlement: Settlement) {
        if let Work::File(work) = &task.work {
            work.target().inspect(|target| self.analyst.ahead.give_up(target));
        }
        let (job, completion) = (task.work.job_id(), Completion::Settle(settlement));
        self.release(Done { job, ticket: task.ticket, completion, active: None });
    }

    fn finished(&mut self, ended: Result<Done, tokio::task::JoinError>) {
        match ended {
            Ok(done) => {
                if let Some(active) = done.active {
                    self.supply.ended(active.begun);
                    self.rests.after(active.begun);
                    if let Some(place) = self.active.iter().position(|other| *other == active) {
                        self.active.swap_remove(place);
                    }
                }
                self.release(done);
            }
            // Panics are caught inside; what is left is an abort, and nobody aborts. The broker delivers it again.
            Err(error) => tracing::error!(%error, "a task was lost in this worker"),
        }
    }

    fn release(&mut self, done: Done) {
        let leases = self.leases.release(done.job, done.ticket);
        self.pass_on(leases, done.completion);
    }

    /// Only what is to be stored waits for the store.
    fn pass_on(&self, leases: JobLeases, completion: Completion) {
        let is_sent = match completion {
            Completion::Store(ended) => self.outbox.results.send(Uncommitted { ended, leases }).is_ok(),
            Completion::Settle(settlement) => self.outbox.settlements.send(leases.settle(settlement)).is_ok(),
        };
        if !is_sent {
            // A loop behind us is gone; what was not settled is delivered again.
            self.control.stop.now();
        }
    }
}

/// The same job as a fresh message, where it has been handed out too often to be given back.
fn renewed(task: &Task) -> Option<Settlement> {
    let Work::File(work) = &task.work else { return None };
    let job = work.job.as_ref().filter(|_| work.deliveries >= DELIVERIES_TO_RENEW)?;
    Some(Settlement::Retry { tier: 0, job: Box::new(job.clone()), trace: work.trace })
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
