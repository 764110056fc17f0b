//! The parts that need no server.

use std::hint::black_box;
use std::time::{Duration, Instant};

use shared::job::{BatchId, Job};
use shared::record::Record;
use shared::store::Known;
use tokio::time::Instant as TokioInstant;
use worker::ready::Ready;
use worker::task::{FileWork, Task, Ticket, Work};

use super::part::Part;
use crate::bench::{LEVELS, Meter, Round, job};
use crate::rig::{RigError, io};

/// PRIORITY_AGING as it comes.
const AGING: Duration = Duration::from_secs(30);

/// Jobs that wait while others come and go: more than any worker's windows hold together.
const WAITING: u64 = 1000;

/// The clock is read after so many operations: reading it would be most of what is measured otherwise.
const BETWEEN_LOOKS: u64 = 64;

/// What the rounds work on, made once.
pub(super) struct Local {
    heap: Ready,
    job: Job,
    message: Vec<u8>,
    known: Known,
    report: Vec<u8>,
}

impl Local {
    pub(super) fn new(record: &Record) -> Result<Self, RigError> {
        let job = job(BatchId::new(), 1);
        let message = job.encode().map_err(|error| io("a job")(std::io::Error::other(error)))?;
        let known = Known::of(record).ok_or_else(|| RigError::NotReady("the sample has no report".into()))?;
        let report = encode(&known)?;
        let mut heap = Ready::new(usize::from(LEVELS), Some(AGING));
        (0..WAITING).for_each(|number| heap.push(task(number)));
        Ok(Self { heap, job, message, known, report })
    }

    /// Bytes of a job's message and of a stored report.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.message.len(), self.report.len())
    }

    /// One round; the part is one of those without a server.
    pub(super) fn round(&mut self, part: Part, time: Duration) -> Round {
        match part {
            Part::JobEncode => until(time, || drop(black_box(self.job.encode()))),
            Part::JobDecode => until(time, || drop(black_box(Job::decode(&self.message)))),
            Part::ReportEncode => until(time, || drop(black_box(encode(&self.known)))),
            Part::ReportDecode => until(time, || drop(black_box(decode(&self.report)))),
            _ => until(time, || {
                // As in the pipeline: the clock is read for every start.
                if let Some(mut task) = self.heap.pop(TokioInstant::now()) {
                    task.ticket.tag += WAITING;
                    self.heap.push(task);
                }
            }),
        }
    }
}

fn encode(known: &Known) -> Result<Vec<u8>, RigError> {
    rmp_serde::to_vec_named(known).map_err(|error| io("a report")(std::io::Error::other(error)))
}

fn decode(bytes: &[u8]) -> Option<Known> {
    rmp_serde::from_slice(bytes).ok()
}

fn task(number: u64) -> Task {
    let job = job(BatchId::new(), number);
    let work = FileWork {
        shown: job.file.to_bytes(),
        root: None,
        path: job.file.path.clone(),
        attempt: 0,
        force: false,
        deliveries: 0,
        seen: None,
        trace: None,
        job: Some(job.clone()),
    };
    Task {
        ticket: Ticket { stream: 0, epoch: 0, tag: number },
        level: job.priority,
        redelivered: false,
        received: TokioInstant::now(),
        work: Work::File(Box::new(work)),
    }
}

fn until(time: Duration, mut operation: impl FnMut()) -> Round {
    let (meter, begun, mut done) = (Meter::start(), Instant::now(), 0);
    while begun.elapsed() < time {
        (0..BETWEEN_LOOKS).for_each(|_| operation());
        done += BETWEEN_LOOKS;
    }
    meter.stop(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_local_part_does_something() {
        let record = super::super::samples::record(&crate::rig::Repository::find().unwrap().samples).unwrap();
        let mut local = Local::new(&record).unwrap();
        for part in Part::all().into_iter().filter(Part::is_local) {
            let round = local.round(part, Duration::from_millis(5));
            assert!(
                round.operations >= BETWEEN_LOOKS && round.seconds >= 0.005,
                "{}: {round:?}",
                part.name()
            );
        }
        assert_eq!(local.heap.len() as u64, WAITING);
        assert!(decode(&local.report).is_some_and(|back| back == local.known));
    }
}
