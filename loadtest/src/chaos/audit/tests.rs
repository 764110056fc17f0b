use std::time::Duration;

use shared::job::{BatchId, JobId};
use shared::outcome::End;
use shared::store::BatchState;

use super::*;
use crate::chaos::schedule::Planned;

const FILE: &str = "music/a.wav";

fn record(end: End) -> Record {
    Record {
        job_id: Some(JobId::new()),
        worker: Some("worker-1".into()),
        ..Record::new(FILE.as_bytes(), end)
    }
}

/// One batch of these ends, counted as they are.
fn book(records: Vec<Record>) -> Book {
    let count = |outcome: Outcome| records.iter().filter(|record| record.outcome == outcome).count() as u64;
    let outcomes: BTreeMap<Outcome, u64> =
        Outcome::ALL.iter().map(|outcome| (*outcome, count(*outcome))).collect();
    let failures = outcomes[&Outcome::Failed];
    let (jobs, accepted) = (records.len() as u64, records.len() as u64);
    let state = BatchState {
        batch_id: BatchId::new(),
        label: "chaos-0".into(),
        created_ms: 0,
        accepted,
        sealed: true,
        outcomes,
        kinds: BTreeMap::new(),
        cached: 0,
        audio_ms: 0,
        bytes: 0,
        cancelled: false,
        retrying: 0,
        counted: true,
        data_lost: false,
        last_sign_ms: None,
    };
    Book { state, records, jobs, failures }
}

fn evidence(book: Book, accepted: u64) -> Evidence {
    let numbers = Numbers { accepted, ..Numbers::default() };
    let submission = Submission {
        label: "chaos-0".into(),
        files: vec![FILE.into(); accepted as usize],
        began_ms: 0,
        ended_ms: i64::MAX - 10_000,
        killed: false,
        code: Some(0),
        numbers: Some(numbers),
        said: String::new(),
    };
    let fine = vec![Accepted { outcome: "ok".into(), kind: None }];
    Evidence {
        submissions: vec![submission],
        books: vec![book],
        files: [(FILE.to_owned(), fine)].into(),
        ..Evidence::default()
    }
}

fn fault(fault: Fault, began_ms: i64) -> Injected {
    let planned = Planned { at: Duration::ZERO, lasts: Duration::ZERO, pick: 0, fault };
    let (target, healed_ms, recovery_seconds) = (String::new(), began_ms + 1000, Some(0.1));
    let longest_pause_seconds = 0.0;
    Injected {
        planned,
        target,
        began_ms,
        healed_ms,
        recovery_seconds,
        longest_pause_seconds,
        note: None,
        wrong: None,
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[test]
fn a_producer_may_give_up_for_want_of_an_exchange_that_it_names() {
    let given_up = |said: &str, faults: Vec<Injected>| {
        let mut evidence = evidence(book(vec![record(End::Ok)]), 1);
        let submission = &mut evidence.submissions[0];
        (submission.code, submission.numbers, submission.said) = (Some(71), None, said.to_owned());
        audit(&Evidence { faults, ..evidence }).passes()
    };
    for gone in [Fault::DeleteExchange, Fault::RevokePermission] {
        assert!(given_up("exchange 'x' is not there", vec![fault(gone, now())]));
        assert!(!given_up("something is wrong", vec![fault(gone, now())]));
    }
    assert!(!given_up("exchange 'x' is not there", vec![fault(Fault::CloseConnections, now())]));
}

#[test]
fn a_clean_run_passes() {
    let verdict = audit(&evidence(book(vec![record(End::Ok)]), 1));
    assert!(verdict.passes(), "{verdict:?}");
    assert_eq!((verdict.accepted, verdict.ended, verdict.ends["ok"]), (1, 1, 1));
}

#[test]
fn an_accepted_job_without_an_end_is_lost() {
    let verdict = audit(&evidence(book(vec![]), 1));
    assert_eq!(verdict.lost, 1);
    assert!(!verdict.passes());
}

#[test]
fn what_was_accepted_of_a_batch_that_is_not_there_is_lost() {
    let mut evidence = evidence(book(vec![]), 2);
    evidence.books.clear();
    assert_eq!(audit(&evidence).lost, 2);
}

#[test]
fn a_killed_producer_is_owed_what_it_had_written_down() {
    let mut evidence = evidence(book(vec![record(End::Ok)]), 3);
    evidence.submissions[0] =
        Submission { killed: true, code: None, numbers: None, ..evidence.submissions[0].clone() };
    assert!(audit(&evidence).passes());
    evidence.books[0].state.accepted = 2;
    assert_eq!(audit(&evidence).lost, 1);
}

#[test]
fn two_ends_of_a_job_or_a_file_are_found() {
    let first = record(End::Ok);
    let twice = audit(&evidence(book(vec![first.clone(), first]), 2));
    assert!(twice.doubled >= 2 && !twice.passes(), "one job and one file twice: {twice:?}");
    assert_eq!(
        audit(&evidence(book(vec![record(End::Ok), record(End::Ok)]), 1)).doubled,
        2,
        "more than accepted"
    );
}

#[test]
fn accounts_that_disagree_are_found() {
    let counted_twice = |edit: fn(&mut Book)| {
        let mut book = book(vec![record(End::Ok)]);
        edit(&mut book);
        audit(&evidence(book, 1)).passes()
    };
    assert!(!counted_twice(|book| *book.state.outcomes.get_mut(&Outcome::Ok).unwrap() = 2));
    assert!(!counted_twice(|book| book.jobs = 0));
    assert!(!counted_twice(|book| book.failures = 1));
}

#[test]
fn a_failure_needs_a_fault_of_its_worker_and_its_time() {
    let judged = |faults: Vec<Injected>, kind| {
        let mut evidence = evidence(book(vec![record(End::Failed(kind))]), 1);
        evidence.faults = faults;
        audit(&evidence).unexplained == 0
    };
    let stop = |worker, ms| fault(Fault::StopLane { worker }, ms);
    assert!(!judged(vec![], FailureKind::Timeout));
    assert!(judged(vec![stop(1, now())], FailureKind::Timeout));
    assert!(!judged(vec![stop(0, now())], FailureKind::Timeout), "another worker");
    assert!(!judged(vec![stop(1, now() - 10 * AFTERMATH_MS)], FailureKind::Timeout), "long ago");
    assert!(!judged(vec![stop(1, now() + 10 * AFTERMATH_MS)], FailureKind::Timeout), "later");
    assert!(judged(vec![fault(Fault::HideRoot, now())], FailureKind::RootUnavailable));
    assert!(!judged(vec![fault(Fault::HideRoot, now())], FailureKind::NotFound), "never not_found");
    let kills = |count: usize| vec![fault(Fault::KillWorker { worker: 0 }, now()); count];
    assert!(judged(kills(3), FailureKind::CrashLoop) && !judged(kills(2), FailureKind::CrashLoop));
}

#[test]
fn what_is_left_behind_is_found() {
    let left = |edit: fn(&mut Evidence)| {
        let mut evidence = evidence(book(vec![record(End::Ok)]), 1);
        edit(&mut evidence);
        audit(&evidence).passes()
    };
    assert!(left(|evidence| evidence.queued = [("q".into(), 0)].into()));
    assert!(!left(|evidence| evidence.queued = [("q".into(), 1)].into()));
    assert!(!left(|evidence| evidence.survivors.push(1)));
    assert!(!left(|evidence| evidence.unasked.push("worker-0 ended unasked".into())));
}
