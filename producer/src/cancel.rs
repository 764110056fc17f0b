//! `producer cancel`: a mark in Redis, which the workers meet when they start a job. No message is touched.

use std::time::Duration;

use shared::job::{BatchId, Job};
use shared::outcome;
use shared::record::Record;
use shared::settings::ProducerSettings;
use shared::store::{BatchState, Cancelled, Finished, RetryId, Store, StoredEnd};

use crate::cli::CancelArgs;
use crate::failure::{End, Failure};
use crate::screen::Screen;
use crate::text::count;
use crate::{connect, resolve, stop, watch};

/// Ends written in one round trip.
const CHUNK: usize = 256;

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
    let cancelled = store.cancel_batch(batch, args.now).await?;
    if matches!(cancelled, Cancelled::Marked | Cancelled::Closed) {
        end_unpublished(&store, batch).await?;
    }
    let state = store.batch(batch).await?.filter(|_| cancelled != Cancelled::Unknown);
    let Some(state) = state else {
        return Err(Failure::NotFound(format!("batch {batch} is no longer in Redis (RESULT_TTL)")));
    };
    words(&state, cancelled, args.now).iter().for_each(|line| screen.line(line));
    match cancelled {
        Cancelled::Complete => Ok(End::Incomplete),
        _ if args.watch => {
            // That some of it is cancelled is what was asked for.
            let watched = watch::follow(&store, batch, &stop::on_signal()?, screen).await?;
            Ok(if watched == End::Interrupted { watched } else { End::Done })
        }
        _ => Ok(End::Done),
    }
}

fn words(state: &BatchState, cancelled: Cancelled, now: bool) -> Vec<String> {
    let (batch, done, accepted) = (state.batch_id, state.done(), state.accepted);
    if cancelled == Cancelled::Complete {
        return vec![format!("batch {batch} is complete: there is nothing to cancel")];
    }
    let running = if now { "what runs is killed" } else { "what runs is finished (--now kills it)" };
    let mut lines = vec![format!(
        "batch {batch} is cancelled: {done} of {} had ended; what has not started ends as cancelled, {running}",
        count(accepted, "job")
    )];
    if cancelled == Cancelled::Closed {
        lines.push(format!(
            "its producer had not closed it: it still runs, and stops now, or it was killed. Closed with {} known to be \
             accepted; up to a second's jobs more may be in the queue. They end as cancelled, too, and are added when \
             they come",
            count(accepted, "job")
        ));
    }
    lines.push(format!("the workers end them as they come to them. Follow it: producer watch {batch}"));
    lines
}

/// Jobs that a retry had taken back and not published have no message that a worker could end.
async fn end_unpublished(store: &Store, batch: BatchId) -> Result<(), Failure> {
    let us = RetryId::new();
    loop {
        let ends = store.take_over(batch, us, Duration::ZERO, CHUNK).await?;
        if ends.is_empty() {
            return Ok(());
        }
        let ends: Vec<Finished> = ends.into_iter().filter_map(|end| cancelled(batch, end)).collect();
        store.finish(&ends).await?;
    }
}

fn cancelled(batch_id: BatchId, end: StoredEnd) -> Option<Finished> {
    let job_id = end.record.job_id?;
    let mut record = Record::new(&end.record.path_bytes(), outcome::End::Cancelled);
    record.detail = Some("its batch was cancelled before it was published again".to_owned());
    (record.job_id, record.batch_id, record.attempts) = (Some(job_id), Some(batch_id), 0);
    record.priority = end.record.priority;
    let job = end.job.map(|job| Job { attempt: 0, ..job });
    Some(Finished { job_id, batch_id, record, job, message: None })
}
