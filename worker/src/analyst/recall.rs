//! What the cache says of a file, and how much of it still holds.

use analysis::{Features, Identity, Staleness};
use shared::record::Record;
use shared::report::{Report, Tags};
use shared::store;

use super::fill;
use crate::cache::{Cache, Found};
use crate::lanes::Identified;
use crate::metrics;

/// A file whose audio is known.
#[derive(Debug)]
pub(super) struct Known {
    identified: Identified,
    known: store::Known,
}

/// What is known of a file, and whether it will do.
#[derive(Debug)]
pub(super) enum Recalled {
    /// It is the answer.
    Current(Known),
    /// These parts of it are of an older analyser.
    Stale(Known, Features),
}

/// Asks the cache. `None`: the file is to be analysed whole.
pub(super) async fn look_up(cache: &Cache, asked: Features, identified: Identified) -> Option<Recalled> {
    let answer = cache.get(identified.identity).await.unwrap_or_else(|error| {
        // Analysing it once more costs less than waiting for Redis; storing it will wait anyway.
        tracing::debug!(%error, "the cache was not asked");
        None
    });
    let Some((known, found)) = answer else {
        metrics::cache_miss();
        return None;
    };
    let staleness = analysis::staleness(asked, &known.report);
    let known = Known { identified, known };
    match staleness {
        Staleness::Current => {
            metrics::cache_hit(found == Found::Memory);
            Some(Recalled::Current(known))
        }
        Staleness::Parts(parts) => {
            metrics::cache_refreshed();
            Some(Recalled::Stale(known, parts))
        }
        Staleness::Whole => {
            metrics::cache_miss();
            None
        }
    }
}

impl Known {
    /// The record of the file: the stored report with the file's own tags.
    pub(super) fn record(self, shown: &[u8]) -> Record {
        let Self { identified, known } = self;
        let mut record = Record::new(shown, known.end());
        fill(&mut record, &identified.identity, identified.bytes, identified.modified);
        record.cached = true;
        record.detail = known.detail;
        record.report = Some(tagged(known.report, identified.tags));
        record
    }

    /// Puts what is known into the record of an analysis that computed only these parts. False where the two are not of
    /// the same audio, or ended in different ways: the record is of no use then.
    pub(super) fn refreshed(&self, identity: Identity, record: &mut Record, parts: Features) -> bool {
        if identity != self.identified.identity || record.end() != self.known.end() {
            return false;
        }
        let fresh = record.report.take();
        let merged = fresh.and_then(|fresh| analysis::merge(&self.known.report, *fresh, parts));
        record.report = merged.map(|merged| tagged(Box::new(merged), self.identified.tags.clone()));
        record.recomputed = Some(parts.to_string());
        record.report.is_some()
    }
}

/// The report with the file's own tags.
fn tagged(mut report: Box<Report>, tags: Option<Tags>) -> Box<Report> {
    report.tags = tags;
    report
}
