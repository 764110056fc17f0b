//! A machine that starts no process any more.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use rustix::process::{Resource, Rlimit, Signal, geteuid, prlimit};
use shared::job::{BatchId, Job};

use crate::harness::{Fleet, NORMAL, Worker, until};

/// As under a `pids.max` that is reached: from here on the worker's user may have no further process.
fn limit_processes(worker: &Worker, limit: Option<u64>) {
    let pid = rustix::process::Pid::from_raw(worker.pid());
    let maximum = rustix::process::getrlimit(Resource::Nproc).maximum;
    prlimit(pid, Resource::Nproc, Rlimit { current: limit, maximum }).unwrap();
}

async fn lanes_breaker(worker: &Worker) -> f64 {
    worker.metrics().await.sum("analysis_breaker_state", &[("dependency", "lanes")])
}

#[tokio::test]
async fn without_a_lane_no_work_is_taken_and_what_is_held_goes_back() {
    let fleet = Fleet::with(&[("ANALYSIS_MAX_WORKERS", "2"), ("ANALYSIS_BATCH_SIZE", "4")]).await;
    // The limit does not bind root.
    let mut worker = if geteuid().is_root() {
        fs::set_permissions(fleet.root(), Permissions::from_mode(0o755)).unwrap();
        Worker::ready_as_nobody(&fleet, &[]).await
    } else {
        Worker::ready(&fleet, &[]).await
    };
    let lanes = worker.freeze().await;
    let batch = BatchId::new();
    fleet.put("house.wav", "a.wav");
    let jobs: Vec<Job> = (0..12).map(|_| Job { force: true, ..fleet.job(batch, "a.wav", NORMAL) }).collect();
    fleet.submit(&jobs).await;
    worker.holds(4, 2).await;
    let before = lanes_breaker(&worker).await;
    limit_processes(&worker, Some(0));
    // One lane ends its job, and takes up the next; its end is on its way while the lanes die.
    lanes[0].thaw();
    until("the first end", async || (fleet.done(batch).await > 0).then_some(())).await;
    lanes.iter().for_each(|lane| lane.signal(Signal::KILL));

    let line = worker.log.says("a lane cannot be started").await;
    assert!(line["error"].as_str().unwrap().contains("too many processes: raise"), "{line}");
    let opened = worker.log.says("breaker opened").await;
    assert_eq!(opened["dependency"].as_str(), Some("lanes"));
    worker.log.says("taking no work").await;
    worker.holds(0, 0).await;
    let reason = worker.answers("/readyz", 503).await;
    assert!(reason.contains("lanes: a lane cannot be started"), "{reason}");
    assert_eq!(worker.get("/livez").await.0, 200);
    assert_eq!(before, 0.0);
    assert!(lanes_breaker(&worker).await > 0.0);
    assert_eq!(worker.metrics().await.sum("analysis_worker_ready", &[]), 0.0);
    // Only what ran on a lane that was killed has ended.
    until("all others are in the queue again", async || {
        let (done, queued) = (fleet.done(batch).await, u64::from(fleet.queued().await));
        (done + queued == 12).then_some(())
    })
    .await;

    limit_processes(&worker, rustix::process::getrlimit(Resource::Nproc).current);
    worker.log.says("breaker closed").await;
    worker.log.says("taking work again").await;
    let records = fleet.ends(batch, 12).await;
    let killed = records.iter().filter(|record| record.outcome.code() != "ok").collect::<Vec<_>>();
    assert!(killed.len() <= 2, "{killed:?}");
    for record in killed {
        assert!(record.detail.as_deref().unwrap().contains("SIGKILL"), "{record:?}");
    }
    worker.answers("/readyz", 200).await;
    assert_eq!(lanes_breaker(&worker).await, 0.0);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}
