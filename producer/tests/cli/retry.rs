//! `producer retry`. No worker runs here: the tests take the jobs out of the queues themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::broker::Publisher;
use shared::job::{BatchId, Job, JobId};
use shared::outcome::{End, FailureKind, Outcome};
use shared::record::Record;
use shared::store::{BatchState, Cursor, Finished, RetryId};

use crate::fleet::{Fleet, finished};

fn ids(jobs: &[Job]) -> BTreeSet<JobId> {
    jobs.iter().map(|job| job.job_id).collect()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:04}.mp3")).collect()
}

async fn many_failed(fleet: &Fleet, count: usize) -> (BatchId, Vec<Job>) {
    let names = names(count);
    fleet.failed(FailureKind::Io, &names.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Counters, index and records of a batch agree, and each job is in it once.
async fn assert_true(fleet: &Fleet, batch: BatchId) -> BatchState {
    let state = fleet.store().batch(batch).await.unwrap().unwrap();
    let mut records = Vec::new();
    let mut cursor = Cursor::start();
    loop {
        let page = fleet.store().page(batch, &cursor, 500).await.unwrap();
        records.extend(page.records);
        match page.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    let jobs: BTreeSet<_> = records.iter().filter_map(|record| record.job_id).collect();
    assert_eq!((records.len(), jobs.len()), (state.done() as usize, state.done() as usize), "{state:?}");
    for outcome in Outcome::ALL {
        let count = records.iter().filter(|record| record.outcome == *outcome).count() as u64;
        assert_eq!(state.outcomes[outcome], count, "{outcome}");
    }
    let failed = fleet.store().failures(batch, &Cursor::start(), 10_000).await.unwrap().records.len();
    assert_eq!(failed as u64, state.failed());
    assert_eq!(state.kinds.values().sum::<u64>(), state.failed(), "{state:?}");
    assert_eq!(state.bytes, 1000 * state.done(), "{state:?}");
    state
}

#[tokio::test]
async fn failures_of_a_kind_are_published_as_they_were_submitted() {
    let fleet = Fleet::new();
    let (batch, bad) = fleet.failed(FailureKind::Corrupt, &["a.mp3", "b.mp3"]).await;
    let others = [fleet.job(batch, "c.mp3"), fleet.job(batch, "d.mp3")];
    fleet.end(&others[..1], End::Failed(FailureKind::Io)).await;
    fleet.end(&others[1..], End::Ok).await;
    fleet.store().seal_batch(batch, 4).await.unwrap();
    let mut watching = fleet.start(&["retry", "last", "--kind", "corrupt", "--watch"]);
    watching.expect("2 jobs published again").await;
    watching.expect("2/4").await;
    let state = assert_true(&fleet, batch).await;
    assert_eq!((state.done(), state.failed(), state.retrying, state.is_complete()), (2, 1, 0, false));
    assert_eq!(state.kinds.get("corrupt"), None);

    let jobs = fleet.take("normal", 10).await;
    assert_eq!(ids(&jobs), ids(&bad));
    for (job, bad) in jobs.iter().zip(&bad) {
        assert!(job.submitted_at_ms > bad.submitted_at_ms);
        assert_eq!(Job { submitted_at_ms: bad.submitted_at_ms, ..job.clone() }, *bad);
    }
    assert_eq!(fleet.end(&jobs, End::Ok).await, 2);
    let state = assert_true(&fleet, batch).await;
    assert_eq!((state.done(), state.failed(), state.is_complete()), (4, 1, true));
    let output = watching.end().await;
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "the one that is left has failed: {output:?}");
    assert!(output.stderr.contains("is complete: 4 files"), "{output:?}");
}

#[tokio::test]
async fn what_never_was_a_job_is_counted_and_skipped() {
    let fleet = Fleet::new();
    let (batch, jobs) = fleet.failed(FailureKind::Io, &["a.mp3"]).await;
    let job_id = JobId::new();
    let mut record = Record::new(b"", End::Failed(FailureKind::UnreadableMessage));
    (record.job_id, record.bytes) = (Some(job_id), Some(1000));
    let end = Finished { job_id, batch_id: batch, record, job: None, message: Some(b"x".to_vec()) };
    fleet.store().finish(&[end]).await.unwrap();
    let output = fleet.run(&["retry", &batch.to_string()]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output.stderr.starts_with("1 job published again\n1 failure skipped that never were jobs"),
        "{output:?}"
    );
    assert_eq!(ids(&fleet.take("normal", 10).await), ids(&jobs));
    assert_eq!(assert_true(&fleet, batch).await.failed(), 1);
    let output = fleet.run(&["retry", "last", "--kind", "timeout"]).await;
    assert_eq!((output.code, output.stderr.as_str()), (1, "nothing to retry\n"));
}

#[tokio::test]
async fn a_job_is_found_in_whichever_batch_it_is() {
    let fleet = Fleet::new();
    let (old, jobs) = fleet.failed(FailureKind::Io, &["a.mp3", "b.mp3"]).await;
    let (new, _) = fleet.failed(FailureKind::Io, &["c.mp3"]).await;
    let done = fleet.job(new, "d.mp3");
    fleet.end(std::slice::from_ref(&done), End::Ok).await;
    let id = jobs[1].job_id.to_string();
    let output = fleet.run(&["retry", "--job", &id]).await;
    assert_eq!((output.code, output.stderr.as_str()), (0, "1 job published again\n"));
    assert_eq!(ids(&fleet.take("normal", 10).await), ids(&jobs[1..]));
    assert_eq!((assert_true(&fleet, old).await.failed(), assert_true(&fleet, new).await.failed()), (1, 1));
    // It has no end now, and one of the others is none that could be retried.
    let output = fleet.run(&["retry", "--job", &id, "--job", &done.job_id.to_string()]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("1 job left alone: not failed"), "{output:?}");
    assert!(output.stderr.contains("1 job not found: no batch has an end of it"), "{output:?}");
}

#[tokio::test]
async fn a_full_queue_gives_the_failures_back() {
    for (how, code) in [("fail", 75), ("skip", 1)] {
        let fleet = Fleet::with_max_size(20);
        let (batch, _) = many_failed(&fleet, 60).await;
        let output = fleet.run(&["retry", "last", "--on-full", how]).await;
        assert_eq!(output.code, code, "{output:?}");
        assert!(output.stderr.contains(" not published, the queue is full"), "{output:?}");
        let state = assert_true(&fleet, batch).await;
        let queued = u64::from(fleet.depth("normal").await);
        assert_eq!(
            (state.retrying, state.failed() + queued, state.done()),
            (0, 60, 60 - queued),
            "{output:?}"
        );
        assert!((20..60).contains(&queued), "{queued}");
        // What was given back can be taken again.
        let jobs = fleet.take("normal", 60).await;
        fleet.end(&jobs, End::Ok).await;
        let mut left = state.failed();
        while left > 0 {
            fleet.run(&["retry", "last", "--on-full", how]).await;
            let jobs = fleet.take("normal", 60).await;
            fleet.end(&jobs, End::Ok).await;
            let now = assert_true(&fleet, batch).await.failed();
            assert!(now < left);
            left = now;
        }
        assert!(assert_true(&fleet, batch).await.is_complete());
    }
}

#[tokio::test]
async fn a_full_queue_is_waited_for_and_an_interrupt_gives_back() {
    let fleet = Fleet::with_max_size(20);
    let (batch, _) = many_failed(&fleet, 60).await;
    let mut running = fleet.start(&["retry", "last"]);
    let line = running.expect("is full").await;
    assert!(
        line.starts_with(&format!("queue {}.normal is full (QUEUE_MAX_SIZE=20): waiting, ", fleet.prefix)),
        "{line}"
    );
    running.signal("INT");
    let output = running.end().await;
    assert_eq!(output.code, 130, "{output:?}");
    let state = assert_true(&fleet, batch).await;
    assert_eq!((state.retrying, state.failed() + u64::from(fleet.depth("normal").await)), (0, 60));

    let mut running = fleet.start(&["retry", "last"]);
    running.expect("is full").await;
    let mut jobs = Vec::new();
    let ending = tokio::spawn(running.end());
    while !ending.is_finished() {
        jobs.extend(fleet.take("normal", 20).await);
    }
    let output = ending.await.unwrap();
    assert_eq!(output.code, 0, "{output:?}");
    jobs.extend(fleet.take("normal", 60).await);
    fleet.end(&jobs, End::Ok).await;
    let state = assert_true(&fleet, batch).await;
    assert!(state.is_complete() && state.failed() == 0, "{state:?}");
}

#[tokio::test]
async fn two_at_once_publish_each_job_once() {
    let fleet = Fleet::new();
    let (batch, jobs) = many_failed(&fleet, 700).await;
    Publisher::open(&fleet.broker().await, fleet.topology()).await.unwrap();
    let (first, second) = tokio::join!(fleet.run(&["retry", "last"]), fleet.run(&["retry", "last"]));
    let published = fleet.take("normal", 2000).await;
    assert_eq!((published.len(), ids(&published)), (700, ids(&jobs)), "{first:?}\n{second:?}");
    let state = assert_true(&fleet, batch).await;
    assert_eq!((state.done(), state.retrying, state.accepted), (0, 0, 700));
    assert_eq!(fleet.end(&published, End::Ok).await, 700);
    assert_eq!(fleet.end(&published, End::Failed(FailureKind::Io)).await, 0, "the first end stays");
    assert!(assert_true(&fleet, batch).await.is_complete());
}

#[tokio::test]
async fn a_retry_that_is_killed_in_the_middle_loses_nothing() {
    let fleet = Fleet::with_max_size(20);
    let (batch, jobs) = many_failed(&fleet, 60).await;
    let mut running = fleet.start(&["retry", "last"]);
    running.expect("is full").await;
    running.kill().await;
    let state = assert_true(&fleet, batch).await;
    assert!((1..=8).contains(&state.retrying), "what was in its window: {state:?}");
    let mut ended = BTreeSet::new();
    let deadline = tokio::time::Instant::now() + crate::fleet::LIMIT;
    while ended.len() < 60 {
        assert!(tokio::time::Instant::now() < deadline, "{} of 60 came", ended.len());
        let taken = fleet.take("normal", 100).await;
        fleet.end(&taken, End::Ok).await;
        ended.extend(ids(&taken));
        fleet.run(&["retry", "last", "--on-full", "skip"]).await;
    }
    assert_eq!(ended, ids(&jobs));
    let state = assert_true(&fleet, batch).await;
    assert_eq!((state.outcomes[&Outcome::Ok], state.retrying, state.is_complete()), (60, 0, true));
}

#[tokio::test]
async fn what_a_killed_retry_has_taken_back_the_next_one_publishes() {
    let fleet = Fleet::new();
    let (batch, jobs) = fleet.failed(FailureKind::Io, &["a.mp3", "b.mp3", "c.mp3"]).await;
    let (ends, _) = fleet.store().ends(batch, Outcome::Failed, &Cursor::start(), 10).await.unwrap();
    let killed = RetryId::new();
    assert_eq!(fleet.store().withdraw(batch, killed, &ends[..2]).await.unwrap(), [true, true]);
    let state = assert_true(&fleet, batch).await;
    assert_eq!((state.done(), state.retrying), (1, 2));
    let mut published = Vec::new();
    let deadline = tokio::time::Instant::now() + crate::fleet::LIMIT;
    while published.len() < 3 {
        assert!(tokio::time::Instant::now() < deadline, "only {} are published", published.len());
        fleet.run(&["retry", "last"]).await;
        published.extend(fleet.take("normal", 10).await);
    }
    assert_eq!((published.len(), ids(&published)), (3, ids(&jobs)));
    // It was not killed after all, and gives back what is no longer its own.
    let stale: Vec<_> = ends[..2].iter().map(|(_, end)| end.clone()).collect();
    assert_eq!(fleet.store().restore(batch, killed, &stale).await.unwrap(), 0);
    assert_eq!(assert_true(&fleet, batch).await.retrying, 0);
    fleet.end(&published, End::Ok).await;
    assert!(assert_true(&fleet, batch).await.is_complete());
}

#[tokio::test]
async fn an_end_that_was_taken_back_does_not_come_back_by_a_writer_who_repeats_himself() {
    let fleet = Fleet::new();
    let batch = BatchId::new();
    let job = fleet.job(batch, "a.mp3");
    fleet.store().create_batch(batch, "test", 1).await.unwrap();
    let end = [finished(&job, End::Failed(FailureKind::Io))];
    assert_eq!(fleet.store().finish(&end).await.unwrap(), [true]);
    assert_eq!(
        fleet.store().finish(&end).await.unwrap(),
        [true],
        "the same end again is the one that is stored"
    );
    let (ends, _) = fleet.store().ends(batch, Outcome::Failed, &Cursor::start(), 10).await.unwrap();
    let retry = RetryId::new();
    assert_eq!(fleet.store().withdraw(batch, retry, &ends).await.unwrap(), [true]);
    assert_eq!(fleet.store().withdraw(batch, retry, &ends).await.unwrap(), [false]);
    assert_eq!(fleet.store().finish(&end).await.unwrap(), [false]);
    assert_eq!(fleet.store().take_over(batch, retry, Duration::ZERO, 10).await.unwrap(), [], "it is its own");
    assert_eq!(fleet.store().restore(batch, retry, &[ends[0].1.clone()]).await.unwrap(), 1);
    let state = assert_true(&fleet, batch).await;
    assert_eq!((state.done(), state.retrying), (1, 0));
}

#[tokio::test]
async fn servers_that_are_away_are_named() {
    let fleet = Fleet::new();
    let (batch, _) = fleet.failed(FailureKind::Io, &["a.mp3"]).await;
    for (variable, url) in [("AMQP_URL", "amqp://127.0.0.1:1"), ("REDIS_URL", "redis://127.0.0.1:1")] {
        let mut command = fleet.command(&["retry", "last"]);
        command.env(variable, url);
        let output = crate::fleet::finish(command).await;
        assert_eq!(output.code, 69, "{output:?}");
        assert!(output.stderr.contains(variable), "{output:?}");
    }
    assert!(assert_true(&fleet, batch).await.is_complete());
}
