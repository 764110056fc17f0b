//! Ends, reports and progress in Redis, through the fleet's own store.

use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use redis::aio::MultiplexedConnection;
use shared::job::{BatchId, JobId};
use shared::record::Record;
use shared::store::{Cursor, Store};

use super::arguments::Bounds;
use super::samples::{ends, renew};
use crate::bench::{Meter, Round};
use crate::rig::RigError;

/// Longer than any run.
const TTL: Duration = Duration::from_secs(3600);

/// Each of these ends has a report of some 10 KB of its own in Redis, which keeps all in memory.
const MOST_REPORTS: u64 = 5000;

/// Ends that a watcher reads in one page, as `producer results` does.
const PAGE: usize = 1000;

/// The store, and what is put into it.
pub(super) struct Ends {
    store: Store,
    redis: MultiplexedConnection,
    with_report: Record,
    without: Record,
}

impl Ends {
    pub(super) async fn open(url: &str, record: &Record) -> Result<Self, RigError> {
        let store = Store::open(url, "components", TTL)?;
        let redis = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
        let without = Record { report: None, cached: true, ..record.clone() };
        Ok(Self { store, redis, with_report: record.clone(), without })
    }

    /// Ends with their reports, `size` in a round trip.
    pub(super) async fn finish(&mut self, size: usize, bounds: Bounds) -> Result<Round, RigError> {
        let batch = self.fresh().await?;
        let bounds = Bounds { count: bounds.count.min(MOST_REPORTS), ..bounds };
        let meter = Meter::start();
        let done = self.write(&self.with_report, batch, size, bounds).await?;
        Ok(meter.stop(done))
    }

    /// Ends without a report: what is left is the count in the batch and the event for its watchers.
    pub(super) async fn progress(&mut self, size: usize, bounds: Bounds) -> Result<Round, RigError> {
        let batch = self.fresh().await?;
        let meter = Meter::start();
        let done = self.write(&self.without, batch, size, bounds).await?;
        Ok(meter.stop(done))
    }

    /// The events of a batch, page by page, again and again.
    pub(super) async fn events(&mut self, bounds: Bounds) -> Result<Round, RigError> {
        let batch = self.fresh().await?;
        // Without an identity there is no report to fetch: the events alone.
        let record = Record { identity: None, ..self.without.clone() };
        let filled = Bounds { count: bounds.count.min(MOST_REPORTS), ..bounds };
        self.write(&record, batch, 100, filled).await?;
        let (meter, begun) = (Meter::start(), Instant::now());
        let (mut done, mut cursor) = (0, Cursor::start());
        while done < bounds.count && begun.elapsed() < bounds.time {
            let page = self.store.page(batch, &cursor, PAGE).await?;
            done += page.records.len() as u64;
            cursor = page.next.unwrap_or_else(Cursor::start);
        }
        Ok(meter.stop(done))
    }

    /// A known report, asked for by `window` at a time.
    pub(super) async fn read(&mut self, window: usize, bounds: Bounds) -> Result<Round, RigError> {
        let batch = self.fresh().await?;
        self.store.finish(&ends(&self.with_report, batch, 1)).await?;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (identity, profile) = (text(&self.with_report.identity), text(&self.with_report.profile));
        let meter = Meter::start();
        let done = repeat(window, bounds, || async {
            self.store.known(&identity, &profile).await.map(|known| u64::from(known.is_some()))
        });
        let done = done.await?;
        Ok(meter.stop(done))
    }

    /// Starts of jobs, counted by `window` at a time.
    pub(super) async fn start(&mut self, window: usize, bounds: Bounds) -> Result<Round, RigError> {
        let batch = self.fresh().await?;
        let meter = Meter::start();
        let done = repeat(window, bounds, || async {
            self.store.started(&[(batch, JobId::new())]).await.map(|_| 1)
        });
        let done = done.await?;
        Ok(meter.stop(done))
    }

    /// An empty Redis (it is ours) with an empty batch.
    async fn fresh(&mut self) -> Result<BatchId, RigError> {
        redis::cmd("FLUSHDB").query_async::<()>(&mut self.redis).await?;
        let batch = BatchId::new();
        self.store.create_batch(batch, "components", 0).await?;
        Ok(batch)
    }

    async fn write(
        &self,
        record: &Record,
        batch: BatchId,
        size: usize,
        bounds: Bounds,
    ) -> Result<u64, RigError> {
        let mut ends = ends(record, batch, size);
        let (begun, mut done) = (Instant::now(), 0);
        while done < bounds.count && begun.elapsed() < bounds.time {
            renew(&mut ends);
            let stored = self.store.finish(&ends).await?;
            done += stored.iter().filter(|stored| **stored).count() as u64;
        }
        Ok(done)
    }
}

/// The sum of what the calls answer.
async fn repeat<F, E>(window: usize, bounds: Bounds, call: impl Fn() -> F) -> Result<u64, RigError>
where
    F: Future<Output = Result<u64, E>>,
    RigError: From<E>,
{
    let begun = Instant::now();
    let calls = stream::iter(0..bounds.count);
    let calls = calls.take_while(|_| std::future::ready(begun.elapsed() < bounds.time));
    let mut answers = std::pin::pin!(calls.map(|_| call()).buffer_unordered(window));
    let mut done = 0;
    while let Some(answer) = answers.next().await {
        done += answer?;
    }
    Ok(done)
}
