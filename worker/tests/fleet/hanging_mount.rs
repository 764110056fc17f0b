//! A mount whose server does not answer: whoever touches it sleeps in the kernel until it does.

use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::pipe::{PipeFlags, pipe_with};
use shared::job::{BatchId, Job};
use shared::record::Record;
use tokio::process::{Child, Command};

use crate::harness::{Fleet, NORMAL, Worker, until};

/// An automounter's file system. Its daemon, which would have to mount what is asked for, is us, and does nothing.
struct HangingMount {
    path: PathBuf,
    /// Whoever waits is let go when it is closed, and told that there is no such file.
    requests: Option<OwnedFd>,
    is_there: bool,
    /// Its process group alone is not made to wait.
    _daemon: Child,
}

impl HangingMount {
    /// Covers a folder; `None`, and a word about it, where the kernel does not let us.
    fn over(path: &Path) -> Option<Self> {
        // No other program may hold the pipe open.
        let (requests, sender) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let mut daemon = Command::new("sleep");
        daemon.arg("600").process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = daemon.kill_on_drop(true).spawn().unwrap();
        let (fd, group) = (sender.as_raw_fd(), daemon.id().unwrap());
        let options = format!("fd={fd},pgrp={group},minproto=5,maxproto=5,indirect");
        let options = CString::new(options).unwrap();
        match mount("test", path, "autofs", MountFlags::empty(), Some(options.as_c_str())) {
            Ok(()) => Some(Self {
                path: path.to_owned(),
                requests: Some(requests),
                is_there: true,
                _daemon: daemon,
            }),
            Err(error) => {
                println!("skipped: no mount that hangs to be had here ({error})");
                None
            }
        }
    }

    /// Uncovers what was there before: new requests find it. Those that hang go on hanging.
    fn uncover(&mut self) {
        if std::mem::take(&mut self.is_there) {
            unmount(&self.path, UnmountFlags::DETACH).unwrap();
        }
    }
}

impl HangingMount {
    /// Lets go whoever still waits, then uncovers what was there before.
    fn end(&mut self) {
        self.requests = None;
        // The next request finds the daemon gone, and then nobody waits any more.
        let _ = std::fs::metadata(self.path.join("anything"));
        self.uncover();
    }
}

impl Drop for HangingMount {
    fn drop(&mut self) {
        if self.is_there {
            self.end();
        }
    }
}

const JOBS: usize = 12;

fn jobs(fleet: &Fleet, batch: BatchId, name: &str) -> Vec<Job> {
    (0..JOBS).map(|_| Job { force: true, ..fleet.job(batch, name, NORMAL) }).collect()
}

fn settings() -> [(&'static str, &'static str); 4] {
    [
        ("ANALYSIS_MAX_WORKERS", "2"),
        ("ANALYSIS_TIMEOUT", "3s"),
        ("ANALYSIS_BATCH_SIZE", "4"),
        ("RETRY_DELAYS", "200ms,1s,2s,4s,8s,16s"),
    ]
}

async fn retries(worker: &Worker) -> f64 {
    worker.metrics().await.sum("analysis_retries_total", &[])
}

fn all_are_well(records: &[Record]) {
    let bad: Vec<_> = records.iter().filter(|record| record.outcome.code() != "ok").collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert!(records.iter().any(|record| record.attempts > 1), "none was tried again");
}

#[tokio::test]
async fn jobs_that_hang_with_their_root_are_tried_again_when_it_is_back() {
    let fleet = Fleet::with(&settings()).await;
    let root = fleet.path("disk/a.wav").parent().unwrap().to_owned();
    fleet.put("house.wav", "disk/a.wav");
    let roots = format!("music={}", root.display());
    let mut worker = Worker::ready(&fleet, &[("MEDIA_ROOTS", &roots)]).await;
    let batch = BatchId::new();
    fleet.submit(&jobs(&fleet, batch, "a.wav")).await;
    until("the first end", async || (fleet.done(batch).await > 0).then_some(())).await;
    let Some(mut mount) = HangingMount::over(fleet.root()) else { return worker.stop().await };
    // Two files, in two lanes that no longer move.
    until("both are to be tried again", async || (retries(&worker).await >= 2.0).then_some(())).await;
    let opened = worker.log.says("breaker opened").await;
    assert_eq!(opened["dependency"].as_str(), Some("media root music"));
    assert!(opened["reason"].as_str().unwrap().contains("does not answer"), "{opened}");
    worker.answers("/readyz", 503).await;
    let timeouts = worker.metrics().await.sum("analysis_timeouts_total", &[]);
    mount.end();
    worker.log.says("breaker closed").await;
    all_are_well(&fleet.ends(batch, JOBS as u64).await);
    assert_eq!(timeouts, 0.0);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn a_file_that_hangs_in_a_root_that_answers_is_tried_again() {
    let fleet = Fleet::with(&settings()).await;
    fleet.put("house.wav", "disk/a.wav");
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = BatchId::new();
    fleet.submit(&jobs(&fleet, batch, "disk/a.wav")).await;
    until("the first end", async || (fleet.done(batch).await > 0).then_some(())).await;
    let Some(mut mount) = HangingMount::over(&fleet.root().join("disk")) else { return worker.stop().await };
    until("both are to be tried again", async || (retries(&worker).await >= 2.0).then_some(())).await;
    worker.answers("/readyz", 200).await;
    assert_eq!(worker.metrics().await.sum("analysis_timeouts_total", &[]), 0.0);
    // What hangs is tried again after its time, and then finds the file.
    mount.uncover();
    all_are_well(&fleet.ends(batch, JOBS as u64).await);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}
