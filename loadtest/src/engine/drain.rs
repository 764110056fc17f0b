//! The tail: the wait until every accepted job has its end.

use std::time::Duration;

use shared::job::BatchId;
use shared::store::BatchState;
use tokio::time::{Instant, sleep};

use super::{Crew, Site};
use crate::rig::RigError;

/// Between two looks; each is one small question to Redis.
const GLANCE: Duration = Duration::from_millis(50);

/// How the wait ended, and the batch by then.
pub(crate) struct Drained {
    pub(crate) state: BatchState,
    /// There was progress to the last, and no more time.
    pub(crate) broken_off: bool,
}

/// Waits until so many have ended, until none has for `--patience`, or until `limit` is over.
pub(crate) async fn drain(
    site: &Site,
    crew: &Crew,
    batch: BatchId,
    accepted: u64,
    limit: Duration,
) -> Result<Drained, RigError> {
    let begun = Instant::now();
    let (mut last, mut since) = (0, begun);
    loop {
        let gone = || RigError::NotReady("the batch of this run has gone from Redis".to_owned());
        let state = site.store.batch(batch).await?.ok_or_else(gone)?;
        let done = state.done();
        if done != last {
            (last, since) = (done, Instant::now());
        }
        let stalled = since.elapsed() > site.common.patience;
        let broken_off = !stalled && begun.elapsed() > limit;
        if done >= accepted || stalled || broken_off {
            return Ok(Drained { state, broken_off: broken_off && done < accepted });
        }
        crew.check()?;
        sleep(GLANCE).await;
    }
}
