//! Looks after what the gates guard: now and then while it works, at once when somebody has met a failure, and as the one
//! probe while the breaker is half-open.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shared::roots::{self, MediaRoots, OpenError, Presence};
use shared::store::Store;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::{Gates, Guard, eviction};
use crate::breaker::State;
use crate::lanes::Lanes;

/// Between two looks at what works. An idle worker is to notice too, before it takes a job that it cannot finish.
const EVERY: Duration = Duration::from_secs(5);

/// After a failed look: three of them are over within a second.
const SOON: Duration = Duration::from_millis(300);

/// Watches until aborted: the set ends its tasks when it is dropped. `limit` is the longest look. Redis has been looked at
/// when it returns: a worker that could store nothing is not to take any work first.
#[must_use]
pub async fn watch(gates: &Gates, store: Store, roots: &MediaRoots, limit: Duration) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(show(gates.clone()));
    tasks.spawn(eviction::watch(gates.clone(), store.clone(), limit));
    let mut look = RedisLook { store, limit };
    if let Err(Doubt::Failed(reason)) = look.look(true).await {
        gates.redis().failed_at_the_start(&reason);
    }
    tasks.spawn(look_after(gates.redis().clone(), look));
    for (name, guard) in gates.roots() {
        if let Some(path) = roots.get(name) {
            let look = RootLook { path: Arc::new(path.to_owned()), limit, stuck: None };
            tasks.spawn(look_after(guard.clone(), look));
        }
    }
    tasks
}

async fn show(mut gates: Gates) {
    loop {
        gates.show();
        gates.changed().await;
    }
}

/// Why a look did not find that it works.
enum Doubt {
    /// It does not work.
    Failed(String),
    /// We are short of what a look takes, which says nothing of it, one way or the other.
    Ours(String),
}

/// Follows what the lanes say of themselves. They need no probe: their pool goes on trying, and knows when it has succeeded.
pub async fn follow_lanes(gates: Gates, lanes: Lanes) {
    let mut outage = lanes.outage();
    loop {
        match outage.borrow_and_update().as_deref() {
            Some(reason) => gates.lanes().record_failure(&reason),
            None => gates.lanes().mended(),
        }
        if outage.changed().await.is_err() {
            return;
        }
    }
}

trait Look {
    /// What is wrong. A `probe` looks closer, because something has failed.
    fn look(&mut self, probe: bool) -> impl Future<Output = Result<(), Doubt>> + Send;
}

async fn look_after(guard: Guard, mut look: impl Look) {
    let mut pause = Duration::ZERO;
    loop {
        if guard.is_awaited() {
            // Work that waits is the better probe: it asks for exactly what is needed.
            sleep(SOON).await;
        } else if guard.state() == State::Closed {
            let suspected = tokio::select! {
                () = sleep(pause) => pause == SOON,
                () = guard.suspected() => true,
            };
            if !guard.is_awaited() {
                pause = report(&guard, look.look(suspected).await);
            }
        } else if guard.probe().await {
            pause = report(&guard, look.look(true).await);
        } else {
            // Somebody else's probe is under way.
            sleep(SOON).await;
        }
    }
}

fn report(guard: &Guard, seen: Result<(), Doubt>) -> Duration {
    let pause = match seen {
        Ok(()) => {
            guard.succeeded();
            EVERY
        }
        Err(Doubt::Failed(reason)) => {
            guard.record_failure(&reason);
            SOON
        }
        Err(Doubt::Ours(reason)) => {
            tracing::warn!(reason, "a media root cannot be looked at, trying again");
            guard.abandoned();
            EVERY
        }
    };
    guard.looked();
    pause
}

struct RedisLook {
    store: Store,
    limit: Duration,
}

impl Look for RedisLook {
    /// Always a write: a Redis that is full or a replica answers a ping and takes nothing, and an idle worker is to notice.
    async fn look(&mut self, _: bool) -> Result<(), Doubt> {
        match timeout(self.limit, self.store.probe()).await {
            Ok(answer) => answer.map_err(|error| Doubt::Failed(error.to_string())),
            Err(_) => Err(Doubt::Failed(format!("no answer within {:?} (HEALTH_CHECK_TIMEOUT)", self.limit))),
        }
    }
}

struct RootLook {
    path: Arc<PathBuf>,
    limit: Duration,
    /// A look that hangs in the kernel, on a dead mount: there is never a second one beside it.
    stuck: Option<JoinHandle<Result<(), Doubt>>>,
}

impl Look for RootLook {
    /// A folder may well be empty as long as nobody has missed a file in it. Once it was away, an empty one is a mount point
    /// whose disk is not back yet.
    async fn look(&mut self, probe: bool) -> Result<(), Doubt> {
        let wanted = if probe { Presence::WithFiles } else { Presence::Folder };
        let path = Arc::clone(&self.path);
        let mut looking = self.stuck.take().unwrap_or_else(|| {
            tokio::task::spawn_blocking(move || {
                roots::look(&path, wanted).map_err(|error| match error {
                    OpenError::Io(error) => Doubt::Ours(error.to_string()),
                    other => Doubt::Failed(other.to_string()),
                })
            })
        });
        match timeout(self.limit, &mut looking).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(error)) => Err(Doubt::Failed(error.to_string())),
            Err(_) => {
                self.stuck = Some(looking);
                let path = self.path.display();
                Err(Doubt::Failed(format!(
                    "the media root {path} does not answer within {:?} (HEALTH_CHECK_TIMEOUT)",
                    self.limit
                )))
            }
        }
    }
}
