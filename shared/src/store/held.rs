//! What a worker says of the batches whose jobs it holds. Without it nobody could tell jobs that a worker holds from jobs
//! whose messages are lost: the broker counts only those that wait.

use std::sync::LazyLock;

use redis::Script;

use super::script::batch_script;
use super::{Store, StoreError};
use crate::job::BatchId;

static HELD: LazyLock<Script> = batch_script!("held.lua");

impl Store {
    /// Notes that a worker holds jobs of this batch now.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn note_held(&self, batch: BatchId) -> Result<(), StoreError> {
        let mut call = self.keys.call(&HELD, batch);
        call.arg(self.ttl_seconds());
        let mut connection = self.connection().await?;
        call.invoke_async::<()>(&mut connection).await.map_err(|error| self.error(&error))
    }
}
