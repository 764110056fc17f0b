//! What the jobs of a batch need from a worker: a level that it takes from, and media roots that it has. The producer notes
//! it in the batch, so that whoever watches the batch can tell when no worker serves it.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use redis::{AsyncCommands, Script};

use super::{Store, StoreError};
use crate::job::BatchId;

static NOTE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("note_needs.lua")));

/// More roots than a fleet has; a script takes a few thousand arguments.
const MAX_ROOTS: usize = 1000;

/// What the jobs of a batch need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchNeeds {
    /// Name of the level to whose queue they were published; `None` where the producer has not said so.
    pub level: Option<String>,
    /// Names of the media roots of their files, as far as the producer has said so.
    pub roots: BTreeSet<String>,
}

impl Store {
    /// Notes the level and the roots of a batch. A batch that is not there is left alone.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn note_needs(
        &self,
        batch: BatchId,
        level: &str,
        roots: &BTreeSet<String>,
    ) -> Result<(), StoreError> {
        let mut call = NOTE.key(self.keys.batch(batch));
        call.arg(level);
        roots.iter().take(MAX_ROOTS).for_each(|root| {
            call.arg(root.as_str());
        });
        let mut connection = self.connection().await?;
        call.invoke_async::<()>(&mut connection).await.map_err(|error| self.error(&error))
    }

    /// What the jobs of a batch need.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn batch_needs(&self, batch: BatchId) -> Result<BatchNeeds, StoreError> {
        let mut connection = self.connection().await?;
        let fields: HashMap<String, String> =
            connection.hgetall(self.keys.batch(batch)).await.map_err(|error| self.error(&error))?;
        let roots = fields.keys().filter_map(|name| name.strip_prefix("root:")).map(str::to_owned);
        Ok(BatchNeeds { level: fields.get("level").cloned(), roots: roots.collect() })
    }
}
