//! Whether Redis takes writes, by the road that every end takes: a script.
//!
//! A server that is full, a replica, one that cannot save, and one whose user may run no scripts all answer a ping.
//! Asking for the role instead would miss all but the replica.

use std::sync::LazyLock;

use redis::{Pipeline, Script};

use super::{Store, StoreError, fault};

static PROBE: LazyLock<Script> =
    LazyLock::new(|| Script::new("return redis.call('SET', KEYS[1], 1, 'EX', ARGV[1])"));

/// Long enough to be seen by whoever looks for it, short enough to leave nothing behind.
const KEPT_SECONDS: u64 = 60;

/// Hash tags whose slots lie in the sixteen equal parts of a cluster's slots, in their order: with up to sixteen masters of
/// about equal shares, each has one.
const TAGS: [&str; 16] = [
    "18", "455", "333", "223", "553", "443", "95", "663", "265", "375", "908", "155", "985", "895", "405",
    "515",
];

impl Store {
    /// Writes keys of no meaning: one, or in a cluster one for each sixteenth of the slots.
    ///
    /// # Errors
    /// When Redis does not answer or refuses. Never permanent: the fault is not that of a request.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let pipeline = self.probe_pipeline();
        let answer = match pipeline.query_async::<()>(&mut connection).await {
            // A restarted Redis has forgotten the script.
            Err(error) if fault::lacks_script(&error) => match PROBE.load_async(&mut connection).await {
                Ok(_) => pipeline.query_async::<()>(&mut connection).await,
                Err(error) => Err(error),
            },
            other => other,
        };
        answer.map_err(|error| match self.error_in(&error, &pipeline) {
            StoreError::Permanent { url, subject, detail } => {
                StoreError::Refused { url, detail: format!("{detail} ({subject})") }
            }
            other => other,
        })
    }

    /// An error that looks permanent, unless Redis refuses such work from everybody: then that is the error.
    pub(super) async fn confirmed(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Permanent { .. } => self.probe().await.err().unwrap_or(error),
            other => other,
        }
    }

    fn probe_pipeline(&self) -> Pipeline {
        let mut pipeline = Pipeline::new();
        let mut add = |key: String| {
            pipeline.invoke_script(PROBE.key(key).arg(KEPT_SECONDS)).ignore();
        };
        let key = self.keys.probe();
        match self.servers.is_cluster() {
            true => TAGS.iter().for_each(|tag| add(format!("{key}:{{{tag}}}"))),
            false => add(key),
        }
        pipeline
    }
}

#[cfg(test)]
mod tests {
    use super::TAGS;

    /// Redis Cluster specification, "Key distribution model": CRC-16/XMODEM, modulo 16384.
    fn slot(key: &str) -> u16 {
        let step = |crc: u16, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        key.bytes().fold(0, |crc, byte| (0..8).fold(crc ^ (u16::from(byte) << 8), step)) % 16384
    }

    #[test]
    fn the_tags_are_spread_over_the_slots() {
        // The example of the specification.
        assert_eq!(slot("123456789"), 0x31c3);
        for (part, tag) in TAGS.iter().enumerate() {
            assert_eq!(usize::from(slot(tag)) / 1024, part, "{tag}");
        }
    }
}
