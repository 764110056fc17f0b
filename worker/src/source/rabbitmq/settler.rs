//! The settling half: acknowledgements together, retries through their tier, give-backs one by one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use shared::broker::lapin::options::{BasicAckOptions, BasicNackOptions};
use shared::broker::lapin::{self, Acker};
use shared::broker::{BrokerError, Fate, Publisher, Route, answered};
use shared::job::{Job, TraceContext};
use tokio::task::JoinSet;
use tracing::field::display;

use super::ledger::{Ack, Ledger};
use super::lock;
use crate::metrics;
use crate::source::Settle;
use crate::task::{Settlement, Ticket};

/// A stop waits this long for a broker that is away.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// A dead letter whose level is full is offered again this much later. It is held meanwhile: given back to the dead queue
/// it would come again at once.
const REVIVE_AGAIN: Duration = Duration::from_secs(5);

/// The settling half.
#[derive(Debug)]
pub struct RabbitSettler {
    publisher: Publisher,
    ledgers: Vec<Arc<Mutex<Ledger>>>,
    /// Retries under way: the broker's word on one may take long, and the acknowledgements behind it need not wait.
    retries: JoinSet<()>,
}

impl RabbitSettler {
    pub(super) fn new(publisher: Publisher, ledgers: Vec<Arc<Mutex<Ledger>>>) -> Self {
        Self { publisher, ledgers, retries: JoinSet::new() }
    }

    async fn acknowledge(&self, tickets: Vec<Vec<Ticket>>) {
        let mut acks = Vec::new();
        for (ledger, tickets) in self.ledgers.iter().zip(&tickets) {
            let (some, lost) = lock(ledger).acks(tickets);
            metrics::lost_leases(lost);
            acks.extend(some);
        }
        join_all(acks.into_iter().map(ack)).await;
    }

    fn take(&self, ticket: Ticket) -> Option<Taken> {
        let ledger = self.ledgers.get(ticket.stream)?;
        let acker = lock(ledger).take(&ticket);
        if acker.is_none() {
            metrics::lost_leases(1);
        }
        Some(Taken { acker: acker?, ledger: Arc::clone(ledger), ticket })
    }
}

/// A delivery that is settled apart from the others. Until it is, no acknowledgement reaches over it.
struct Taken {
    acker: Acker,
    ledger: Arc<Mutex<Ledger>>,
    ticket: Ticket,
}

impl Taken {
    async fn ack(self) {
        let sent = self.acker.ack(BasicAckOptions { multiple: false });
        note(answered(&self.acker, sent).await, 1);
        lock(&self.ledger).settled(&self.ticket);
    }

    async fn give_back(self) {
        let sent = self.acker.nack(BasicNackOptions { requeue: true, multiple: false });
        note(answered(&self.acker, sent).await, 1);
        lock(&self.ledger).settled(&self.ticket);
    }
}

impl Settle for RabbitSettler {
    async fn settle(&mut self, settled: Vec<(Ticket, Settlement)>) {
        let mut acks: Vec<Vec<Ticket>> = self.ledgers.iter().map(|_| Vec::new()).collect();
        let mut give_backs = Vec::new();
        for (ticket, settlement) in settled {
            match settlement {
                Settlement::Ack => {
                    if let Some(of_stream) = acks.get_mut(ticket.stream) {
                        of_stream.push(ticket);
                    }
                }
                Settlement::GiveBack => give_backs.extend(self.take(ticket)),
                Settlement::Retry { tier, job, trace } => {
                    if let Some(taken) = self.take(ticket) {
                        let again = Again { publisher: self.publisher.clone(), taken, job, trace };
                        self.retries.spawn(again.retry(tier));
                    }
                }
                Settlement::Revive { job, revivals, trace } => {
                    if let Some(taken) = self.take(ticket) {
                        let again = Again { publisher: self.publisher.clone(), taken, job, trace };
                        self.retries.spawn(again.revive(revivals));
                    }
                }
            }
        }
        self.acknowledge(acks).await;
        join_all(give_backs.into_iter().map(Taken::give_back)).await;
        while self.retries.try_join_next().is_some() {}
    }

    async fn close(mut self) {
        let finished = async { while self.retries.join_next().await.is_some() {} };
        // What the broker has not confirmed by then was not acknowledged either: it comes again.
        if tokio::time::timeout(CLOSE_WITHIN, finished).await.is_err() {
            tracing::warn!("stopped before the broker had confirmed every retry");
        }
    }
}

async fn ack(ack: Ack) {
    let sent = ack.acker.ack(BasicAckOptions { multiple: ack.covers > 1 });
    note(answered(&ack.acker, sent).await, ack.covers);
}

/// Pauses between two tries to publish again what RabbitMQ refuses (an exchange that is gone for good, a permission that was
/// revoked). The message is kept meanwhile: given back it would come again at once, and each time is counted against the
/// delivery limit of its queue.
const REFUSED_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A job that is published again. That first, and acknowledged after: in between there are two, never none.
struct Again {
    publisher: Publisher,
    taken: Taken,
    job: Box<Job>,
    trace: Option<TraceContext>,
}

impl Again {
    async fn retry(self, tier: usize) {
        match self.until_taken(How::Retry { tier }).await {
            Ok(Fate::Accepted) => self.taken.ack().await,
            Ok(Fate::QueueFull) | Err(_) => self.taken.give_back().await,
        }
    }

    async fn revive(self, revivals: u16) {
        loop {
            match self.until_taken(How::Revive { revivals }).await {
                Ok(Fate::Accepted) => return self.taken.ack().await,
                Ok(Fate::QueueFull) => tokio::time::sleep(REVIVE_AGAIN).await,
                Err(_) => return self.taken.give_back().await,
            }
        }
    }

    /// Publishes until RabbitMQ says what became of it. An error is one of the message itself.
    async fn until_taken(&self, how: How) -> Result<Fate, BrokerError> {
        let mut pause = REFUSED_AGAIN.0;
        loop {
            let error = match self.publish(how).await {
                Ok(fate) => return Ok(fate),
                Err(error) => error,
            };
            let Job { job_id, batch_id, file, .. } = &*self.job;
            let trace_id = self.trace.map(|trace| display(trace.trace_id()));
            tracing::warn!(%job_id, %batch_id, %file, trace_id, %error, "a job cannot be published again yet, it is kept");
            if matches!(error, BrokerError::Encode(_)) {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(REFUSED_AGAIN.1);
            if let Err(error) = self.publisher.restore().await {
                tracing::debug!(%error, "what is missing cannot be made again");
            }
        }
    }

    async fn publish(&self, how: How) -> Result<Fate, BrokerError> {
        match how {
            How::Retry { tier } => {
                let route = Route::Retry { tier, level: self.job.priority };
                self.publisher.publish_in(self.trace, &self.job, route).await
            }
            How::Revive { revivals } => self.publisher.revive(self.trace, &self.job, revivals).await,
        }
    }
}

/// How a job is published again.
#[derive(Debug, Clone, Copy)]
enum How {
    /// Through a retry tier.
    Retry { tier: usize },
    /// To its level, for the `revivals`th time as a dead letter.
    Revive { revivals: u16 },
}

/// `Ok(false)` and an error mean the same: the connection is gone, the message will come again, and a second end of a job
/// changes nothing.
fn note(sent: Result<bool, lapin::Error>, covers: usize) {
    match sent {
        Ok(true) => {}
        Ok(false) => metrics::lost_leases(covers),
        Err(error) => {
            tracing::debug!(%error, "an acknowledgement was lost");
            metrics::lost_leases(covers);
        }
    }
}
