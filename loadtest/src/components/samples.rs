//! What is queued, sent and stored: jobs, and the report of a real sample.

use std::fs::File;
use std::path::Path;

use shared::job::{BatchId, FileRef, Job, JobId, Priority, RelPath};
use shared::outcome::End;
use shared::record::Record;
use shared::store::Finished;

use crate::rig::{RigError, io};

/// Levels of a fleet as it comes.
pub(super) const LEVELS: u8 = 3;

/// The sample whose report is stored: fourteen seconds with every feature in them.
const SAMPLE: &str = "trance.mp3";

/// A job like those of a large library: its path is what makes a message long.
pub(super) fn job(batch: BatchId, number: u64) -> Job {
    let path = format!("Artist {:03}/Album {:02}/{number:08} - A Title.flac", number % 997, number % 17);
    Job {
        job_id: JobId::new(),
        batch_id: batch,
        priority: Priority((number % u64::from(LEVELS)) as u8),
        file: FileRef { root: "music".to_owned(), path: relative(&path) },
        attempt: 0,
        force: false,
        submitted_at_ms: 1_700_000_000_000,
        seen: None,
    }
}

#[expect(
    clippy::expect_used,
    reason = "a path of ours, without a slash at its start or a dot in it; a test makes one"
)]
fn relative(path: &str) -> RelPath {
    RelPath::new(path.as_bytes().to_vec()).expect("a relative path")
}

/// The record of a real sample with its whole report.
pub(super) fn record(samples: &Path) -> Result<Record, RigError> {
    let path = samples.join(SAMPLE);
    let file = File::open(&path).map_err(io(path.display().to_string()))?;
    let input = analysis::Input { file, extension: Some("mp3".to_owned()) };
    let done = analysis::analyze(input, &analysis::Options::default(), &mut |_| {})
        .map_err(|error| RigError::NotReady(format!("{} cannot be analysed: {error}", path.display())))?;
    let mut record = Record::new(format!("music/{SAMPLE}").as_bytes(), End::Ok);
    record.identity = Some(done.identity.to_string());
    record.profile = Some("components".to_owned());
    record.worker = Some("loadtest".to_owned());
    record.bytes = std::fs::metadata(&path).ok().map(|data| data.len());
    record.report = Some(done.report);
    Ok(record)
}

/// So many ends of this kind, each of a job of its own.
pub(super) fn ends(record: &Record, batch: BatchId, count: usize) -> Vec<Finished> {
    let end = |_| {
        let job = job(batch, 0);
        let mut record = record.clone();
        record.job_id = Some(job.job_id);
        record.batch_id = Some(batch);
        Finished { job_id: job.job_id, batch_id: batch, record, job: None, message: None }
    };
    (0..count).map(end).collect()
}

/// Makes other jobs' ends of these, of other audio.
pub(super) fn renew(ends: &mut [Finished]) {
    for end in ends {
        end.job_id = JobId::new();
        end.record.job_id = Some(end.job_id);
        if end.record.report.is_some() {
            end.record.identity = Some(end.job_id.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_sound_and_of_all_levels() {
        let levels: std::collections::BTreeSet<Priority> =
            (0..6).map(|number| job(BatchId::new(), number).priority).collect();
        assert_eq!(levels.len(), usize::from(LEVELS));
        let made = job(BatchId::new(), 7);
        assert_eq!(Job::decode(&made.encode().unwrap()), Ok(made));
    }

    #[test]
    fn the_samples_report_is_whole() {
        let record = record(&crate::rig::Repository::find().unwrap().samples).unwrap();
        let report = record.report.as_ref().unwrap();
        assert!(report.tempo.is_some() && report.key.is_some() && report.loudness.is_some());
        let mut ends = ends(&record, BatchId::new(), 2);
        let before = ends[0].job_id;
        renew(&mut ends);
        assert!(ends[0].job_id != before && ends[0].record.identity != ends[1].record.identity);
    }
}
