//! A delivery as a task. Whatever is in it, it becomes work: a message that is no job ends as one that was unreadable.

use shared::broker::lapin::BasicProperties;
use shared::broker::lapin::message::Delivery;
use shared::broker::lapin::types::{AMQPValue, FieldTable};
use shared::broker::{owner, revivals, trace};
use shared::job::{Job, JobError, Priority, TraceContext};
use shared::roots::MediaRoots;
use tokio::time::Instant;

use crate::task::{DeadLetter, FileWork, Task, Ticket, Unreadable, Work};

pub(super) fn task(
    stream: usize,
    epoch: u64,
    tag: u64,
    level: Priority,
    redelivered: bool,
    work: Work,
) -> Task {
    Task { ticket: Ticket { stream, epoch, tag }, level, redelivered, received: Instant::now(), work }
}

/// A message of a level's queue.
pub(super) fn read(delivery: &Delivery, roots: &MediaRoots) -> Work {
    match Job::decode(&delivery.data) {
        Ok(job) => Work::File(Box::new(FileWork {
            shown: job.file.to_bytes(),
            root: roots.get(&job.file.root).map(ToOwned::to_owned),
            path: job.file.path.clone(),
            attempt: job.attempt,
            force: job.force,
            deliveries: deliveries(&delivery.properties),
            seen: None,
            trace: trace_of(delivery, &job),
            job: Some(job),
        })),
        Err(error) => Work::Unreadable(Box::new(unreadable(delivery, &error))),
    }
}

/// A message of the dead queue. Its routing key is still that of its level.
pub(super) fn read_dead(delivery: &Delivery) -> Work {
    let reason = death(&delivery.properties);
    match Job::decode(&delivery.data) {
        Ok(job) => {
            let (trace, revivals) = (trace_of(delivery, &job), revivals(&delivery.properties));
            Work::Dead(Box::new(DeadLetter { job, reason, revivals, trace }))
        }
        Err(error) => {
            let mut unreadable = unreadable(delivery, &error);
            unreadable.detail += &format!(" (the broker had given up on it: {reason})");
            Work::Unreadable(Box::new(unreadable))
        }
    }
}

/// The trace that a producer, not necessarily ours, says the job belongs to; else the job's own.
fn trace_of(delivery: &Delivery, job: &Job) -> Option<TraceContext> {
    trace(&delivery.properties).or_else(|| job.own_trace())
}

/// What a quorum queue says of a message that comes again. A broker that does not say so does not count either.
fn deliveries(properties: &BasicProperties) -> u32 {
    let headers = properties.headers().as_ref().map(FieldTable::inner);
    let count = match headers.and_then(|headers| headers.get("x-delivery-count")) {
        Some(AMQPValue::LongLongInt(count)) => u32::try_from(*count).ok(),
        Some(AMQPValue::LongInt(count)) => u32::try_from(*count).ok(),
        Some(AMQPValue::ShortInt(count)) => u32::try_from(*count).ok(),
        Some(AMQPValue::ShortShortInt(count)) => u32::try_from(*count).ok(),
        _ => None,
    };
    count.unwrap_or(0)
}

/// Why it was dead-lettered, the last time: the broker puts the newest entry of `x-death` first.
fn death(properties: &BasicProperties) -> String {
    let headers = properties.headers().as_ref().map(FieldTable::inner);
    let newest = match headers.and_then(|headers| headers.get("x-death")) {
        Some(AMQPValue::FieldArray(deaths)) => deaths.as_slice().first(),
        _ => None,
    };
    let reason = match newest {
        Some(AMQPValue::FieldTable(death)) => death.inner().get("reason"),
        _ => None,
    };
    match reason {
        Some(AMQPValue::LongString(reason)) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        Some(AMQPValue::ShortString(reason)) => reason.as_str().to_owned(),
        _ => "no reason given".to_owned(),
    }
}

fn unreadable(delivery: &Delivery, error: &JobError) -> Unreadable {
    let (job_id, batch_id) = owner(delivery);
    Unreadable {
        job_id,
        batch_id,
        kind: error.kind(),
        detail: error.to_string(),
        body: delivery.data.clone(),
        trace: trace(&delivery.properties),
    }
}
