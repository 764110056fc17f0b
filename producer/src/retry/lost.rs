//! Jobs without an end whose messages are gone: they are published again from what Redis keeps of them.

use shared::job::JobId;
use shared::store::BatchState;

use super::Retry;
use crate::failure::Failure;
use crate::text;
use crate::verdict::{self, QUIET_FOR, Verdict};

impl Retry<'_> {
    /// Publishes the jobs of a batch that have no end: those that will not get one, or with `--lost` all of them.
    pub(super) async fn lost(&mut self, state: &BatchState) -> Result<(), Failure> {
        let missing = state.missing();
        // What was cancelled is not taken up without being asked for.
        if missing == 0 || (state.cancelled && !self.args.cancelled) {
            return Ok(());
        }
        if !self.args.lost {
            let why = match verdict::of(state, self.store, self.settings).await? {
                Verdict::Over => None,
                Verdict::Waiting(messages) => {
                    Some(format!("{} in the queues", text::count(messages, "message")))
                }
                Verdict::Alive(quiet) => Some(format!(
                    "the last sign of life of the batch is {} old. When nothing waits in the queues and there was none for {}, \
                     the same command publishes them",
                    text::duration(quiet),
                    text::duration(QUIET_FOR)
                )),
                Verdict::Unknown => Some("nothing tells whether a worker holds them".to_owned()),
            };
            if let Some(why) = why {
                self.round.tally.alive =
                    Some((missing, format!("{why} (--lost publishes them all the same)")));
                return Ok(());
            }
        }
        let known = self.store.open_count(state.batch_id).await?;
        self.publish_open(state, |_| true).await?;
        self.round.tally.nameless += missing.saturating_sub(known);
        Ok(())
    }

    /// Named jobs that have no end: with `--lost` they are published again.
    pub(super) async fn lost_by_name(&mut self, state: &BatchState) -> Result<(), Failure> {
        if !self.args.lost || self.wanted.is_empty() {
            return Ok(());
        }
        let wanted = self.wanted.clone();
        let found = self.publish_open(state, |job| wanted.contains(job)).await?;
        self.wanted.retain(|job| !found.contains(job));
        Ok(())
    }

    /// Publishes accepted jobs without an end, a window at a time. Returns those that were taken.
    async fn publish_open(
        &mut self,
        state: &BatchState,
        is_meant: impl Fn(&JobId) -> bool,
    ) -> Result<Vec<JobId>, Failure> {
        let (batch, mut place, mut found) = (state.batch_id, Some(0), Vec::new());
        while let Some(from) = place {
            let page = self.store.open_jobs(batch, from).await?;
            let ids: Vec<JobId> =
                page.jobs.iter().map(|(job, _)| job.job_id).filter(|job| is_meant(job)).collect();
            for window in ids.chunks(self.window) {
                if self.is_over() {
                    return Ok(found);
                }
                let jobs = self.store.take_lost(batch, window).await?;
                found.extend(jobs.iter().map(|job| job.job_id));
                self.round.publish_lost(batch, jobs).await?;
            }
            place = page.next;
        }
        Ok(found)
    }
}
