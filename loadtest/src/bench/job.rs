//! A job as producers of a usual library make it: what is measured of a message depends on its size.

use shared::job::{BatchId, FileRef, Job, JobId, Priority, RelPath};

/// Levels that the jobs are spread over.
pub(crate) const LEVELS: u8 = 3;

/// The job with this number: its path is as long as most, its level goes round.
pub(crate) fn job(batch_id: BatchId, number: u64) -> Job {
    let path = format!("Artist {:03}/Album {:02}/{number:08} - A Title.flac", number % 997, number % 17);
    Job {
        job_id: JobId::new(),
        batch_id,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_sound_and_of_all_levels() {
        let levels: std::collections::BTreeSet<Priority> =
            (0..6).map(|number| job(BatchId::new(), number).priority).collect();
        assert_eq!(levels.len(), usize::from(LEVELS));
        let made = job(BatchId::new(), u64::MAX);
        assert_eq!(Job::decode(&made.encode().unwrap()), Ok(made));
    }
}
