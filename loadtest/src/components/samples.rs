//! What is stored: the report of a real sample, as the end of many jobs.

use std::fs::File;
use std::path::Path;

use shared::job::{BatchId, JobId};
use shared::outcome::End;
use shared::record::Record;
use shared::store::Finished;

use crate::bench::job;
use crate::rig::{RigError, io};

/// The sample whose report is stored: fourteen seconds with every feature in them.
const SAMPLE: &str = "trance.mp3";

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
    record.report = Some(Box::new(done.report));
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
