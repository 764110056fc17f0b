//! How many jobs have ended, seen from Redis: what recovery is measured by, and what the end of a run waits for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// Between two looks: a recovery is known to a tenth of a second.
const GLANCE: Duration = Duration::from_millis(100);

/// More batches than any run makes.
const BATCHES: usize = 10_000;

/// Watches until dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    ended: watch::Receiver<u64>,
    /// When it was seen that jobs had ended.
    seen: Arc<Mutex<Vec<Instant>>>,
    watching: JoinHandle<()>,
}

impl Progress {
    pub(crate) fn of(store: Store) -> Self {
        let (sender, ended) = watch::channel(0);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let watching = tokio::spawn(async move {
            loop {
                // Redis may be away by a fault of ours.
                if let Ok(states) = store.batches(BATCHES).await {
                    let sum = states.iter().map(shared::store::BatchState::done).sum();
                    if sender.send_if_modified(|known| std::mem::replace(known, sum) != sum) {
                        noted.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
                    }
                }
                sleep(GLANCE).await;
            }
        });
        Self { ended, seen, watching }
    }

    /// Jobs that have ended so far.
    pub(crate) fn ended(&self) -> u64 {
        *self.ended.borrow()
    }

    /// The time until the next end; `None` when none comes within `limit`.
    pub(crate) async fn next_end(&self, limit: Duration) -> Option<Duration> {
        let (begun, mut ended) = (Instant::now(), self.ended.clone());
        ended.mark_unchanged();
        timeout(limit, ended.changed()).await.ok()?.ok()?;
        Some(begun.elapsed())
    }
}

impl Progress {
    /// The longest time without an end of a job since `begun`.
    pub(crate) fn longest_pause(&self, begun: Instant) -> Duration {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = seen.iter().copied().filter(|at| *at >= begun).chain([Instant::now()]);
        let pauses = ends.scan(begun, |last, at| Some(at - std::mem::replace(last, at)));
        pauses.max().unwrap_or_default()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.watching.abort();
    }
}
