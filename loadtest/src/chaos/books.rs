//! What Redis holds of every batch, read past the store where that keeps two accounts of the same thing: so they can be
//! compared.

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use shared::job::BatchId;
use shared::record::Record;
use shared::store::{BatchState, Cursor, Store};

use crate::rig::RigError;

/// Records read at a time.
const PAGE: usize = 500;

/// More batches than any run makes.
const BATCHES: usize = 10_000;

/// One batch as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub(crate) state: BatchState,
    /// Its events, in order.
    pub(crate) records: Vec<Record>,
    /// Jobs that are marked as ended.
    pub(crate) jobs: u64,
    /// Events in the index of failures.
    pub(crate) failures: u64,
}

/// Reads the store and the keys beneath it.
#[derive(Debug)]
pub(crate) struct Books {
    store: Store,
    redis: MultiplexedConnection,
    prefix: String,
}

impl Books {
    pub(crate) async fn open(store: Store, url: &str, prefix: &str) -> Result<Self, RigError> {
        let redis = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
        Ok(Self { store, redis, prefix: prefix.to_owned() })
    }

    /// What Redis calls itself.
    pub(crate) async fn redis_version(&mut self) -> Result<String, RigError> {
        let info: String = redis::cmd("INFO").arg("server").query_async(&mut self.redis).await?;
        // Valkey names the Redis that it stands for, and itself beside it.
        let named = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let valkey = named("valkey_version:").map(|version| format!(" (Valkey {version})"));
        Ok(format!("{}{}", named("redis_version:").unwrap_or("unknown"), valkey.unwrap_or_default()))
    }

    /// The state of every batch.
    pub(crate) async fn states(&self) -> Result<Vec<BatchState>, RigError> {
        Ok(self.store.batches(BATCHES).await?)
    }

    /// All of it.
    pub(crate) async fn read(&mut self) -> Result<Vec<Book>, RigError> {
        let mut books = Vec::new();
        for state in self.states().await? {
            let batch = state.batch_id;
            let (mut records, mut cursor) = (Vec::new(), Cursor::start());
            loop {
                let page = self.store.page(batch, &cursor, PAGE).await?;
                // A report has some KiB, and the books are balanced without them.
                records.extend(page.records.into_iter().map(|record| Record { report: None, ..record }));
                match page.next {
                    Some(next) => cursor = next,
                    None => break,
                }
            }
            let jobs = self.redis.hlen(self.key(batch, "jobs")).await?;
            let failures = self.redis.zcard(self.key(batch, "failures")).await?;
            books.push(Book { state, records, jobs, failures });
        }
        Ok(books)
    }

    /// Takes one end out of every account behind the fleet's back: a job that was lost without a trace.
    pub(crate) async fn lose_one(&mut self) -> Result<(), RigError> {
        let Some(state) = self.states().await?.into_iter().find(|state| state.done() > 0) else {
            return Ok(());
        };
        let batch = state.batch_id;
        let events: redis::streams::StreamRangeReply =
            self.redis.xrange_count(self.key(batch, "events"), "-", "+", 1).await?;
        let page = self.store.page(batch, &Cursor::start(), 1).await?;
        let (Some(event), Some(record)) = (events.ids.first(), page.records.first()) else { return Ok(()) };
        let () = self.redis.xdel(self.key(batch, "events"), &[&event.id]).await?;
        let () = self.redis.zrem(self.key(batch, "failures"), &event.id).await?;
        if let Some(job) = record.job_id {
            let () = self.redis.hdel(self.key(batch, "jobs"), job.as_bytes().as_slice()).await?;
        }
        let counters = format!("{}:batch:{{{batch}}}", self.prefix);
        let () = self.redis.hincr(counters, format!("outcome:{}", record.outcome), -1).await?;
        Ok(())
    }

    fn key(&self, batch: BatchId, name: &str) -> String {
        format!("{}:batch:{{{batch}}}:{name}", self.prefix)
    }
}
