//! Processes as `/proc` shows them, by a handle: a number may be given to another process.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::{Instant, sleep};

/// Between two looks at processes that are to end.
const GLANCE: Duration = Duration::from_millis(20);

/// A running or ended process.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    handle: OwnedFd,
}

impl Process {
    /// The process with this number, if there is one.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let pid = Pid::from_raw(pid.cast_signed())?;
        Some(Self { pid, handle: pidfd_open(pid, PidfdFlags::empty()).ok()? })
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_pid().cast_unsigned()
    }

    /// The children that it has now.
    pub(crate) fn children(&self) -> Vec<Self> {
        let parent = self.pid.as_raw_pid();
        let numbers = fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            (parent_of(pid)? == parent).then_some(pid)
        });
        numbers.filter_map(Self::of).filter(|process| !process.has_ended()).collect()
    }

    /// Sends a signal; whether the process was there to get it.
    pub(crate) fn signal(&self, signal: Signal) -> bool {
        pidfd_send_signal(&self.handle, signal).is_ok()
    }

    /// Dead, reaped or not.
    pub(crate) fn has_ended(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(&self.handle, PollFlags::IN)], Some(&now)) == Ok(1)
    }
}

fn parent_of(pid: u32) -> Option<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may hold anything.
    text.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Every process that a test has had to do with: none may be left in the end.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<BTreeMap<u32, Process>>);

impl Seen {
    pub(crate) fn note(&self, processes: impl IntoIterator<Item = Process>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for process in processes {
            match seen.get(&process.id()) {
                Some(known) if !known.has_ended() => {}
                _ => drop(seen.insert(process.id(), process)),
            }
        }
    }

    /// Those that still run after this long.
    pub(crate) async fn survivors(&self, within: Duration) -> Vec<u32> {
        let deadline = Instant::now() + within;
        loop {
            let alive: Vec<u32> = {
                let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                seen.iter().filter(|(_, process)| !process.has_ended()).map(|(pid, _)| *pid).collect()
            };
            if alive.is_empty() || Instant::now() >= deadline {
                return alive;
            }
            sleep(GLANCE).await;
        }
    }
}
