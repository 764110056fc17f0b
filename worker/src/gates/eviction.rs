//! Looks now and then whether Redis may evict results, and says so: in the log, as a metric, and at `/readyz`.
//!
//! It stops no work: results that may be lost later are better than none, and the operator may have chosen so.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::store::{Eviction, Store, StoreError};
use tokio::time::{sleep, timeout};

use super::Gates;
use crate::metrics;

/// Somebody may change the policy at any time.
const EVERY: Duration = Duration::from_secs(60);

/// After a look that failed, as while Redis is away.
const AGAIN: Duration = Duration::from_secs(5);

/// What was seen last. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Option<Eviction>>>);

impl Seen {
    pub(super) fn warning(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(ToString::to_string)
    }

    /// Says what has changed.
    fn set(&self, eviction: Option<Eviction>) {
        metrics::redis_may_evict(eviction.is_some());
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*seen, &eviction) {
            (before, now) if before == now => {}
            (_, Some(now)) => tracing::warn!(policy = now.policy, maxmemory = now.limit_bytes, "{now}"),
            (_, None) => tracing::info!("redis keeps all results again: it does not evict any more"),
        }
        *seen = eviction;
    }
}

/// Looks until aborted: every minute, and when a breaker changes, since another server may answer after a failover.
pub(super) async fn watch(mut gates: Gates, store: Store, limit: Duration) {
    let mut is_refused = false;
    loop {
        let pause = match timeout(limit, store.eviction()).await {
            Ok(Ok(eviction)) => {
                gates.eviction.set(eviction);
                EVERY
            }
            Ok(Err(error @ (StoreError::Denied { .. } | StoreError::Refused { .. }))) => {
                if !std::mem::replace(&mut is_refused, true) {
                    tracing::warn!(%error, "cannot see whether redis may evict results (INFO memory)");
                }
                EVERY
            }
            // The breaker tells.
            Ok(Err(_)) | Err(_) => AGAIN,
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = gates.changed() => {}
        }
    }
}
