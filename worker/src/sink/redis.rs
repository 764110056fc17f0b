//! Ends into Redis.

use shared::job::Job;
use shared::store::{Finished, Store, StoreError};

use super::{Sink, SinkError};
use crate::task::Ended;

/// Writes through the store's atomic script.
#[derive(Debug)]
pub struct RedisSink {
    store: Store,
}

impl RedisSink {
    /// Into this store.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Sink for RedisSink {
    async fn store(&mut self, ends: &[Ended]) -> Result<Vec<bool>, SinkError> {
        let finished: Vec<Option<Finished>> = ends.iter().map(finished).collect();
        let storable: Vec<Finished> = finished.iter().flatten().cloned().collect();
        match self.store.finish(&storable).await {
            Ok(stored) => {
                let mut stored = stored.into_iter();
                Ok(finished.iter().map(|end| end.is_some() && stored.next() == Some(true)).collect())
            }
            // An operator can give memory, a password or a master back; the ends wait for that.
            Err(
                error @ (StoreError::Unreachable { .. }
                | StoreError::Denied { .. }
                | StoreError::Refused { .. }),
            ) => Err(SinkError::Unavailable(error)),
            // A key of another type, a script that fails, a value that cannot be encoded: it would be the same for ever.
            Err(error) => Err(SinkError::Refused(error)),
        }
    }

    async fn close(self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Every end of the fleet has a job and a batch; one without has nobody who could ask for it.
fn finished(ended: &Ended) -> Option<Finished> {
    let (Some(job_id), Some(batch_id)) = (ended.record.job_id, ended.record.batch_id) else {
        tracing::error!(file = ended.record.path, "an end without a job cannot be stored");
        return None;
    };
    Some(Finished {
        job_id,
        batch_id,
        record: ended.record.clone(),
        // What a replay publishes again has no attempts behind it.
        job: ended.job.clone().map(|job| Job { attempt: 0, ..job }),
        message: ended.message.clone(),
    })
}
