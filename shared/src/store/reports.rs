//! Reports by the identity of their audio and the profile they were made under.
//!
//! A worker that answers from its cache may answer with an older report than Redis has: in a rolling update, when a newer
//! worker has made the report anew. So a cached answer never replaces a report. It lets it live on, and brings it back where
//! it is gone: every end that is stored has its report.
//!
//! An older worker may also analyse afresh what a newer one has analysed before: when it is forced to, or when both began at the
//! same time. So a stored report begins with its rank, and the script that writes one leaves a report of a higher rank alone.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use redis::{AsyncCommands, ExistenceCheck, Pipeline, Script, SetExpiry, SetOptions};
use report::{Report, Versions};
use serde::{Deserialize, Serialize};

use super::{Finished, Store, StoreError};
use crate::outcome::{End, Kind, Outcome};
use crate::record::Record;

/// Shared with whoever sends the pipeline: it may have to be loaded.
pub(super) static KEEP_REPORT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("keep_report.lua")));

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

    /// Its stored form: the rank, and then its own fields by their names.
    ///
    /// # Errors
    /// When the encoder refuses a value.
    pub fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let Self { outcome, kind, detail, report } = self;
        let stored = Ranked { rank: rank(&report.versions), outcome, kind, detail, report };
        Ok(rmp_serde::to_vec_named(&stored)?)
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

/// The stored form of [`Known`]. The rank comes first, where the script finds it without reading the rest.
#[derive(Serialize)]
struct Ranked<'a> {
    rank: String,
    outcome: &'a Outcome,
    kind: &'a Option<Kind>,
    detail: &'a Option<String>,
    report: &'a Report,
}

/// Twenty digits, more for a report that a newer analyser made of the same features: ten of the number at the beginning of the
/// analyser's version, ten of the sum of its parts' versions, none of which ever becomes smaller.
fn rank(versions: &Versions) -> String {
    let digits = versions.analysis.split('+').next().and_then(|number| number.parse::<u32>().ok());
    let parts: u32 = versions.parts.values().map(|version| u32::from(*version)).sum();
    format!("{:010}{parts:010}", digits.unwrap_or(0))
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

    /// Lets the reports behind cached ends live on, in one round trip where there are any. Returns the places of those ends
    /// whose report is gone.
    pub(super) async fn extend_known(&self, ends: &[Finished]) -> Result<BTreeSet<usize>, StoreError> {
        let cached = ends.iter().enumerate().filter(|(_, end)| end.record.cached);
        let keyed = cached.filter_map(|(place, end)| Some((place, self.report_key(&end.record)?)));
        let (places, keys): (Vec<usize>, Vec<String>) = keyed.unzip();
        if keys.is_empty() {
            return Ok(BTreeSet::new());
        }
        let ttl = i64::try_from(self.ttl_seconds()).unwrap_or(i64::MAX);
        let mut pipeline = Pipeline::new();
        for key in keys {
            pipeline.expire(key, ttl);
        }
        let mut connection = self.connection().await?;
        let there: Vec<bool> =
            pipeline.query_async(&mut connection).await.map_err(|error| self.error_in(&error, &pipeline))?;
        Ok(places.into_iter().zip(there).filter(|(_, there)| !there).map(|(place, _)| place).collect())
    }

    /// Adds the writing of what these records say of their audio, where they say something. `gone` is what
    /// [`Store::extend_known`] returned.
    pub(super) fn set_known(
        &self,
        pipeline: &mut Pipeline,
        ends: &[Finished],
        gone: &BTreeSet<usize>,
    ) -> Result<(), StoreError> {
        let written =
            ends.iter().enumerate().filter(|(place, end)| !end.record.cached || gone.contains(place));
        for (_, end) in written {
            let record = &end.record;
            let (Some(key), Some(known)) = (self.report_key(record), Known::of(record)) else { continue };
            if record.cached {
                // Another worker may have made it anew since it was found gone.
                let expiration = SetExpiry::EX(self.ttl_seconds());
                let options = SetOptions::default().with_expiration(expiration);
                let options = options.conditional_set(ExistenceCheck::NX);
                pipeline.set_options(key, known.encode()?, options).ignore();
            } else {
                let mut call = KEEP_REPORT.key(key);
                pipeline.invoke_script(call.arg(self.ttl_seconds()).arg(known.encode()?)).ignore();
            }
        }
        Ok(())
    }

    /// Where the report of this record is kept, if it can have one.
    fn report_key(&self, record: &Record) -> Option<String> {
        Some(self.keys.report(record.identity.as_deref()?, record.profile.as_deref()?))
    }

    /// The reports of these records, in their order, in one round trip.
    pub(super) async fn reports_of(
        &self,
        records: &[&Record],
    ) -> Result<Vec<Option<Box<Report>>>, StoreError> {
        let mut pipeline = Pipeline::new();
        let keys: Vec<Option<String>> = records.iter().map(|record| self.report_key(record)).collect();
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

#[cfg(test)]
mod tests {
    use crate::outcome::End;

    use super::*;

    fn known(analysis: &str, parts: [u16; 2]) -> Known {
        let parts = ["key", "tempo"].map(str::to_owned).into_iter().zip(parts).collect();
        let versions = Versions { analysis: analysis.to_owned(), parts, ..Versions::default() };
        let mut record = Record::new(b"a", End::Ok);
        record.report = Some(Box::new(Report { versions, ..Report::default() }));
        Known::of(&record).unwrap()
    }

    #[test]
    fn the_rank_stands_where_the_script_looks_for_it_and_sorts_by_age() {
        let ranked = [("", [0, 0]), ("3+x", [1, 9]), ("3+y", [2, 9]), ("10+x", [1, 1])];
        let stored = ranked.map(|(analysis, parts)| known(analysis, parts).encode().unwrap());
        for bytes in &stored {
            // MessagePack: a short map, the name "rank" of four letters, a text of twenty.
            assert_eq!((bytes[0] >> 4, &bytes[1..7]), (8, &b"\xa4rank\xb4"[..]));
            assert!(bytes[7..27].iter().all(u8::is_ascii_digit));
        }
        assert!(stored.is_sorted_by(|older, newer| older[1..27] < newer[1..27]));
    }

    #[test]
    fn the_rank_is_no_part_of_what_is_known() {
        let known = known("3+x", [1, 2]);
        assert_eq!(Known::decode("key", &known.encode().unwrap()), Some(known.clone()));
        // As it was written before there was a rank.
        assert_eq!(Known::decode("key", &rmp_serde::to_vec_named(&known).unwrap()), Some(known));
    }
}
