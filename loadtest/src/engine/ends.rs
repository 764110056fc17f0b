//! The stored ends of a batch, and the clock by which they and the arrivals are compared.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use shared::job::{BatchId, JobId};
use shared::store::{Cursor, Store};
use tokio::time::Instant;

use super::audit::Ended;
use crate::rig::RigError;

/// Ends read at a time.
const PAGE: usize = 1000;

/// Questions for Redis' time; the quickest answer is the most exact one.
const QUESTIONS: usize = 5;

/// Second 0 of a plan, on our clock and on Redis'.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) begun: Instant,
    /// By Redis' clock, since the Unix epoch.
    began: f64,
    /// Redis' clock − ours, seconds.
    pub(crate) offset: f64,
}

impl Clock {
    /// It is second 0 now.
    pub(crate) async fn start(store: &Store) -> Result<Self, RigError> {
        let mut best = (Duration::MAX, 0.0);
        for _ in 0..QUESTIONS {
            let (asked, ours) = (Instant::now(), now());
            let theirs = store.clock().await?;
            let took = asked.elapsed();
            if took < best.0 {
                best = (took, theirs.as_secs_f64() - ours - took.as_secs_f64() / 2.0);
            }
        }
        Ok(Self { begun: Instant::now(), began: now() + best.1, offset: best.1 })
    }

    /// Seconds since second 0.
    pub(crate) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Every end of a batch in the order in which they were stored, and the profile of the first.
pub(crate) async fn read(
    store: &Store,
    batch: BatchId,
    clock: &Clock,
) -> Result<(Vec<Ended>, Option<String>), RigError> {
    let (mut ends, mut profile, mut cursor) = (Vec::new(), None, Cursor::start());
    loop {
        let (page, next) = store.timed(batch, &cursor, PAGE).await?;
        for timed in page {
            let record = timed.record;
            if profile.is_none() {
                profile = record.profile;
            }
            ends.push(Ended {
                // A message that was no job of ours has none: the audit finds a stranger.
                job: record.job_id.unwrap_or(JobId::from_hash([0; 16])),
                at: timed.stored_at.as_secs_f64() - clock.began,
                service: record.elapsed_seconds,
                outcome: record.outcome.code(),
                cached: record.cached,
            });
        }
        match next {
            Some(next) => cursor = next,
            None => return Ok((ends, profile)),
        }
    }
}
