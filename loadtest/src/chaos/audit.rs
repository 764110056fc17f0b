//! The judgement: what producers were told against what is stored. A pure function of the evidence.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shared::outcome::{FailureKind, Kind, Outcome};
use shared::record::Record;

use super::books::Book;
use super::faults::Injected;
use super::media::Accepted;
use super::schedule::{Fault, Server, Wire};
use super::submit::{Numbers, Submission};

/// A failure may be stored this long after the fault that caused it was healed: the retry tiers of a run take 7 s, a time
/// limit 6 s, and a store that was away is tried again within 10 s.
const AFTERMATH_MS: i64 = 60_000;

/// Clocks of one machine, read a little apart.
const SLACK_MS: i64 = 1_000;

/// So many interruptions a job must have met before it may be given up as one that kills its workers.
const DEATHS: usize = 3;

/// Findings that are spelt out; the rest is counted.
const SPELT_OUT: usize = 20;

/// What is judged.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) submissions: Vec<Submission>,
    pub(crate) books: Vec<Book>,
    pub(crate) faults: Vec<Injected>,
    /// By path as records name it: how the file may end by itself.
    pub(crate) files: BTreeMap<String, Vec<Accepted>>,
    /// Messages left in queues, by queue.
    pub(crate) queued: BTreeMap<String, u32>,
    /// What workers did that nobody asked for.
    pub(crate) unasked: Vec<String>,
    /// Workers that did not answer, or did not end when they were told to.
    pub(crate) hung: u64,
    /// Processes that are still there.
    pub(crate) survivors: Vec<u32>,
}

/// The judgement.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Verdict {
    pub(crate) batches: u64,
    /// Jobs that a producer was told are in the queue.
    pub(crate) accepted: u64,
    /// Jobs that have an end.
    pub(crate) ended: u64,
    /// Accepted, and without an end.
    pub(crate) lost: u64,
    /// Ends or counts beyond one for a job.
    pub(crate) doubled: u64,
    /// Workers that did not answer, or did not end when they were told to.
    pub(crate) hung: u64,
    /// Ends that neither the file nor a fault explains.
    pub(crate) unexplained: u64,
    /// Ends by outcome or kind of failure.
    pub(crate) ends: BTreeMap<String, u64>,
    /// Failures that only a fault explains.
    pub(crate) by_faults: u64,
    /// Jobs that were tried more than once.
    pub(crate) retried: u64,
    pub(crate) findings: Vec<String>,
    /// Findings beyond those spelt out.
    pub(crate) more_findings: u64,
}

impl Verdict {
    pub(crate) fn passes(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, what: String) {
        if self.findings.len() < SPELT_OUT {
            self.findings.push(what);
        } else {
            self.more_findings += 1;
        }
    }
}

/// Judges.
pub(crate) fn audit(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict { hung: evidence.hung, ..Verdict::default() };
    let books: BTreeMap<&str, &Book> =
        evidence.books.iter().map(|book| (book.state.label.as_str(), book)).collect();
    for submission in &evidence.submissions {
        batch(&mut verdict, submission, books.get(submission.label.as_str()).copied());
        producer(&mut verdict, submission, &evidence.faults);
    }
    let known: BTreeSet<&str> =
        evidence.submissions.iter().map(|submission| submission.label.as_str()).collect();
    for book in &evidence.books {
        if !known.contains(book.state.label.as_str()) {
            verdict.find(format!("a batch that nobody submitted: '{}'", book.state.label));
        }
        accounts(&mut verdict, book);
        for record in &book.records {
            end(&mut verdict, evidence, record);
        }
    }
    for (queue, count) in evidence.queued.iter().filter(|(_, count)| **count > 0) {
        verdict.find(format!("{count} messages are left in {queue}"));
    }
    evidence.unasked.iter().for_each(|what| verdict.find(what.clone()));
    evidence.survivors.iter().for_each(|pid| verdict.find(format!("process {pid} is still there")));
    for fault in &evidence.faults {
        if let Some(wrong) = &fault.wrong {
            verdict.find(format!("{}: {wrong}", fault.planned.fault.kind()));
        }
        if fault.recovery_seconds.is_none() {
            verdict.find(format!("no job ended after {} {}", fault.planned.fault.kind(), fault.target));
        }
    }
    verdict
}

