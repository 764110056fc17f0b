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

    /// Hash: job → what is needed to publish it, of the jobs that the broker has accepted and that have no end.
    pub(super) fn open(&self, batch: BatchId) -> String {
        self.batch(batch) + ":open"
    }

    /// Set: jobs that were retried after their batch was cancelled, and so are not.
    pub(super) fn spared(&self, batch: BatchId) -> String {
        self.batch(batch) + ":spared"
    }

    /// All keys of a batch, in the order in which its scripts take them (`batch.lua`).
    pub(super) fn of_batch(&self, batch: BatchId) -> [String; 9] {
        [
            self.batch(batch),
            self.jobs(batch),
            self.events(batch),
            self.failures(batch),
            self.starts(batch),
            self.withdrawn(batch),
            self.unpublished(batch),
            self.spared(batch),
            self.open(batch),
        ]
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

    /// Sorted set: announcements of workers by the time at which Redis heard them last.
    pub(super) fn workers(&self) -> String {
        format!("{}:workers", self.prefix)
    }

    /// Hash: jobs that wait for a retry → their messages.
    pub(super) fn retries(&self) -> String {
        format!("{}:{{retries}}", self.prefix)
    }

    /// Sorted set: the same jobs by the time at which they are due.
    pub(super) fn retries_due(&self) -> String {
        self.retries() + ":due"
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use proptest::prelude::*;

    use super::*;
    use crate::settings::ProducerSettings;

    fn all(prefix: &str) -> Vec<String> {
        let (keys, batch) = (Keys::new(prefix), BatchId::STRAY);
        vec![
            keys.batch(batch),
            keys.jobs(batch),
            keys.events(batch),
            keys.failures(batch),
            keys.starts(batch),
            keys.withdrawn(batch),
            keys.unpublished(batch),
            keys.spared(batch),
            keys.cancelled(),
            keys.report("i", "p"),
            keys.seen(0, 0),
            keys.analyser(),
            keys.probe(),
            keys.batches(),
            keys.workers(),
            keys.retries(),
            keys.retries_due(),
        ]
    }

    fn is_accepted(prefix: &str) -> bool {
        let vars = [(OsString::from("QUEUE_PREFIX"), OsString::from(prefix))];
        ProducerSettings::from_vars(vars).is_ok()
    }

    proptest! {
        #[test]
        fn no_two_accepted_prefixes_share_a_key(
            one in "[ab:.]{1,3}(batch|seen)?[:.]?[a0]{0,2}",
            other in "[ab:.]{1,3}(batch|seen)?[:.]?[a0]{0,2}",
        ) {
            let others = all(&other);
            let share = all(&one).iter().any(|key| others.contains(key));
            prop_assert!(!share || one == other || !is_accepted(&one) || !is_accepted(&other));
        }
    }
}
