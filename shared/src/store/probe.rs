//! Whether Redis takes writes.

use super::{Store, StoreError};

/// Long enough to be seen by whoever looks for it, short enough to leave nothing behind.
const KEPT_SECONDS: u64 = 60;

impl Store {
    /// Writes a key of no meaning. A server that is full, a replica or one that cannot save answers a ping and refuses this.
    ///
    /// # Errors
    /// When Redis does not answer or refuses.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        redis::cmd("SET")
            .arg(self.keys.probe())
            .arg(1)
            .arg("EX")
            .arg(KEPT_SECONDS)
            .query_async::<()>(&mut connection)
            .await
            .map_err(|error| self.error(&error))
    }
}
