//! Which batches a command means: one or all.

use shared::job::BatchId;
use shared::store::{BatchState, Store};

use crate::failure::Failure;
use crate::resolve;

/// More batches than anybody looks through.
const MOST: usize = 100_000;

/// One batch, or every one: the newest first, and last the one that nobody submitted, to which garbage belongs.
pub(crate) async fn batches(store: &Store, name: Option<&str>) -> Result<Vec<BatchState>, Failure> {
    if let Some(name) = name {
        let batch = resolve::batch(store, name).await?;
        return Ok(store.batch(batch).await?.into_iter().collect());
    }
    let all = store.batches(MOST).await?;
    let (stray, mut batches): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|state| state.batch_id == BatchId::STRAY);
    batches.extend(stray);
    Ok(batches)
}
