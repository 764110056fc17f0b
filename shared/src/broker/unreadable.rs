//! What a message that is no job is called, and how it ends: the same at a worker and in a purge.

use lapin::message::Delivery;
use lapin::types::ShortString;

use crate::job::{BatchId, JobError, JobId};
use crate::outcome::FailureKind;

/// Whose message it was: its properties may still say so. Without them its bytes are its name, so that the same garbage
/// twice is one record, and it counts to [`BatchId::STRAY`].
#[must_use]
pub fn owner(delivery: &Delivery) -> (JobId, BatchId) {
    let text = |property: &Option<ShortString>| property.as_ref().map(|id| id.as_str().to_owned());
    let job = text(delivery.properties.message_id()).and_then(|id| id.parse().ok());
    let batch = text(delivery.properties.correlation_id()).and_then(|id| id.parse().ok());
    let named = || {
        let mut hash = [0; 16];
        hash.copy_from_slice(&blake3::hash(&delivery.data).as_bytes()[..16]);
        JobId::from_hash(hash)
    };
    (job.unwrap_or_else(named), batch.unwrap_or(BatchId::STRAY))
}

impl JobError {
    /// How the message ends.
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        match self {
            Self::NewerVersion { .. } => FailureKind::UnsupportedVersion,
            Self::TooLarge(_) | Self::Malformed(_) | Self::OtherSchema(_) => FailureKind::UnreadableMessage,
        }
    }
}