/// What one producer was told against what is stored of its batch.
fn batch(verdict: &mut Verdict, submission: &Submission, book: Option<&Book>) {
    let label = &submission.label;
    let ended = book.map_or(0, |book| book.records.len() as u64);
    let (accepted, most) = match &submission.numbers {
        Some(numbers) => (numbers.accepted, numbers.accepted + numbers.unconfirmed),
        // It died, or a server did: what it last wrote down is what it knew to be accepted.
        None => (book.map_or(0, |book| book.state.accepted), submission.files.len() as u64),
    };
    verdict.batches += u64::from(book.is_some());
    verdict.accepted += accepted;
    verdict.ended += ended;
    if ended < accepted {
        verdict.lost += accepted - ended;
        verdict.find(format!("{label}: {} of {accepted} accepted jobs have no end", accepted - ended));
    }
    if ended > most {
        verdict.doubled += ended - most;
        verdict.find(format!("{label}: {ended} ends of at most {most} jobs"));
    }
    let Some(book) = book else { return };
    let mut files: BTreeMap<&str, u64> = submission.files.iter().map(|file| (file.as_str(), 0)).collect();
    for record in &book.records {
        match files.get_mut(record.path.as_str()) {
            Some(count) => *count += 1,
            None => verdict.find(format!("{label}: an end of '{}', which was not submitted", record.path)),
        }
    }
    for (file, count) in files.into_iter().filter(|(_, count)| *count > 1) {
        verdict.doubled += count - 1;
        verdict.find(format!("{label}: {file} has {count} ends"));
    }
}

/// A producer that ended by itself has told the truth and left nothing out.
fn producer(verdict: &mut Verdict, submission: &Submission, faults: &[Injected]) {
    let (label, said) = (&submission.label, &submission.said);
    match (&submission.numbers, submission.code) {
        _ if submission.killed => {}
        (_, Some(code)) if code != 0 && names_its_exchange(submission, faults) => {}
        (Some(numbers), Some(0)) if numbers.accepted == submission.files.len() as u64 => {}
        // The exit status of a server that went away; it says so, and what was accepted is in the books.
        (_, Some(69)) => {}
        (Some(numbers), code) => {
            let Numbers { accepted, unconfirmed, skipped, failed, .. } = numbers;
            verdict.find(format!(
                "{label}: exit {code:?}, {accepted} accepted, {unconfirmed} unconfirmed, {skipped} skipped, {failed} \
                 failed: {said}"
            ));
        }
        (None, code) => verdict.find(format!("{label}: the producer ended with {code:?}: {said}")),
    }
}

/// Whether it gave up for want of an exchange, or of a permission, that was gone while it ran, and said which.
fn names_its_exchange(submission: &Submission, faults: &[Injected]) -> bool {
    let was_gone = |fault: &Injected| {
        matches!(fault.planned.fault, Fault::DeleteExchange | Fault::RevokePermission)
            && fault.began_ms <= submission.ended_ms + SLACK_MS
            && submission.began_ms <= fault.healed_ms + SLACK_MS
    };
    // An exchange that has just been made again may not have its bindings yet.
    let says_which =
        ["exchange", "no queue takes messages"].iter().any(|words| submission.said.contains(words));
    says_which && faults.iter().any(was_gone)
}

/// The accounts of a batch agree: events, jobs, counters and the index of failures.
fn accounts(verdict: &mut Verdict, book: &Book) {
    let label = &book.state.label;
    let events = book.records.len() as u64;
    let mut by_job: BTreeMap<String, u64> = BTreeMap::new();
    for record in &book.records {
        *by_job.entry(record.job_id.map_or_else(String::new, |id| id.to_string())).or_default() += 1;
    }
    for (job, count) in by_job.iter().filter(|(_, count)| **count > 1) {
        verdict.doubled += count - 1;
        verdict.find(format!("{label}: job {job} has {count} ends"));
    }
    if book.jobs != events {
        verdict.find(format!("{label}: {} jobs have ended in {events} events", book.jobs));
    }
    for outcome in Outcome::ALL {
        let stored = book.records.iter().filter(|record| record.outcome == *outcome).count() as u64;
        let counted = book.state.outcomes.get(outcome).copied().unwrap_or(0);
        verdict.doubled += counted.saturating_sub(stored);
        if stored != counted {
            verdict.find(format!("{label}: {stored} ends are {outcome}, {counted} are counted"));
        }
    }
    let failed = book.records.iter().filter(|record| record.outcome == Outcome::Failed).count() as u64;
    if book.failures != failed {
        verdict.find(format!("{label}: {failed} failures, {} in their index", book.failures));
    }
}

