//! The key scheme.

use crate::job::BatchId;

/// Names every key of a fleet.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// Hash: label, times, what was accepted, counters per outcome and kind.
    pub(super) fn batch(&self, batch: BatchId) -> String {
        // The braces are Redis Cluster's hash tag: all keys of a batch are in one slot.
        format!("{}:batch:{{{batch}}}", self.prefix)
    }

    /// Hash: job → its event. Who is in it has ended.
    pub(super) fn jobs(&self, batch: BatchId) -> String {
        self.batch(batch) + ":jobs"
    }

    /// Stream: one entry per end, in order.
    pub(super) fn events(&self, batch: BatchId) -> String {
        self.batch(batch) + ":events"
    }

    /// Sorted set: the events that are failures, in order.
    pub(super) fn failures(&self, batch: BatchId) -> String {
        self.batch(batch) + ":failures"
    }

    /// Hash: job → starts without an end.
    pub(super) fn starts(&self, batch: BatchId) -> String {
        self.batch(batch) + ":starts"
    }

    /// Hash: job → the end that a retry took back, as it was stored.
    pub(super) fn withdrawn(&self, batch: BatchId) -> String {
        self.batch(batch) + ":withdrawn"
    }

    /// Hash: job → the retry that took its end back and has not heard yet that the broker has it.
    pub(super) fn unpublished(&self, batch: BatchId) -> String {
        self.batch(batch) + ":unpublished"
    }

    /// Set: jobs that were retried after their batch was cancelled, and so are not.
    pub(super) fn spared(&self, batch: BatchId) -> String {
        self.batch(batch) + ":spared"
    }

    /// Sorted set: batches whose running jobs were cancelled, in the order of it.
    pub(super) fn cancelled(&self) -> String {
        format!("{}:cancelled", self.prefix)
    }

    /// The report of a piece of audio under a profile, shared by every copy of it.
    pub(super) fn report(&self, identity: &str, profile: &str) -> String {
        format!("{}:report:{identity}:{profile}", self.prefix)
    }

    /// Hash: names of files → the state in which they were when they last ended; one of many.
    pub(super) fn seen(&self, era: u64, bucket: u16) -> String {
        format!("{}:seen:{era}:{bucket:x}", self.prefix)
    }

    /// What the workers answer with.
    pub(super) fn analyser(&self) -> String {
        format!("{}:analyser", self.prefix)
    }

    /// A key that is written to see whether it can be.
    pub(super) fn probe(&self) -> String {
        format!("{}:probe", self.prefix)
    }

    /// Sorted set: batches by the time of their making.
    pub(super) fn batches(&self) -> String {
        format!("{}:batches", self.prefix)
    }
}
