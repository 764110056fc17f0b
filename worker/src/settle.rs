//! What follows from an end: store it, or try again later. A pure function, so that the table below is all there is.

use shared::job::Job;
use shared::outcome::End;

use crate::task::{Completion, Ended, Settlement};

/// The decision on a task that was worked on. A transient failure goes through the retry tiers first; without a job (the
/// local mode) or without a tier left it is an end like any other.
#[must_use]
pub fn decide(ended: Ended, tiers: usize) -> Completion {
    match ended.job.as_ref().filter(|_| is_retried(&ended, tiers)) {
        Some(job) => Completion::Settle(Settlement::Retry {
            tier: tier(job, tiers),
            job: Box::new(job.next_attempt()),
            trace: ended.trace,
        }),
        None => Completion::Store(Box::new(ended)),
    }
}

/// Whether it will be: so that it can be told while all of it is known.
#[must_use]
pub fn is_retried(ended: &Ended, tiers: usize) -> bool {
    let passing = matches!(ended.record.end(), End::Failed(kind) if kind.is_transient());
    passing && ended.job.as_ref().is_some_and(|job| usize::from(job.attempt) < tiers)
}

/// Of four jobs, two wait in the tier of their attempt, one in the tier before and one in the tier after it: a thousand that
/// failed together (their root went away) do not come back in the same second, to a disk that has just come back itself.
/// A delay of their own would need a queue each: in one queue those behind a longer delay wait for it.
fn tier(job: &Job, tiers: usize) -> usize {
    let usual = usize::from(job.attempt);
    let chosen = match draw(job) % 4 {
        0 => usual.saturating_sub(1),
        1 => usual + 1,
        _ => usual,
    };
    chosen.min(tiers.saturating_sub(1))
}

/// The same for the same job and attempt, wherever it is drawn: a repeated settlement goes the same way.
fn draw(job: &Job) -> u8 {
    let mut hash = blake3::Hasher::new();
    hash.update(job.job_id.as_bytes()).update(&job.attempt.to_be_bytes());
    hash.finalize().as_bytes()[0]
}

#[cfg(test)]
mod tests {
    use shared::job::{BatchId, FileRef, JobId, Priority, RelPath};
    use shared::outcome::{FailureKind, NotApplicable};
    use shared::record::Record;

    use super::*;

    fn job(attempt: u16) -> Job {
        Job {
            job_id: JobId::new(),
            batch_id: BatchId::new(),
            priority: Priority(1),
            file: FileRef { root: "r".into(), path: RelPath::new("a").unwrap() },
            attempt,
            force: false,
            submitted_at_ms: 0,
            seen: None,
        }
    }

    /// A job whose draw leaves it in the tier of its attempt.
    fn usual(attempt: u16) -> Job {
        std::iter::repeat_with(|| job(attempt)).find(|job| draw(job) % 4 > 1).unwrap()
    }

    fn decision(end: End, job: Option<Job>, tiers: usize) -> &'static str {
        let ended = Ended::new(Record::new(b"r/a", end), job);
        match decide(ended, tiers) {
            Completion::Store(_) => "store",
            Completion::Settle(Settlement::Retry { tier: 0, job, .. }) if job.attempt == 1 => "first tier",
            Completion::Settle(Settlement::Retry { tier: 3, job, .. }) if job.attempt == 4 => "fourth tier",
            Completion::Settle(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_table() {
        use FailureKind::{Corrupt, Io, RootUnavailable, StoreUnavailable, Timeout};
        let table = [
            (End::Ok, Some(usual(0)), 4, "store"),
            (End::Partial, Some(usual(0)), 4, "store"),
            (End::NotApplicable(NotApplicable::Silence), Some(usual(0)), 4, "store"),
            (End::Failed(Corrupt), Some(usual(0)), 4, "store"),
            (End::Failed(Timeout), Some(usual(0)), 4, "store"),
            (End::Failed(Io), Some(usual(0)), 4, "first tier"),
            (End::Failed(RootUnavailable), Some(usual(3)), 4, "fourth tier"),
            (End::Failed(StoreUnavailable), Some(usual(4)), 4, "store"),
            (End::Failed(Io), Some(usual(0)), 0, "store"),
            (End::Failed(Io), None, 4, "store"),
        ];
        for (end, job, tiers, expected) in table {
            assert_eq!(decision(end, job, tiers), expected, "{end:?}");
        }
    }

    #[test]
    fn a_crowd_is_spread_over_neighbouring_tiers() {
        // Attempt, tiers, and the share of each tier in quarters.
        let table: [(u16, usize, &[f64]); 6] = [
            (0, 4, &[3.0, 1.0, 0.0, 0.0]),
            (1, 4, &[1.0, 2.0, 1.0, 0.0]),
            (2, 4, &[0.0, 1.0, 2.0, 1.0]),
            (3, 4, &[0.0, 0.0, 1.0, 3.0]),
            (1, 2, &[1.0, 3.0]),
            (0, 1, &[4.0]),
        ];
        for (attempt, tiers, quarters) in table {
            let mut counts = vec![0_u32; tiers];
            for _ in 0..4000 {
                let job = job(attempt);
                assert_eq!(tier(&job, tiers), tier(&job, tiers));
                counts[tier(&job, tiers)] += 1;
            }
            for (count, quarters) in counts.iter().zip(quarters) {
                // Seven standard deviations of a fair draw.
                let off = (f64::from(*count) - quarters * 1000.0).abs();
                assert!(off <= 220.0, "attempt {attempt} of {tiers} tiers: {counts:?}");
                assert!(*quarters > 0.0 || *count == 0, "attempt {attempt} of {tiers} tiers: {counts:?}");
            }
        }
    }

    #[test]
    fn each_attempt_draws_anew() {
        let differs = |job: &Job| draw(job) % 4 != draw(&job.next_attempt()) % 4;
        let moved = (0..200).map(|_| job(0)).filter(differs).count();
        assert!(moved > 100, "{moved}");
    }
}