/// Whether the file or a fault explains an end.
fn end(verdict: &mut Verdict, evidence: &Evidence, record: &Record) {
    let kind = record.kind.filter(|_| record.outcome == Outcome::Failed);
    let code = kind.map_or(record.outcome.code(), Kind::code);
    *verdict.ends.entry(code.to_owned()).or_default() += 1;
    verdict.retried += u64::from(record.attempts > 1);
    let by_file = evidence.files.get(&record.path).is_some_and(|accepted| {
        accepted
            .iter()
            .any(|end| end.outcome == record.outcome.code() && end.kind.as_deref() == kind.map(Kind::code))
    });
    if by_file {
        return;
    }
    let by_fault = match kind {
        Some(Kind::Failure(kind)) => explained(evidence, record, kind),
        _ => false,
    };
    if by_fault {
        verdict.by_faults += 1;
        return;
    }
    verdict.unexplained += 1;
    let (worker, detail) = (record.worker.as_deref().unwrap_or("-"), record.detail.as_deref().unwrap_or("-"));
    let (path, at) = (&record.path, &record.finished_at);
    verdict.find(format!("unexplained: {path} ended as {code} on {worker} at {at}: {detail}"));
}

fn explained(evidence: &Evidence, record: &Record, kind: FailureKind) -> bool {
    let finished =
        record.finished_at.parse::<jiff::Timestamp>().map_or(i64::MAX, |time| time.as_millisecond());
    let before = |fault: &&Injected| fault.began_ms - SLACK_MS <= finished;
    let recent = |fault: &&Injected| finished <= fault.healed_ms + AFTERMATH_MS;
    let mut earlier = evidence.faults.iter().filter(before);
    if kind == FailureKind::CrashLoop {
        // Starts are counted since the job came: how long ago its workers died does not matter.
        return earlier.map(|fault| interruptions(fault.planned.fault)).sum::<usize>() >= DEATHS;
    }
    earlier.any(|fault| recent(&fault) && causes(fault.planned.fault, kind, record.worker.as_deref()))
}

/// Whether a fault can end a job of that worker in this kind of failure.
fn causes(fault: Fault, kind: FailureKind, on: Option<&str>) -> bool {
    let here = |worker: usize| on == Some(format!("worker-{worker}").as_str());
    match (kind, fault) {
        (FailureKind::Timeout, Fault::StopLane { worker } | Fault::StopWorker { worker })
        | (
            FailureKind::Crash | FailureKind::OutOfMemory,
            Fault::KillLane { worker } | Fault::StopLogReader { worker } | Fault::IdleConnections { worker },
        ) => here(worker),
        // Two of them take the root away as well, so that there is something to publish again.
        (FailureKind::RootUnavailable, Fault::HideRoot | Fault::DeleteExchange | Fault::RevokePermission)
        | (
            FailureKind::StoreUnavailable,
            Fault::KillRedis
            | Fault::KillMaster
            | Fault::StopMaster
            | Fault::Wire { server: Server::Redis, .. },
        ) => true,
        _ => false,
    }
}

/// How often a fault can take a job from a worker in the middle of it.
const fn interruptions(fault: Fault) -> usize {
    match fault {
        Fault::KillWorker { .. }
        | Fault::StopWorker { .. }
        | Fault::TerminateWorker { .. }
        | Fault::KillRabbitmq
        | Fault::KillNode { .. }
        | Fault::PartitionNode { .. }
        | Fault::CloseConnections => 1,
        // Every second or two, as long as it lasts.
        Fault::CloseChannels => DEATHS,
        Fault::Wire { server: Server::Rabbitmq, wire: Wire::Delay, .. } => 0,
        Fault::Wire { server: Server::Rabbitmq, .. } => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
