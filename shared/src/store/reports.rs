//! Reports by the identity of their audio and the profile they were made under.

use redis::{AsyncCommands, Pipeline};
use report::Report;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::outcome::{End, Kind, Outcome};
use crate::record::Record;

/// What is known of a piece of audio: how its analysis ended, and what it found. A failure is never known, and tags are
/// the file's, not the audio's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    outcome: Outcome,
    #[serde(default)]
    kind: Option<Kind>,
    /// The cause in words, for a partial one.
    #[serde(default)]
    pub detail: Option<String>,
    /// The report, without tags.
    pub report: Box<Report>,
}

impl Known {
    /// What this record says of its audio; `None` for a failure and for a record without a report.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        let report = record.report.as_ref().filter(|_| record.outcome != Outcome::Failed)?;
        Some(Self {
            outcome: record.outcome,
            kind: record.kind,
            detail: record.detail.clone(),
            report: Box::new(Report { tags: None, ..*report.clone() }),
        })
    }

    /// How the analysis ended.
    #[must_use]
    pub const fn end(&self) -> End {
        End::of(self.outcome, self.kind)
    }

    /// Its stored form.
    ///
    /// # Errors
    /// When the encoder refuses a value.
    pub fn encode(&self) -> Result<Vec<u8>, StoreError> {
        Ok(rmp_serde::to_vec_named(self)?)
    }

    /// Reads the stored form. One that cannot be read counts as none.
    #[must_use]
    pub fn decode(key: &str, bytes: &[u8]) -> Option<Self> {
        match rmp_serde::from_slice(bytes) {
            Ok(known) => Some(known),
            Err(error) => {
                tracing::warn!(key, %error, "a stored report cannot be read, it will be made again");
                None
            }
        }
    }
}

impl Store {
    /// What is known of this audio under this profile, in its stored form ([`Known::decode`]). Its time to live starts anew.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn known(&self, identity: &str, profile: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let key = self.keys.report(identity, profile);
        let expiry = redis::Expiry::EX(self.ttl_seconds());
        let mut connection = self.connection().await?;
        connection.get_ex(&key, expiry).await.map_err(|error| self.error(&error))
    }

    /// Adds the writing of what a record says of its audio, where it says something.
    pub(super) fn set_known(&self, pipeline: &mut Pipeline, record: &Record) -> Result<(), StoreError> {
        let (Some(identity), Some(profile)) = (&record.identity, &record.profile) else { return Ok(()) };
        if let Some(known) = Known::of(record) {
            pipeline
                .set_ex(self.keys.report(identity, profile), known.encode()?, self.ttl_seconds())
                .ignore();
        }
        Ok(())
    }

    /// The reports of these records, in their order, in one round trip.
    pub(super) async fn reports_of(
        &self,
        records: &[&Record],
    ) -> Result<Vec<Option<Box<Report>>>, StoreError> {
        let mut pipeline = Pipeline::new();
        let key = |record: &&Record| {
            Some(self.keys.report(record.identity.as_deref()?, record.profile.as_deref()?))
        };
        let keys: Vec<Option<String>> = records.iter().map(key).collect();
        for key in keys.iter().flatten() {
            pipeline.get(key);
        }
        if pipeline.is_empty() {
            return Ok(vec![None; records.len()]);
        }
        let mut connection = self.connection().await?;
        let found: Vec<Option<Vec<u8>>> =
            pipeline.query_async(&mut connection).await.map_err(|error| self.error(&error))?;
        let mut found = found.into_iter();
        let reports = keys.iter().map(|key| {
            let key = key.as_ref()?;
            let bytes = found.next().flatten()?;
            Known::decode(key, &bytes).map(|known| known.report)
        });
        Ok(reports.collect())
    }
}
