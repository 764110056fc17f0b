//! A fleet of its own for each test: prefix, queues, keys, media root. All of it is gone when the test is over.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use redis::AsyncCommands;
use redis::streams::{StreamId, StreamRangeReply};
use shared::broker::lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use shared::broker::lapin::{BasicProperties, Confirmation};
use shared::broker::{Broker, Channel, Fate, Publisher, Route};
use shared::job::{BatchId, FileRef, Job, JobId, Priority, RelPath};
use shared::outcome::Outcome;
use shared::record::Record;
use shared::settings::WorkerSettings;
use shared::store::{BatchState, Cursor, Store, StoredEnd};
use shared::topology::Topology;
use tempfile::TempDir;

use super::NORMAL;
use super::samples::samples;
use super::servers::Servers;
use super::wait::until;

mod clean_up;

use clean_up::CleanUp;

/// The name of the media root.
pub const ROOT: &str = "music";

/// Ends read at a time: small enough that a thousand take several pages.
const PAGE: usize = 400;

pub struct Fleet {
    pub servers: Servers,
    pub store: Store,
    pub topology: Topology,
    media: TempDir,
    settings: BTreeMap<String, String>,
    publisher: Publisher,
    broker: Broker,
    // The last to be dropped.
    _clean_up: CleanUp,
}

