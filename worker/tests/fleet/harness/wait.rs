//! Waiting for an event, not for a time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Nothing here takes long; a test that hangs should say where.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at something that cannot tell of itself.
const GLANCE: Duration = Duration::from_millis(10);

/// Looks until there is something to see.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(GLANCE).await;
    }
}
