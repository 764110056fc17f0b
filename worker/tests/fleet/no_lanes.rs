//! A machine that starts no process any more.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use rustix::process::{Pid, Resource, Rlimit, Signal, geteuid, getrlimit, prlimit, setrlimit};
use shared::job::{BatchId, Job};
use tokio::process::{Child, Command};

use crate::harness::{Fleet, NORMAL, Worker, until};

/// More than a worker with two lanes has of processes and threads.
const PROCESSES: u64 = 64;

/// How the worker's user is kept from having another process, as a container is whose `pids.max` is reached.
enum Shortage {
    /// Its limit is lowered: we are the same user.
    Limit(Pid),
    /// We are root, whom the limit does not bind. So the worker is somebody else's, and this user has many processes.
    Crowd(u32),
}

impl Shortage {
    async fn ready(fleet: &Fleet) -> (Self, Worker) {
        if !geteuid().is_root() {
            let worker = Worker::ready(fleet, &[]).await;
            return (Self::Limit(Pid::from_raw(worker.pid()).unwrap()), worker);
        }
        fs::set_permissions(fleet.root(), Permissions::from_mode(0o755)).unwrap();
        let user = 100_000 + std::process::id() % 100_000;
        let before = getrlimit(Resource::Nproc);
        // The worker inherits it.
        let limit = Rlimit { current: Some(PROCESSES), maximum: before.maximum };
        setrlimit(Resource::Nproc, limit).unwrap();
        let worker = Worker::ready_as(fleet, user, &[]).await;
        setrlimit(Resource::Nproc, before).unwrap();
        (Self::Crowd(user), worker)
    }

    /// It ends when what is returned is dropped and [`Shortage::end`] is called.
    fn begin(&self) -> Vec<Child> {
        match self {
            Self::Limit(worker) => {
                let maximum = getrlimit(Resource::Nproc).maximum;
                prlimit(Some(*worker), Resource::Nproc, Rlimit { current: Some(0), maximum }).unwrap();
                Vec::new()
            }
            Self::Crowd(user) => (0..PROCESSES).map(|_| sleeper(*user)).collect(),
        }
    }

    fn end(&self, crowd: Vec<Child>) {
        drop(crowd);
        if let Self::Limit(worker) = self {
            prlimit(Some(*worker), Resource::Nproc, getrlimit(Resource::Nproc)).unwrap();
        }
    }
}

fn sleeper(user: u32) -> Child {
    let mut command = Command::new("sleep");
    command.arg("600").uid(user).gid(user).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

async fn lanes_breaker(worker: &Worker) -> f64 {
    worker.metrics().await.sum("analysis_breaker_state", &[("dependency", "lanes")])
}

#[tokio::test]
async fn without_a_lane_no_work_is_taken_and_what_is_held_goes_back() {
    let fleet = Fleet::with(&[("ANALYSIS_MAX_WORKERS", "2"), ("ANALYSIS_BATCH_SIZE", "4")]).await;
    let (shortage, mut worker) = Shortage::ready(&fleet).await;
    let lanes = worker.freeze().await;
    let batch = BatchId::new();
    fleet.put("house.wav", "a.wav");
    let jobs: Vec<Job> = (0..12).map(|_| Job { force: true, ..fleet.job(batch, "a.wav", NORMAL) }).collect();
    fleet.submit(&jobs).await;
    worker.holds(4, 2).await;
    let before = lanes_breaker(&worker).await;
    let crowd = shortage.begin();
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
    until("the metrics say so, too", async || {
        (worker.metrics().await.sum("analysis_worker_ready", &[]) == 0.0).then_some(())
    })
    .await;
    // Only what ran on a lane that was killed has ended.
    until("all others are in the queue again", async || {
        let (done, queued) = (fleet.done(batch).await, u64::from(fleet.queued().await));
        (done + queued == 12).then_some(())
    })
    .await;

    shortage.end(crowd);
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
