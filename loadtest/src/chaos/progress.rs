//! How many jobs have ended, seen from Redis: what recovery is measured by, and what the end of a run waits for.

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
    watching: JoinHandle<()>,
}

impl Progress {
    pub(crate) fn of(store: Store) -> Self {
        let (sender, ended) = watch::channel(0);
        let watching = tokio::spawn(async move {
            loop {
                // Redis may be away by a fault of ours.
                if let Ok(states) = store.batches(BATCHES).await {
                    let sum = states.iter().map(shared::store::BatchState::done).sum();
                    sender.send_if_modified(|known| std::mem::replace(known, sum) != sum);
                }
                sleep(GLANCE).await;
            }
        });
        Self { ended, watching }
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

impl Drop for Progress {
    fn drop(&mut self) {
        self.watching.abort();
    }
}