impl Fleet {
    /// One lane, one short retry tier, everything else as by default, and these settings on top for every worker.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::at(Servers::from_env(), settings).await
    }

    /// The same on other servers.
    pub async fn at(servers: Servers, settings: &[(&str, &str)]) -> Self {
        let media = tempfile::tempdir().unwrap();
        let settings = defaults(&servers, &media, settings);
        let vars = settings.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let (parsed, _) = WorkerSettings::from_vars(vars).unwrap();
        let queue = &parsed.queue;
        let topology = Topology {
            prefix: queue.prefix.clone(),
            levels: queue.levels,
            max_size: queue.max_size.into(),
            retry_delays: queue.retry_delays.clone(),
        };
        let clean_up = CleanUp::of(&servers, &topology);
        let broker = Broker::connect(&servers.amqp, "test").await.unwrap();
        let publisher = Publisher::open(&broker, topology.clone()).await.unwrap();
        let store = Store::open(&servers.redis, &queue.prefix, parsed.store.result_ttl).unwrap();
        Self { servers, store, topology, media, settings, publisher, broker, _clean_up: clean_up }
    }

    /// The environment of a worker: the fleet's settings with these on top. One that is set to nothing is not there.
    pub fn environment(&self, settings: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut environment = self.settings.clone();
        environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        environment.retain(|_, value| !value.is_empty());
        environment
    }

    /// The media root itself.
    pub fn root(&self) -> &std::path::Path {
        self.media.path()
    }

    /// A path below the media root; its folder is there.
    pub fn path(&self, name: &str) -> PathBuf {
        let path = self.media.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    /// Puts a sample (`house.wav`, `bad/empty.mp3`) into the media root under this name.
    pub fn put(&self, sample: &str, name: &str) {
        let (from, to) = (samples().join(sample), self.path(name));
        // Copying onto a link would write into the sample itself.
        let _ = fs::remove_file(&to);
        // Without room and time, where both are on one disk.
        if fs::hard_link(&from, &to).is_err() {
            fs::copy(from, to).unwrap();
        }
    }

    pub fn job(&self, batch_id: BatchId, name: &str, priority: Priority) -> Job {
        Job {
            job_id: JobId::new(),
            batch_id,
            priority,
            file: FileRef { root: ROOT.to_owned(), path: RelPath::new(name).unwrap() },
            attempt: 0,
            force: false,
            submitted_at_ms: now_ms(),
            seen: None,
        }
    }

    /// So many jobs, each of a file of its own that is soon analysed: silence, at level normal.
    pub fn silences(&self, batch: BatchId, count: usize) -> Vec<Job> {
        let job = |number| {
            let name = format!("{number}.wav");
            self.put("bad/silence.wav", &name);
            self.job(batch, &name, NORMAL)
        };
        (0..count).map(job).collect()
    }

    /// Publishes jobs of one batch as the producer does.
    pub async fn submit(&self, jobs: &[Job]) -> BatchId {
        let batch = jobs[0].batch_id;
        assert!(jobs.iter().all(|job| job.batch_id == batch));
        self.store.create_batch(batch, "test", now_ms()).await.unwrap();
        self.publish(jobs).await;
        self.store.count_accepted(batch, jobs.len() as u64).await.unwrap();
        batch
    }

    /// Puts jobs into the queues of their levels.
    pub async fn publish(&self, jobs: &[Job]) {
        let publish = |job| self.publisher.publish(job, Route::Level(job.priority));
        for window in jobs.chunks(256) {
            for fate in futures_util::future::join_all(window.iter().map(publish)).await {
                assert_eq!(fate.unwrap(), Fate::Accepted);
            }
        }
    }

    /// Publishes one copy of a sample and returns its batch.
    pub async fn submit_sample(&self, sample: &str, priority: Priority) -> BatchId {
        let batch = BatchId::new();
        let name = format!("{}-{sample}", JobId::new());
        self.put(sample, &name);
        self.submit(&[self.job(batch, &name, priority)]).await
    }

    /// Puts any bytes into the queue of a level.
    pub async fn publish_raw(&self, level: Priority, body: &[u8], properties: BasicProperties) {
        self.publish_to(self.topology.exchange(), level, body, properties).await;
    }

    /// Puts any bytes into the dead queue, as if the broker had given up on them.
    pub async fn bury(&self, level: Priority, body: &[u8], properties: BasicProperties) {
        self.publish_to(&self.topology.dead(), level, body, properties).await;
    }

    async fn publish_to(&self, exchange: &str, level: Priority, body: &[u8], properties: BasicProperties) {
        let channel = self.channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let (exchange, key) = (exchange.into(), self.topology.levels.name(level).into());
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let confirm = channel.basic_publish(exchange, key, options, body, properties).await.unwrap();
        assert!(matches!(confirm.await.unwrap(), Confirmation::Ack(None)));
    }

    pub async fn state(&self, batch: BatchId) -> Option<BatchState> {
        self.store.batch(batch).await.unwrap()
    }

    /// How many jobs of a batch have ended.
    pub async fn done(&self, batch: BatchId) -> u64 {
        self.state(batch).await.map_or(0, |state| state.done())
    }

    /// Waits until so many jobs of a batch have ended, and returns the ends in their order: each job once, and the counters
    /// of the batch the same as its records.
    pub async fn ends(&self, batch: BatchId, count: u64) -> Vec<Record> {
        let records = self.ends_in_store(batch, count).await;
        let state = self.state(batch).await.unwrap();
        let jobs: BTreeSet<JobId> = records.iter().filter_map(|record| record.job_id).collect();
        assert_eq!((records.len() as u64, jobs.len() as u64), (count, count), "each job once");
        for outcome in Outcome::ALL {
            let ends = records.iter().filter(|record| record.outcome == *outcome).count() as u64;
            assert_eq!(state.outcomes[outcome], ends, "{outcome}");
        }
        assert_eq!(self.hash_len(batch, "jobs").await, count);
        records
    }

    /// As [`Fleet::ends`], asking the store alone, which also finds a master behind sentinels.
    pub async fn ends_in_store(&self, batch: BatchId, count: u64) -> Vec<Record> {
        until(&format!("{count} ends"), async || (self.done(batch).await >= count).then_some(())).await;
        let records = self.records(batch).await;
        assert_eq!(records.len() as u64, count, "each job once");
        records
    }

    async fn records(&self, batch: BatchId) -> Vec<Record> {
        let (mut records, mut cursor) = (Vec::new(), Cursor::start());
        loop {
            let page = self.store.page(batch, &cursor, PAGE).await.unwrap();
            records.extend(page.records);
            match page.next {
                Some(next) => cursor = next,
                None => return records,
            }
        }
    }

    /// The ends as they are stored, with what a replay needs.
    pub async fn stored(&self, batch: BatchId) -> Vec<StoredEnd> {
        let events = self.key(batch, "events");
        let reply: StreamRangeReply = self.redis().await.xrange_all(events).await.unwrap();
        let bytes = |entry: &StreamId| entry.get::<Vec<u8>>("end").unwrap();
        reply.ids.iter().map(|entry| rmp_serde::from_slice(&bytes(entry)).unwrap()).collect()
    }

    /// A channel to the broker.
    pub async fn channel(&self) -> Channel {
        self.broker.channel().await.unwrap()
    }

    /// Messages that wait in all queues together, those in a worker's prefetch not counted.
    pub async fn queued(&self) -> u32 {
        let channel = self.channel().await;
        let depths = self.topology.depths(&channel).await.unwrap();
        channel.close(200, "done".into()).await.unwrap();
        depths.iter().map(|depth| depth.ready).sum()
    }

    /// Waits until so many messages wait in the queues.
    pub async fn queues_hold(&self, count: u32) {
        until(&format!("{count} messages in the queues"), async || {
            (self.queued().await == count).then_some(())
        })
        .await;
    }

    /// Starts without an end of a job.
    pub async fn starts(&self, job: &Job) -> i64 {
        let key = self.key(job.batch_id, "starts");
        let count: Option<i64> =
            self.redis().await.hget(key, job.job_id.as_bytes().as_slice()).await.unwrap();
        count.unwrap_or(0)
    }

    async fn hash_len(&self, batch: BatchId, name: &str) -> u64 {
        self.redis().await.hlen(self.key(batch, name)).await.unwrap()
    }

    fn key(&self, batch: BatchId, name: &str) -> String {
        format!("{}:batch:{{{batch}}}:{name}", self.topology.prefix)
    }

    pub async fn redis(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.servers.redis.as_str()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}

fn defaults(servers: &Servers, media: &TempDir, settings: &[(&str, &str)]) -> BTreeMap<String, String> {
    let prefix = format!("test-{}", JobId::new());
    let roots = format!("{ROOT}={}", media.path().display());
    let base = [
        ("AMQP_URL", servers.amqp.as_str()),
        ("REDIS_URL", &servers.redis),
        ("QUEUE_PREFIX", &prefix),
        ("MEDIA_ROOTS", &roots),
        ("HTTP_ADDR", "127.0.0.1:0"),
        ("ANALYSIS_MAX_WORKERS", "1"),
        // A reserve of ANALYSIS_BATCH_SIZE whatever the files, so that a test knows how many jobs a worker holds.
        ("ANALYSIS_BATCH_MAX", "1"),
        ("CACHE_SIZE_MB", "8"),
        // A reader would be a process among the lanes that a test counts and stops.
        ("READ_AHEAD_MB", "0"),
        ("RETRY_DELAYS", "200ms"),
        ("RESULT_TTL", "10m"),
        ("HEALTH_CHECK_TIMEOUT", "1s"),
        ("LOG_FORMAT", "json"),
    ];
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    base.into_iter().chain(settings.iter().copied()).map(own).collect()
}

fn now_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
