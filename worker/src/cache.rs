//! What is known already: in this process first, then in Redis. It does not judge whether what it knows is still good.

use std::sync::Arc;

use analysis::Identity;
use quick_cache::Weighter;
use quick_cache::sync::Cache as Memory;
use shared::store::{Known, Store, StoreError};

use crate::metrics;

/// What an entry takes beside its bytes: key, place in the table and in the order of use, the allocator's own. An estimate;
/// `loadtest cache` prints what the process grows by beside what is counted here.
const BESIDE: u64 = 128;

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
///
/// In memory they are kept as they are stored: one block whose size is known, so that the bound is one. Read into a report
/// they would be dozens of blocks whose sizes nobody counts.
#[derive(Debug)]
pub struct Cache {
    memory: Option<Memory<Identity, Arc<[u8]>, Bytes>>,
    store: Store,
    profile: String,
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Identity, Arc<[u8]>> for Bytes {
    fn weight(&self, _: &Identity, report: &Arc<[u8]>) -> u64 {
        report.len() as u64 + BESIDE
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
    /// When Redis fails; a report that cannot be read counts as unknown.
    pub async fn get(&self, identity: Identity) -> Result<Option<(Known, Found)>, StoreError> {
        let key = identity.to_string();
        if let Some(bytes) = self.memory.as_ref().and_then(|memory| memory.get(&identity)) {
            return Ok(Known::decode(&key, &bytes).map(|known| (known, Found::Memory)));
        }
        let Some(bytes) = self.store.known(&key, &self.profile).await? else { return Ok(None) };
        let known = Known::decode(&key, &bytes);
        if known.is_some() {
            self.insert(identity, bytes.into());
        }
        Ok(known.map(|known| (known, Found::Store)))
    }

    /// Remembers what was found out just now.
    pub fn keep(&self, identity: Identity, known: &Known) {
        // A report that cannot be encoded cannot be stored either; the sink says so.
        if self.memory.is_some()
            && let Ok(bytes) = known.encode()
        {
            self.insert(identity, bytes.into());
        }
    }

    fn insert(&self, identity: Identity, bytes: Arc<[u8]>) {
        if let Some(memory) = &self.memory {
            memory.insert(identity, bytes);
            metrics::cache_bytes(memory.weight());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::outcome::End;
    use shared::record::Record;

    use super::*;

    fn known() -> Known {
        let mut record = Record::new(b"a", End::Ok);
        record.report = Some(Box::default());
        Known::of(&record).unwrap()
    }

    #[tokio::test]
    async fn the_bound_holds_and_what_is_in_it_is_found_without_redis() {
        const BOUND: u64 = 100_000;
        // Nobody listens there: whatever is found comes from memory.
        let store = Store::open("redis://127.0.0.1:1/0", "test", Duration::from_secs(1)).unwrap();
        let (cache, known) = (Cache::new(store, "all".to_owned(), BOUND), known());
        let identity = |number: u32| format!("{number:032x}").parse::<Identity>().unwrap();
        (0..1000).for_each(|number| cache.keep(identity(number), &known));
        let memory = cache.memory.as_ref().unwrap();
        let each = known.encode().unwrap().len() as u64 + BESIDE;
        assert_eq!(memory.weight(), memory.len() as u64 * each);
        assert!(memory.weight() <= BOUND && memory.weight() > BOUND / 2, "{}", memory.weight());
        let found: Vec<u32> = (0..1000).filter(|number| memory.peek(&identity(*number)).is_some()).collect();
        assert_eq!(cache.get(identity(found[0])).await.unwrap(), Some((known, Found::Memory)));
    }
}
