//! Telling Redis of which batches this worker holds jobs, and removing expired batches from the list of all batches.
//!
//! RabbitMQ counts the messages that wait, not those that a worker holds. Without a word from the workers nobody could tell
//! a batch whose last jobs run, or wait in a worker's prefetch, from one whose messages are lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::job::BatchId;
use shared::record::Record;
use shared::store::{IndexPlace, Store, StoreError};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

/// A batch of which this worker had no job is told of within this. `producer` waits twice as long before it believes that
/// a message that was just taken out of a queue is lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A batch of which this worker still holds jobs is told of again after this. `producer` takes one for lost of which nothing
/// was heard for six times as long.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Looks at the list of batches: one round trip each, for every worker of the fleet. An entry goes at the second look that
/// does not find its batch. Where results are kept for less than a minute, the entries are not to outlive them by more.
const TIDY_EVERY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// Batches of which it is kept why their jobs are tried again, until Redis is told, within a second or when it is back.
const MOST_RETRIED: usize = 1000;

/// Characters of a cause: a few lines of a terminal.
const MOST_OF_A_CAUSE: usize = 300;

/// How many jobs of which batches this worker holds: those that wait here, and those that run. And why jobs are tried again.
#[derive(Debug, Clone, Default)]
pub struct HeldBatches(Arc<Mutex<BTreeMap<BatchId, usize>>>, Arc<Mutex<RetryCauses>>);

/// The last cause of each kind of failure, by batch.
type RetryCauses = BTreeMap<BatchId, BTreeMap<&'static str, String>>;

impl HeldBatches {
    /// A job of this batch has come.
    pub fn add(&self, batch: BatchId) {
        *self.lock().entry(batch).or_default() += 1;
    }

    /// A job of this batch is no longer here.
    pub fn remove(&self, batch: BatchId) {
        let mut batches = self.lock();
        if let Some(jobs) = batches.get_mut(&batch) {
            *jobs -= 1;
            if *jobs == 0 {
                batches.remove(&batch);
            }
        }
    }

    /// A job of this batch is tried again later, because of this end of its last try.
    pub fn note_retry(&self, batch: BatchId, record: &Record) {
        let Some(kind) = record.kind else { return };
        let mut causes = self.causes();
        if causes.len() < MOST_RETRIED || causes.contains_key(&batch) {
            let cause = record.detail.as_deref().unwrap_or_default().chars().take(MOST_OF_A_CAUSE).collect();
            causes.entry(batch).or_default().insert(kind.code(), cause);
        }
    }

    fn causes(&self) -> MutexGuard<'_, RetryCauses> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn batches(&self) -> Vec<BatchId> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BatchId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells Redis until the handle is dropped. `result_ttl` is how long results are kept. Needs a tokio runtime.
pub fn tell(store: Store, held: HeldBatches, result_ttl: Duration) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut teller = Teller { store, held, told: BTreeMap::new() };
        let mut tidying = Tidying::default();
        let tidy_every = result_ttl.clamp(TIDY_EVERY.0, TIDY_EVERY.1);
        let mut tidied = Instant::now();
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            // A Redis that is away is told of where results are stored; here the next turn tries again.
            if let Err(error) = teller.tell().await {
                tracing::debug!(%error, "cannot tell of the batches that are held");
            }
            if tidied.elapsed() >= tidy_every {
                tidied = Instant::now();
                if let Err(error) = tidying.tidy(&teller.store).await {
                    tracing::debug!(%error, "cannot look for expired batches");
                }
            }
        }
    }))
}

struct Teller {
    store: Store,
    held: HeldBatches,
    /// When each batch that is held was told of last.
    told: BTreeMap<BatchId, Instant>,
}

impl Teller {
    async fn tell(&mut self) -> Result<(), StoreError> {
        let held = self.held.batches();
        self.told.retain(|batch, _| held.binary_search(batch).is_ok());
        for batch in held {
            if self.told.get(&batch).is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                self.store.note_held(batch).await?;
                self.told.insert(batch, Instant::now());
            }
        }
        // What Redis does not take is met again with the next try.
        let causes = std::mem::take(&mut *self.held.causes());
        for (batch, causes) in causes {
            self.store.note_retry_causes(batch, &causes).await?;
        }
        Ok(())
    }
}

/// A walk through the list of all batches, over and over.
#[derive(Default)]
struct Tidying {
    place: IndexPlace,
    /// Batches that were not there on the walk before.
    missing: BTreeSet<BatchId>,
    /// Batches that were not there on this walk.
    newly_missing: BTreeSet<BatchId>,
}

impl Tidying {
    async fn tidy(&mut self, store: &Store) -> Result<(), StoreError> {
        let (expired, next) = store.expired_batches(self.place).await?;
        let (gone, missing): (Vec<_>, Vec<_>) =
            expired.into_iter().partition(|batch| self.missing.contains(batch));
        store.forget_batches(&gone).await?;
        self.newly_missing.extend(missing);
        if next == IndexPlace::default() {
            self.missing = std::mem::take(&mut self.newly_missing);
        }
        self.place = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use shared::outcome::{End, FailureKind};

    use super::*;

    #[test]
    fn a_batch_is_held_as_long_as_one_of_its_jobs() {
        let (held, [first, second]) = (HeldBatches::default(), [BatchId::new(), BatchId::new()]);
        [first, second, first].into_iter().for_each(|batch| held.add(batch));
        held.remove(first);
        assert_eq!(held.batches(), [first, second]);
        held.remove(first);
        held.remove(first);
        assert_eq!(held.batches(), [second]);
    }

    #[test]
    fn the_last_cause_of_each_kind_is_kept_for_as_many_batches_as_fit() {
        let held = HeldBatches::default();
        let record = |kind, detail: &str| {
            let mut record = Record::new(b"r/a", End::Failed(kind));
            record.detail = Some(detail.to_owned());
            record
        };
        let batch = BatchId::new();
        held.note_retry(batch, &record(FailureKind::Io, "first"));
        held.note_retry(batch, &record(FailureKind::Io, &"x".repeat(1000)));
        held.note_retry(batch, &record(FailureKind::RootUnavailable, "no root"));
        (0..2 * MOST_RETRIED).for_each(|_| held.note_retry(BatchId::new(), &record(FailureKind::Io, "")));
        let causes = held.causes().clone();
        assert_eq!(causes.len(), MOST_RETRIED);
        let expected = [("io", "x".repeat(MOST_OF_A_CAUSE)), ("root_unavailable", "no root".to_owned())];
        assert_eq!(causes[&batch], expected.into());
    }
}
