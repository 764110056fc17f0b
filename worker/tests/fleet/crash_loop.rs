//! A job that takes its worker down with it.

use shared::job::{BatchId, Job};

use crate::harness::{Fleet, HIGH, NORMAL, Worker, slow_wav, until};

/// So often a worker dies before the job is given up.
const DEATHS: i64 = 3;

#[tokio::test]
async fn a_job_that_kills_its_worker_again_and_again_is_given_up() {
    let fleet = Fleet::with(&[]).await;
    let batch = BatchId::new();
    slow_wav(&fleet.path("poison.wav"));
    let poison = fleet.job(batch, "poison.wav", HIGH);
    let innocent: Vec<Job> = (0..5)
        .map(|number| {
            let name = format!("{number}.wav");
            fleet.put("bad/silence.wav", &name);
            fleet.job(batch, &name, NORMAL)
        })
        .collect();

    // The first worker has the innocent ones behind the other in its prefetch.
    let worker = Worker::ready(&fleet, &[]).await;
    worker.freeze().await;
    fleet.submit(std::slice::from_ref(&poison)).await;
    worker.holds(0, 1).await;
    fleet.submit(&innocent).await;
    worker.holds(5, 1).await;
    started(&fleet, &poison, 1).await;
    worker.kill().await;
    for death in 2..=DEATHS {
        let worker = Worker::ready(&fleet, &[]).await;
        started(&fleet, &poison, death).await;
        worker.kill().await;
    }

    let worker = Worker::ready(&fleet, &[]).await;
    let records = fleet.ends(batch, 6).await;
    for record in records {
        if record.job_id == Some(poison.job_id) {
            assert_eq!(record.kind.map(|kind| kind.code()), Some("crash_loop"), "{record:?}");
            assert!(record.detail.as_deref().unwrap().contains("died 3 times"), "{record:?}");
        } else {
            assert_eq!(record.outcome.code(), "not_applicable", "{record:?}");
        }
    }
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
    assert_eq!(fleet.starts(&poison).await, 0, "an end closes the account");
}

async fn started(fleet: &Fleet, job: &Job, times: i64) {
    until(&format!("start {times}"), async || (fleet.starts(job).await == times).then_some(())).await;
}
