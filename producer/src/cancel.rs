//! `producer cancel`: a mark in Redis, which the workers meet when they start a job. No message is touched.
//!
//! After the mark no job starts that has not started, so its end is certain, and is written at once. A message that is lost
//! keeps no batch open; one that waits in a queue is dropped by the worker that comes to it.

use std::time::Duration;

use shared::job::{BatchId, Job, Levels};
use shared::outcome;
use shared::record::Record;
use shared::settings::ProducerSettings;
use shared::store::{BatchState, Cancelled, Finished, RetryId, Store, StoredEnd};
use tokio::time::Instant;

use crate::cli::CancelArgs;
use crate::failure::{End, Failure};
use crate::screen::Screen;
use crate::text::count;
use crate::{connect, resolve, stop, watch};

/// Ends written in one round trip.
const CHUNK: usize = 256;

/// The workers learn of `--now` within half a second, and killing a lane takes a moment. A job that has no end after this
/// has no worker.
const WORKERS_END_WITHIN: Duration = Duration::from_secs(5);

/// Between two looks at the jobs that the workers are to end.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(crate) async fn run(
    settings: &ProducerSettings,
    args: &CancelArgs,
    screen: &Screen,
) -> Result<End, Failure> {
    let store = connect::store(settings, screen).await?;
    let batch = resolve::batch(&store, &args.batch).await?;
    if batch == BatchId::STRAY {
        let text =
            "messages without a batch cannot be cancelled; `producer purge` takes them out of the queues";
        return Err(Failure::Usage(text.to_owned()));
    }
    let before = store.batch(batch).await?;
    let cancelled = store.cancel_batch(batch, args.now).await?;
    let mut left_out = 0;
    if matches!(cancelled, Cancelled::Marked | Cancelled::Closed) {
        let canceller = Canceller { store: &store, batch, levels: settings.queue.levels };
        left_out = canceller.end_all(args.now).await?;
    }
    let state = store.batch(batch).await?.filter(|_| cancelled != Cancelled::Unknown);
    let (Some(before), Some(state)) = (before, state) else {
        return Err(Failure::NotFound(format!("batch {batch} is no longer in Redis (RESULT_TTL)")));
    };
    words(&before, &state, cancelled, args.now, left_out).iter().for_each(|line| screen.line(line));
    match cancelled {
        Cancelled::Complete => Ok(End::Incomplete),
        _ if args.watch => {
            // That some of it is cancelled is what was asked for.
            let watched = watch::follow(settings, &store, batch, &stop::on_signal()?, screen).await?;
            Ok(if watched == End::Interrupted { watched } else { End::Done })
        }
        _ => Ok(End::Done),
    }
}

fn words(
    before: &BatchState,
    state: &BatchState,
    cancelled: Cancelled,
    now: bool,
    left_out: u64,
) -> Vec<String> {
    let (batch, done) = (state.batch_id, before.done());
    if cancelled == Cancelled::Complete {
        return vec![format!("batch {batch} is complete: there is nothing to cancel")];
    }
    let accepted = count(state.accepted + left_out, "job");
    let running = if now { "what runs is killed" } else { "what runs is finished (--now kills it)" };
    let mut lines = vec![format!(
        "batch {batch} is cancelled: {done} of {accepted} had ended; what has not started ends as cancelled, {running}"
    )];
    if cancelled == Cancelled::Closed {
        lines.push(format!(
            "its producer had not closed it: it still runs, and stops now, or it was killed. Closed with {accepted} known to be \
             accepted; up to a second's jobs more may be in the queue. They end as cancelled, too, and are added when \
             they come"
        ));
    }
    if left_out > 0 {
        lines.push(format!(
            "closed without {} that only their number is known of (accepted by an older version, or Redis has lost its data): \
             those that still come end as cancelled and are added",
            count(left_out, "job")
        ));
    }
    lines.push(match state.is_complete() {
        true => "every job has its end".to_owned(),
        false => format!(
            "{} left: the workers end them as they come to them. Follow it: producer watch {batch}",
            count(state.missing() + state.retrying, "job")
        ),
    });
    lines
}

/// Writes the ends of the jobs of one batch that is marked as cancelled.
struct Canceller<'a> {
    store: &'a Store,
    batch: BatchId,
    levels: Levels,
}

impl Canceller<'_> {
    /// Ends what can be ended. Returns how many jobs the batch was closed without.
    async fn end_all(&self, now: bool) -> Result<u64, Failure> {
        self.end_unpublished().await?;
        let mut started = self.end_open(false).await?;
        if !now {
            return Ok(0);
        }
        let deadline = Instant::now() + WORKERS_END_WITHIN;
        while started > 0 && Instant::now() < deadline {
            tokio::time::sleep(LOOK_EVERY).await;
            started = self.end_open(false).await?;
        }
        self.end_open(true).await?;
        Ok(self.store.close_cancelled(self.batch).await?)
    }

    /// Ends the jobs that no worker has started; with `started` the others too. Returns how many started ones are left.
    async fn end_open(&self, started: bool) -> Result<u64, Failure> {
        let (mut place, mut left) = (Some(0), 0);
        while let Some(from) = place {
            let page = self.store.open_jobs(self.batch, from).await?;
            let mut ends = Vec::new();
            for (job, has_started) in page.jobs {
                if has_started && !started {
                    left += 1;
                    continue;
                }
                let detail = match has_started {
                    true => "its batch was cancelled, and no worker has ended it since",
                    false => "its batch was cancelled before it started",
                };
                let level = Some(self.levels.name(job.priority).to_owned());
                ends.push(self.cancelled(job, detail, u16::from(has_started), level));
            }
            for ends in ends.chunks(CHUNK) {
                self.store.finish(ends).await?;
            }
            place = page.next;
        }
        Ok(left)
    }

    /// Jobs that a retry had taken back and not published have no message that a worker could end.
    async fn end_unpublished(&self) -> Result<(), Failure> {
        let us = RetryId::new();
        loop {
            let ends = self.store.take_over(self.batch, us, Duration::ZERO, CHUNK).await?;
            if ends.is_empty() {
                return Ok(());
            }
            let ends: Vec<Finished> = ends.into_iter().filter_map(|end| self.unpublished(end)).collect();
            self.store.finish(&ends).await?;
        }
    }

    fn unpublished(&self, end: StoredEnd) -> Option<Finished> {
        let detail = "its batch was cancelled before it was published again";
        let job_id = end.record.job_id?;
        let mut record = Record::new(&end.record.path_bytes(), outcome::End::Cancelled);
        record.detail = Some(detail.to_owned());
        (record.job_id, record.batch_id, record.attempts) = (Some(job_id), Some(self.batch), 0);
        record.priority = end.record.priority;
        let job = end.job.map(|job| Job { attempt: 0, ..job });
        Some(Finished { job_id, batch_id: self.batch, record, job, message: None })
    }

    fn cancelled(&self, job: Job, detail: &str, attempts: u16, level: Option<String>) -> Finished {
        let mut record = Record::new(&job.file.to_bytes(), outcome::End::Cancelled);
        record.detail = Some(detail.to_owned());
        (record.job_id, record.batch_id, record.attempts) = (Some(job.job_id), Some(self.batch), attempts);
        record.priority = level;
        Finished { job_id: job.job_id, batch_id: self.batch, record, job: Some(job), message: None }
    }
}
