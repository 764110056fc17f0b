//! A worker's child processes, as the operating system shows them.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::proc::{children_of, stat};
use super::wait::until;

#[derive(Debug)]
pub struct Process {
    pid: Pid,
    // A number may be given to another process; this is the process itself.
    handle: OwnedFd,
}

impl Process {
    pub fn of(pid: Pid) -> Option<Self> {
        Some(Self { pid, handle: pidfd_open(pid, PidfdFlags::empty()).ok()? })
    }

    /// The children that a process has now.
    pub fn children_of(parent: Pid) -> Vec<Self> {
        let processes = children_of(parent).into_iter().filter_map(Self::of);
        processes.filter(|process| !process.has_ended()).collect()
    }

    pub fn signal(&self, signal: Signal) {
        pidfd_send_signal(&self.handle, signal).unwrap();
    }

    /// Stops it, and returns when it stands still.
    pub async fn freeze(&self) {
        self.signal(Signal::STOP);
        let stopped = async || stat(self.pid).filter(|(state, _)| *state == 'T').map(drop);
        until("a process stands still", stopped).await;
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Whether it has this file open.
    pub fn has_open(&self, path: &Path) -> bool {
        let folder = format!("/proc/{}/fd", self.pid.as_raw_pid());
        let links = fs::read_dir(folder).into_iter().flatten().flatten();
        links.filter_map(|link| fs::read_link(link.path()).ok()).any(|target| target == path)
    }

    /// Dead, reaped or not.
    pub fn has_ended(&self) -> bool {
        poll(&mut [PollFd::new(&self.handle, PollFlags::IN)], Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))
            == Ok(1)
    }

    pub async fn end(&self) {
        until("a process ends", async || self.has_ended().then_some(())).await;
    }
}
