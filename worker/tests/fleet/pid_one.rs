//! The worker as process 1 of a container: the kernel gives it no default for any signal, and every orphan.

use std::process::Stdio;

use rustix::process::Signal;
use shared::job::{BatchId, Job};
use tokio::process::Command;

use crate::harness::{Fleet, NORMAL, Worker, until};

/// As a container runtime does it: a namespace of its own, with its own /proc.
const UNSHARE: [&str; 5] = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];

/// Whether this kernel lets us; says so if not.
async fn allowed() -> bool {
    let tried =
        Command::new(UNSHARE[0]).args(&UNSHARE[1..]).arg("true").stderr(Stdio::piped()).output().await;
    let refusal = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    println!("skipped: no process namespace of our own to be had here ({refusal})");
    false
}

async fn submit(fleet: &Fleet, count: usize) -> (BatchId, Vec<Job>) {
    let batch = BatchId::new();
    fleet.put("bad/silence.wav", "a.wav");
    let jobs: Vec<Job> = (0..count).map(|_| fleet.job(batch, "a.wav", NORMAL)).collect();
    fleet.submit(&jobs).await;
    (batch, jobs)
}

#[tokio::test]
async fn sigterm_drains_it() {
    if !allowed().await {
        return;
    }
    let fleet = Fleet::with(&[]).await;
    let mut worker = Worker::ready_under(&fleet, &UNSHARE, &[]).await;
    let lanes = worker.freeze().await;
    let (batch, _) = submit(&fleet, 3).await;
    worker.holds(2, 1).await;
    worker.signal(Signal::TERM);
    assert_eq!(worker.answers("/readyz", 503).await, "draining\n");
    fleet.queues_hold(2).await;
    lanes[0].thaw();
    assert_eq!(worker.exit().await.code(), Some(0));
    lanes[0].end().await;
    assert_eq!(fleet.done(batch).await, 1);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    if !allowed().await {
        return;
    }
    let fleet = Fleet::with(&[]).await;
    let mut worker = Worker::ready_under(&fleet, &UNSHARE, &[]).await;
    let lanes = worker.freeze().await;
    let (batch, jobs) = submit(&fleet, 3).await;
    worker.holds(2, 1).await;
    worker.signal(Signal::TERM);
    worker.log.says("stopping").await;
    worker.signal(Signal::TERM);
    worker.log.says("second signal").await;
    assert_eq!(worker.exit().await.code(), Some(0));
    lanes[0].end().await;
    fleet.queues_hold(3).await;
    assert_eq!(fleet.done(batch).await, 0);
    for job in &jobs {
        assert_eq!(fleet.starts(job).await, 0);
    }
}

#[tokio::test]
async fn orphans_and_dead_lanes_are_waited_for() {
    if !allowed().await {
        return;
    }
    let fleet = Fleet::with(&[]).await;
    let mut worker = Worker::ready_under(&fleet, &UNSHARE, &[]).await;
    worker.log.says("running as process 1").await;
    // A shell inside, that leaves a child behind.
    let target = worker.pid().to_string();
    let entered = Command::new("nsenter")
        .args(["--target", &target, "--pid", "--mount", "sh", "-c", "sleep 0.3 & exit"])
        .status()
        .await;
    if !entered.is_ok_and(|status| status.success()) {
        println!("skipped in part: nsenter cannot enter the namespace");
        return worker.stop().await;
    }
    until("the orphan is dead", async || (worker.zombies() == 1).then_some(())).await;
    worker.lanes().await[0].signal(Signal::KILL);
    until("nobody dead is left", async || (worker.zombies() == 0).then_some(())).await;
    worker.log.says("an idle lane died").await;
    // It works on, with a fresh lane.
    let batch = fleet.submit_sample("bad/silence.wav", NORMAL).await;
    fleet.ends(batch, 1).await;
    worker.stop().await;
}
