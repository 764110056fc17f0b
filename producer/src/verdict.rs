//! Whether what a batch still misses will ever come. A message may be lost: a queue was purged by hand, or a broker came back
//! without its disk. Then no worker will ever end its job, and only what can be seen from outside tells so.

use std::time::Duration;

use shared::settings::ProducerSettings;
use shared::store::{BatchState, Store};

use crate::failure::Failure;
use crate::waiting::messages_waiting;

/// A worker that holds jobs of a batch says so every 10 seconds, and so does a producer at work. After this nobody does.
pub(crate) const QUIET_FOR: Duration = Duration::from_secs(60);

/// A worker says within a second that it has taken jobs of a batch of which it had none.
const TAKEN_IS_NOTED_WITHIN: Duration = Duration::from_secs(2);

/// What is known of the jobs of a batch that have no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There was a sign of life so long ago: a worker holds or ends its jobs, or its producer is at work.
    Alive(Duration),
    /// So many messages wait in the queues. They may be those of the batch.
    Waiting(u64),
    /// Nothing tells: the batch was made by an older version, and nothing has happened to it since.
    Unknown,
    /// No message waits, no worker holds one, and no producer is at work on it. What is missing will not come.
    Over,
}

/// Asks Redis for the last sign of life, and RabbitMQ for what waits.
pub(crate) async fn of(
    state: &BatchState,
    store: &Store,
    settings: &ProducerSettings,
) -> Result<Verdict, Failure> {
    let Some(quiet) = state.quiet(store.clock().await?) else { return Ok(Verdict::Unknown) };
    if quiet < QUIET_FOR {
        return Ok(Verdict::Alive(quiet));
    }
    let waiting = messages_waiting(settings).await?;
    if waiting > 0 {
        return Ok(Verdict::Waiting(waiting));
    }
    // The last message may have gone to a worker just before the broker was asked.
    tokio::time::sleep(TAKEN_IS_NOTED_WITHIN).await;
    let now = store.batch(state.batch_id).await?;
    Ok(match now {
        Some(now) if now.last_sign_ms == state.last_sign_ms => Verdict::Over,
        _ => Verdict::Alive(Duration::ZERO),
    })
}
