//! The lanes that are free, and what is counted of all of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::cgroup::OomKills;
use super::clock::RunClock;
use super::process::Process;
use super::protocol::Setup;
use super::slots::{Slot, outage};
use super::spawner::Spawner;
use super::{Confinement, LaneSettings, LaneStats, LaneUsage, RestartCause, usage};

#[derive(Debug)]
pub(super) struct Pool {
    pub(super) settings: LaneSettings,
    pub(super) setup: Setup,
    pub(super) spawner: Spawner,
    pub(super) oom_kills: OomKills,
    /// As the first lane told it: one kernel, one program.
    pub(super) confinement: OnceLock<Confinement>,
    /// No lane is started or handed out any more.
    pub(super) closing: CancellationToken,
    /// And those at work are killed.
    pub(super) killing: CancellationToken,
    /// Last in, first out: under little load the same few lanes work, and the memory of the others stays cold.
    idle: Mutex<Vec<Process>>,
    /// As many permits as there are processes in `idle`, the dead among them included.
    free: Semaphore,
    slots: Mutex<Vec<Slot>>,
    /// Why there is no lane and none can be had, while it is so.
    pub(super) outage: watch::Sender<Option<String>>,
    /// By which all requests are timed.
    pub(super) clock: Arc<RunClock>,
    restarts: [AtomicU64; RestartCause::ALL.len()],
}

impl Pool {
    pub(super) fn new(settings: LaneSettings, setup: Setup, spawner: Spawner) -> Self {
        Self {
            slots: Mutex::new(vec![Slot::default(); settings.lanes]),
            outage: watch::Sender::new(None),
            clock: RunClock::start(),
            settings,
            setup,
            spawner,
            oom_kills: OomKills::new(),
            confinement: OnceLock::new(),
            closing: CancellationToken::new(),
            killing: CancellationToken::new(),
            idle: Mutex::default(),
            free: Semaphore::new(0),
            restarts: Default::default(),
        }
    }

    /// Takes a process that has nothing to do. While the pool closes it is let go, and so killed.
    pub(super) fn offer(&self, process: Process) {
        let mut idle = lock(&self.idle);
        // Under the lock, so that `close` either empties what we put in or is seen here.
        if self.closing.is_cancelled() {
            return;
        }
        process.marks.busy.store(false, Ordering::Relaxed);
        // A process of this slot that is still here died there, with its permit.
        if let Some(dead) = idle.iter_mut().find(|other| other.slot == process.slot) {
            *dead = process;
            return;
        }
        idle.push(process);
        self.free.add_permits(1);
    }

    /// Waits for a live process; `None` once the pool closes.
    pub(super) async fn take(&self) -> Option<Process> {
        loop {
            self.free.acquire().await.ok()?.forget();
            if let Some(process) = self.pop() {
                return Some(process);
            }
        }
    }

    /// A live process if there is one now.
    pub(super) fn try_take(&self) -> Option<Process> {
        loop {
            self.free.try_acquire().ok()?.forget();
            if let Some(process) = self.pop() {
                return Some(process);
            }
        }
    }

    /// A dead one is dropped with its permit; its supervisor offers another.
    fn pop(&self) -> Option<Process> {
        lock(&self.idle).pop().filter(Process::is_alive)
    }

    pub(super) fn free(&self) -> usize {
        lock(&self.idle).iter().filter(|process| process.is_alive()).count()
    }

    /// Starts no lane any more and lets the idle ones go; with `kill` those at work, too.
    pub(super) fn close(&self, kill: bool) {
        self.closing.cancel();
        self.free.close();
        if kill {
            self.killing.cancel();
        }
        lock(&self.idle).clear();
    }

    /// Notes what a slot does from now on, given what it did.
    pub(super) fn set_slot(&self, slot: usize, change: impl FnOnce(&Slot) -> Slot) {
        let mut slots = lock(&self.slots);
        if let Some(entry) = slots.get_mut(slot) {
            *entry = change(entry);
        }
        let outage = outage(&slots);
        // Under the lock, so that the last change is the one that stays.
        self.outage.send_if_modified(|known| {
            // A reason that changes its words meanwhile is no news.
            let news = known.is_some() != outage.is_some();
            *known = outage;
            news
        });
    }

    pub(super) fn count_restart(&self, cause: RestartCause) {
        self.restarts[cause as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> LaneStats {
        let running: Vec<u32> = lock(&self.slots).iter().filter_map(Slot::pid).collect();
        let counts: BTreeMap<_, _> = RestartCause::ALL
            .iter()
            .map(|cause| (*cause, self.restarts[*cause as usize].load(Ordering::Relaxed)))
            .collect();
        LaneStats {
            restarts: counts,
            cpu_seconds: usage::cpu_seconds(running.iter().copied()),
            lanes: running
                .into_iter()
                .map(|pid| LaneUsage { pid, resident_bytes: usage::resident_bytes(pid) })
                .collect(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic is done under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
