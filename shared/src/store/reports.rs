//! Reports by the identity of their audio and the profile they were made under.

use redis::{AsyncCommands, Pipeline};
use report::Report;

use super::{Store, StoreError};
use crate::record::Record;

impl Store {
    /// The report of this audio under this profile, if it is known. Its time to live starts anew. Tags are not in it.
    ///
    /// # Errors
    /// When Redis fails; a report that cannot be read counts as unknown.
    pub async fn report(&self, identity: &str, profile: &str) -> Result<Option<Report>, StoreError> {
        let key = self.keys.report(identity, profile);
        let expiry = redis::Expiry::EX(self.ttl_seconds());
        let mut connection = self.connection().await?;
        let bytes: Option<Vec<u8>> =
            connection.get_ex(&key, expiry).await.map_err(|error| self.error(&error))?;
        Ok(bytes.and_then(|bytes| decode(&key, &bytes)))
    }

    /// Adds the writing of a record's report, where it has one.
    pub(super) fn set_report(&self, pipeline: &mut Pipeline, record: &Record) -> Result<(), StoreError> {
        let (Some(report), Some(identity), Some(profile)) = (&record.report, &record.identity, &record.profile) else {
            return Ok(());
        };
        // Tags are the file's, not the audio's: they are stored with the end.
        let shared = Report { tags: None, ..report.clone() };
        let bytes = rmp_serde::to_vec_named(&shared)?;
        pipeline.set_ex(self.keys.report(identity, profile), bytes, self.ttl_seconds()).ignore();
        Ok(())
    }

    /// The reports of these records, in their order, in one round trip.
    pub(super) async fn reports_of(&self, records: &[&Record]) -> Result<Vec<Option<Report>>, StoreError> {
        let mut pipeline = Pipeline::new();
        let keys: Vec<Option<String>> = records
            .iter()
            .map(|record| Some(self.keys.report(record.identity.as_deref()?, record.profile.as_deref()?)))
            .collect();
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
            found.next().flatten().and_then(|bytes| decode(key, &bytes))
        });
        Ok(reports.collect())
    }
}

fn decode(key: &str, bytes: &[u8]) -> Option<Report> {
    match rmp_serde::from_slice(bytes) {
        Ok(report) => Some(report),
        Err(error) => {
            tracing::warn!(key, %error, "a stored report cannot be read, it will be made again");
            None
        }
    }
}
