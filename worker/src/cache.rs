//! What is known already: in this process first, then in Redis. It does not judge whether what it knows is still good.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache as Memory;
use shared::store::{Known, Store, StoreError};

use crate::metrics;

/// Encoded size × this is about what a report takes in memory, with its strings and the map around it.
const IN_MEMORY: u64 = 2;

/// A typical report; the estimate of how many fit decides only the size of a table.
const TYPICAL_BYTES: u64 = 8 * 1024;

/// Where a report was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// In this process.
    Memory,
    /// In Redis.
    Store,
}

/// Reports by identity, under one profile.
#[derive(Debug)]
pub struct Cache {
    memory: Option<Memory<String, Entry, Bytes>>,
    store: Store,
    profile: String,
}

#[derive(Debug, Clone)]
struct Entry {
    known: Arc<Known>,
    bytes: u64,
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<String, Entry> for Bytes {
    fn weight(&self, _: &String, entry: &Entry) -> u64 {
        entry.bytes
    }
}

impl Cache {
    /// At most `bytes` in memory (0: none), all of `store` behind it.
    #[must_use]
    pub fn new(store: Store, profile: String, bytes: u64) -> Self {
        let items = usize::try_from(bytes / TYPICAL_BYTES).unwrap_or(usize::MAX).max(1);
        let memory = (bytes > 0).then(|| Memory::with_weighter(items, bytes, Bytes));
        Self { memory, store, profile }
    }

    /// What is known of this audio.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn get(&self, identity: &str) -> Result<Option<(Arc<Known>, Found)>, StoreError> {
        if let Some(entry) = self.memory.as_ref().and_then(|memory| memory.get(identity)) {
            return Ok(Some((entry.known, Found::Memory)));
        }
        let Some(known) = self.store.known(identity, &self.profile).await? else { return Ok(None) };
        let known = Arc::new(known);
        self.keep(identity, &known);
        Ok(Some((known, Found::Store)))
    }

    /// Remembers what was found out just now.
    pub fn keep(&self, identity: &str, known: &Arc<Known>) {
        let Some(memory) = &self.memory else { return };
        // A report that cannot be encoded cannot be stored either; the sink says so.
        let encoded = rmp_serde::to_vec_named(known.as_ref()).map_or(0, |bytes| bytes.len() as u64);
        let entry = Entry { known: Arc::clone(known), bytes: encoded * IN_MEMORY + identity.len() as u64 };
        memory.insert(identity.to_owned(), entry);
        metrics::cache_bytes(memory.weight());
    }
}
