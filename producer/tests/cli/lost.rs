//! Jobs whose messages are lost: taken out of the queue without an acknowledgement to wait for, which is what purging a
//! queue by hand is to the fleet.

use std::collections::BTreeMap;

use shared::broker::lapin::options::QueueDeleteOptions;
use shared::job::{BatchId, Job, JobId};
use shared::outcome::{End, FailureKind, Outcome};
use shared::store::Start;

use crate::fleet::Fleet;

/// Enqueues files by the program itself and loses all their messages. The jobs are those that were in the messages.
async fn lost(fleet: &Fleet, count: usize) -> (BatchId, Vec<Job>) {
    fleet.files(count);
    let output = fleet.run(&["enqueue", fleet.root(), "--force", "-p", "high"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let jobs = fleet.take("high", count + 1).await;
    assert_eq!(jobs.len(), count);
    (output.stdout.trim().parse().unwrap(), jobs)
}

fn by_id(jobs: &[Job]) -> BTreeMap<JobId, Job> {
    jobs.iter().map(|job| (job.job_id, Job { submitted_at_ms: 0, ..job.clone() })).collect()
}

async fn stage(fleet: &Fleet) -> String {
    let output = fleet.run(&["batches"]).await;
    output.stdout.lines().nth(1).unwrap().split_whitespace().nth(3).unwrap().to_owned()
}

#[tokio::test]
async fn a_batch_whose_messages_are_lost_is_told_of_and_published_again() {
    let fleet = Fleet::new();
    let (batch, jobs) = lost(&fleet, 30).await;
    fleet.end(&jobs[..3], End::Ok).await;
    fleet.quieten(batch).await;
    let output = fleet.run(&["watch", "last"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("27 jobs of 30 will not come to an end by itself"), "{output:?}");
    assert!(output.stderr.contains(&format!("publish them again: producer retry {batch}")), "{output:?}");

    let output = fleet.run(&["retry", "last"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let wanted = "27 jobs published again\n27 jobs of it without an end: the messages were lost\n";
    assert_eq!(output.stderr, wanted);
    let again = fleet.take("high", 100).await;
    assert_eq!(by_id(&again), by_id(&jobs[3..]), "as they were submitted");
    fleet.end(&again, End::Ok).await;
    let state = fleet.store().batch(batch).await.unwrap().unwrap();
    assert_eq!((state.done(), state.accepted, state.is_complete()), (30, 30, true));
    assert_eq!(fleet.store().open_count(batch).await.unwrap(), 0);
}

#[tokio::test]
async fn jobs_of_a_batch_that_is_alive_are_left_alone_unless_asked_for() {
    let fleet = Fleet::new();
    let (batch, jobs) = lost(&fleet, 3).await;
    // A worker might hold them: there was a sign of life just now.
    let output = fleet.run(&["retry", "last"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("3 jobs without an end left alone: the last sign of life"), "{output:?}");
    assert_eq!(fleet.depth("high").await, 0);
    // And now messages wait, though of another batch.
    assert_eq!(fleet.run(&["enqueue", fleet.root()]).await.code, 0);
    fleet.quieten(batch).await;
    let id = batch.to_string();
    let output = fleet.run(&["retry", &id]).await;
    assert!(output.stderr.contains("left alone: 3 messages in the queues"), "{output:?}");
    let mut watching = fleet.start(&["watch", &id]);
    watching.expect("0/3").await;
    let named = jobs[1].job_id.to_string();
    assert_eq!(
        fleet.run(&["retry", "--job", &named, "--lost"]).await.stderr.lines().next(),
        Some("1 job published again")
    );
    assert_eq!(by_id(&fleet.take("high", 9).await), by_id(&jobs[1..2]));
    let output = fleet.run(&["retry", &id, "--lost"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let again = fleet.take("high", 9).await;
    assert_eq!(by_id(&again), by_id(&jobs));
    fleet.end(&again, End::Ok).await;
    assert_eq!(watching.end().await.code, 0);
}

#[tokio::test]
async fn a_broker_that_comes_back_without_its_queues_has_lost_them() {
    let fleet = Fleet::new();
    fleet.files(4);
    assert_eq!(fleet.run(&["enqueue", fleet.root()]).await.code, 0);
    let channel = fleet.broker().await.channel().await.unwrap();
    for queue in fleet.topology().queues() {
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    }
    let batch = fleet.store().batches(1).await.unwrap()[0].batch_id;
    fleet.quieten(batch).await;
    let output = fleet.run(&["watch", "last"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("4 jobs of 4 will not come to an end"), "{output:?}");
    assert_eq!(fleet.run(&["retry", "last"]).await.code, 0);
    assert_eq!(fleet.depth("normal").await, 4);
}

#[tokio::test]
async fn a_job_that_was_retried_and_then_lost_is_published_again_with_no_starts_behind_it() {
    let fleet = Fleet::new();
    let (batch, jobs) = fleet.failed(FailureKind::Io, &["a.mp3"]).await;
    assert_eq!(fleet.run(&["retry", "last"]).await.code, 0);
    assert_eq!(fleet.take("normal", 2).await.len(), 1);
    let start = async || fleet.store().started(&[(batch, jobs[0].job_id)]).await.unwrap()[0];
    assert_eq!((start().await, start().await), (Start::Counted(1), Start::Counted(2)));
    fleet.quieten(batch).await;
    assert_eq!(fleet.run(&["retry", "last"]).await.code, 0);
    assert_eq!(by_id(&fleet.take("normal", 2).await), by_id(&jobs));
    assert_eq!(start().await, Start::Counted(1));
}

#[tokio::test]
async fn cancelling_ends_at_once_what_has_not_started() {
    let fleet = Fleet::new();
    let (batch, jobs) = lost(&fleet, 5).await;
    let store = fleet.store();
    assert_eq!(store.started(&[(batch, jobs[0].job_id)]).await.unwrap(), [Start::Counted(1)]);
    let output = fleet.run(&["cancel", "last"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.stderr.contains("0 of 5 jobs had ended") && output.stderr.contains("1 job left"),
        "{output:?}"
    );
    let state = store.batch(batch).await.unwrap().unwrap();
    assert_eq!((state.unwanted(), state.is_complete()), (4, false));
    assert_eq!(stage(&fleet).await, "cancelling");
    // The one that has started has no worker: --now does not wait for it for ever.
    let output = fleet.run(&["cancel", "last", "--now"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stderr.ends_with("every job has its end\n"), "{output:?}");
    assert_eq!(stage(&fleet).await, "cancelled");
    // A worker that has it after all comes too late.
    assert_eq!(fleet.end(&jobs, End::Ok).await, 0);
    assert_eq!(fleet.run(&["retry", "last", "--cancelled"]).await.code, 0);
    assert_eq!(by_id(&fleet.take("high", 9).await), by_id(&jobs));
}

#[tokio::test]
async fn a_batch_of_which_only_the_number_is_known_is_closed_and_what_comes_later_is_added() {
    let fleet = Fleet::new();
    let batch = BatchId::new();
    let store = fleet.store();
    store.create_batch(batch, "of an older producer", 1_700_000_000_000).await.unwrap();
    store.seal_batch(batch, 7).await.unwrap();
    fleet.quieten(batch).await;
    let output = fleet.run(&["retry", "last"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("7 jobs without an end cannot be published again"), "{output:?}");
    let output = fleet.run(&["cancel", "last"]).await;
    assert!(output.stderr.contains("7 jobs left: the workers end them"), "{output:?}");
    let output = fleet.run(&["cancel", "last", "--now", "--watch"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains("closed without 7 jobs"), "{output:?}");
    assert_eq!(fleet.end(&[fleet.job(batch, "late.mp3")], End::Cancelled).await, 1);
    let state = store.batch(batch).await.unwrap().unwrap();
    assert_eq!((state.accepted, state.done(), state.is_complete()), (1, 1, true));
}

#[tokio::test]
async fn more_jobs_than_a_script_takes_as_arguments_are_noted_as_published() {
    let fleet = Fleet::new();
    let batch = BatchId::new();
    let jobs: Vec<Job> = (0..20_000).map(|number| fleet.job(batch, &format!("{number}.mp3"))).collect();
    fleet.store().published(batch, &jobs).await.unwrap();
    assert_eq!(fleet.store().open_count(batch).await.unwrap(), 20_000);
    let starts: Vec<_> = jobs.iter().map(|job| (batch, job.job_id)).collect();
    assert_eq!(fleet.store().started(&starts).await.unwrap(), vec![Start::Counted(1); 20_000]);
    for jobs in jobs.chunks(9000) {
        assert_eq!(fleet.end(jobs, End::Failed(FailureKind::Io)).await, jobs.len());
    }
    assert_eq!(fleet.store().batch(batch).await.unwrap().unwrap().outcomes[&Outcome::Failed], 20_000);
}
