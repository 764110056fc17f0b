//! Forged messages through a real broker to a real worker, and the count of what became of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use rustix::process::Signal;
use shared::broker::lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use shared::broker::lapin::types::{AMQPValue, FieldTable};
use shared::broker::lapin::{BasicProperties, Confirmation};
use shared::broker::{Broker, Channel};
use shared::job::{BatchId, Job, JobId, Levels, Priority};
use shared::store::{Cursor, Store};
use shared::topology::Topology;
use tokio::time::{Instant, sleep};

use super::arguments::Messages;
use super::forge::{ESCAPE, Forged, GOOD, PIPE, forge};
use crate::chaos::ROOT;
use crate::corpus::Random;
use crate::rig::{Environment, Repository, RigError, Servers, Worker, environment, io, program};

/// Messages on their way to the broker at a time.
const WINDOW: usize = 200;

/// Without a new end for so long, none is to be expected; the longest wait on the way is a retry of a fifth of a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const GLANCE: Duration = Duration::from_millis(200);

/// An idle worker ends in a moment.
const END_WITHIN: Duration = Duration::from_secs(30);

/// Lost messages that are named.
const NAMED: usize = 10;

const QUEUE_MAX_SIZE: u64 = 2_000_000;
const RETRY_DELAY: Duration = Duration::from_millis(200);
const RESULT_TTL: Duration = Duration::from_secs(2 * 3600);

/// Batch and job under which a message must end.
type Key = (BatchId, JobId);

struct Rig {
    worker: Worker,
    broker: Broker,
    topology: Topology,
    redis: MultiplexedConnection,
    store: Store,
    // The last to be dropped.
    _servers: Servers,
}

/// Holds the test; the text to print, and whether it passed.
pub(super) async fn hold(arguments: &Messages) -> Result<(String, bool), RigError> {
    let worker = program("worker", arguments.worker.as_deref())?;
    let folder = tempfile::Builder::new().prefix("hostile-").tempdir().map_err(io("a temporary folder"))?;
    let mut rig = rig(&worker, folder.path()).await?;
    let batch = BatchId::new();
    rig.store.create_batch(batch, "hostile", 0).await?;
    let mut random = Random::new(arguments.seed, "messages");
    let messages: Vec<Forged> = (0..arguments.count).map(|_| forge(&mut random, batch)).collect();
    let begun = Instant::now();
    publish(&rig, &messages, &mut random).await?;
    let expected = expected(&messages);
    let mut findings = settle(&mut rig, &expected).await?;
    let outcomes = outcomes(&rig, batch).await?;
    findings.extend(lost(&mut rig, &expected).await?);
    findings.extend(doubled(&mut rig, &expected).await?);
    findings.extend(end(&mut rig).await);
    let counts: Vec<String> = outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let mut lines = vec![
        format!(
            "{} messages, {} different jobs, in {:.0} s",
            messages.len(),
            expected.len(),
            begun.elapsed().as_secs_f64()
        ),
        format!("those of their batch ended so: {}", counts.join(", ")),
    ];
    lines.extend(findings.iter().map(|finding| format!("FOUND {finding}")));
    let passed = findings.is_empty();
    lines.push(format!(
        "hostile messages --seed {} {}",
        arguments.seed,
        if passed { "passed" } else { "FAILED" }
    ));
    Ok((lines.join("\n"), passed))
}

async fn rig(program: &Path, folder: &Path) -> Result<Rig, RigError> {
    let repository = Repository::find()?;
    let media = folder.join("media");
    traps(&repository.samples, &media)?;
    let servers = Servers::up(&repository.services, &folder.join("services")).await?;
    let topology = Topology {
        prefix: format!("hostile-{}", JobId::new()),
        levels: Levels::new(3)?,
        max_size: QUEUE_MAX_SIZE,
        retry_delays: vec![RETRY_DELAY],
    };
    let mut worker =
        Worker::start(program, &settings(&servers, &topology, &media), &folder.join("worker.log")).await?;
    worker.ready().await?;
    let broker = Broker::connect(&servers.amqp, "hostile").await?;
    let store = Store::open(&servers.redis, &topology.prefix, RESULT_TTL)?;
    let redis = redis::Client::open(servers.redis.as_str())?.get_multiplexed_async_connection().await?;
    Ok(Rig { worker, broker, topology, redis, store, _servers: servers })
}

/// A media root with one good file, and ways out of it.
fn traps(samples: &Path, media: &Path) -> Result<(), RigError> {
    let make = || {
        std::fs::create_dir_all(media.join("folder"))?;
        std::fs::copy(samples.join("bad/tenth_of_a_second.wav"), media.join(GOOD))?;
        std::os::unix::fs::symlink("/etc", media.join(ESCAPE))?;
        let mode = rustix::fs::Mode::from_raw_mode(0o644);
        rustix::fs::mknodat(rustix::fs::CWD, media.join(PIPE), rustix::fs::FileType::Fifo, mode, 0)?;
        std::io::Result::Ok(())
    };
    make().map_err(io(media.display().to_string()))
}

fn settings(servers: &Servers, topology: &Topology, media: &Path) -> Environment {
    environment([
        ("AMQP_URL", servers.amqp.clone()),
        ("REDIS_URL", servers.redis.clone()),
        ("QUEUE_PREFIX", topology.prefix.clone()),
        ("QUEUE_MAX_SIZE", QUEUE_MAX_SIZE.to_string()),
        ("RETRY_DELAYS", format!("{}ms", RETRY_DELAY.as_millis())),
        ("RESULT_TTL", format!("{}s", RESULT_TTL.as_secs())),
        ("MEDIA_ROOTS", format!("{ROOT}={}", media.display())),
        ("HTTP_ADDR", "127.0.0.1:0".to_owned()),
        ("ANALYSIS_MAX_WORKERS", "2".to_owned()),
        ("ANALYSIS_BATCH_SIZE", "100".to_owned()),
        ("ANALYSIS_TIMEOUT", "10s".to_owned()),
        ("CACHE_SIZE_MB", "8".to_owned()),
        ("LOG_FORMAT", "json".to_owned()),
    ])
}

async fn publish(rig: &Rig, messages: &[Forged], random: &mut Random) -> Result<(), RigError> {
    let channel = rig.broker.channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    for window in messages.chunks(WINDOW) {
        let sends = window.iter().map(|message| send(&channel, &rig.topology, message, random.next()));
        for sent in join_all(sends.collect::<Vec<_>>()).await {
            sent?;
        }
    }
    Ok(())
}

async fn send(channel: &Channel, topology: &Topology, message: &Forged, pick: u64) -> Result<(), RigError> {
    let level = Priority((pick % topology.levels.count() as u64) as u8);
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let (exchange, key) = (topology.exchange().into(), topology.levels.name(level).into());
    let mut properties = BasicProperties::default().with_delivery_mode(2).with_priority(pick as u8);
    if let Some(id) = &message.message_id {
        properties = properties.with_message_id(id.as_str().into());
    }
    if let Some(id) = &message.correlation_id {
        properties = properties.with_correlation_id(id.as_str().into());
    }
    if pick.is_multiple_of(5) {
        // It may expire in its queue; then it is a dead letter, which must end as well.
        properties = properties.with_expiration("1".into());
    }
    if pick.is_multiple_of(3) {
        let mut headers = FieldTable::default();
        headers.insert("traceparent".into(), AMQPValue::LongString("00-none-of-ours\r\n".into()));
        headers.insert("x-death".into(), AMQPValue::LongLongInt(-1));
        properties = properties.with_headers(headers).with_content_type("text/html".into());
    }
    let confirm = channel.basic_publish(exchange, key, options, &message.body, properties).await?.await?;
    match confirm {
        Confirmation::Ack(None) => Ok(()),
        other => Err(RigError::NotReady(format!("the broker did not take a message: {other:?}"))),
    }
}

/// Where each message must end, by the rule that is documented: the body names it if it is a job, the properties if they
/// can, else its own bytes.
fn expected(messages: &[Forged]) -> BTreeMap<Key, &'static str> {
    messages.iter().map(|message| (key(message), message.what)).collect()
}

fn key(message: &Forged) -> Key {
    if let Ok(job) = Job::decode(&message.body) {
        return (job.batch_id, job.job_id);
    }
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(&message.body).as_bytes()[..16]);
    let job = message.message_id.as_ref().and_then(|id| id.parse().ok()).unwrap_or(JobId::from_hash(hash));
    let batch = message.correlation_id.as_ref().and_then(|id| id.parse().ok()).unwrap_or(BatchId::STRAY);
    (batch, job)
}

/// Waits until there are as many ends as jobs and the queues are empty.
async fn settle(rig: &mut Rig, expected: &BTreeMap<Key, &str>) -> Result<Vec<String>, RigError> {
    let batches: BTreeSet<BatchId> = expected.keys().map(|(batch, _)| *batch).collect();
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let mut ended = 0;
        for batch in &batches {
            let count: usize = rig.redis.hlen(jobs(&rig.topology, *batch)).await?;
            ended += count;
        }
        let channel = rig.broker.channel().await?;
        let waiting: u32 = rig.topology.depths(&channel).await?.iter().map(|depth| depth.ready).sum();
        channel.close(200, "done".into()).await?;
        if ended >= expected.len() && waiting == 0 {
            return Ok(Vec::new());
        }
        if ended != last {
            (last, since) = (ended, Instant::now());
        }
        if let Some(status) = rig.worker.ended() {
            return Ok(vec![format!("the worker ended: {status}; its log ends so:\n{}", rig.worker.tail())]);
        }
        if since.elapsed() > PATIENCE {
            return Ok(vec![format!("{ended} of {} have ended, {waiting} messages wait", expected.len())]);
        }
        sleep(GLANCE).await;
    }
}

fn jobs(topology: &Topology, batch: BatchId) -> String {
    format!("{}:batch:{{{batch}}}:jobs", topology.prefix)
}

async fn lost(rig: &mut Rig, expected: &BTreeMap<Key, &str>) -> Result<Vec<String>, RigError> {
    let mut lost = Vec::new();
    for ((batch, job), what) in expected {
        let there: bool = rig.redis.hexists(jobs(&rig.topology, *batch), job.as_bytes().as_slice()).await?;
        if !there {
            lost.push(format!("'{what}' has no end: job {job} of batch {batch}"));
        }
    }
    let more = lost.len().saturating_sub(NAMED);
    lost.truncate(NAMED);
    lost.extend((more > 0).then(|| format!("{more} more have no end")));
    Ok(lost)
}

/// Events, jobs and counters of every batch agree with what was sent.
async fn doubled(rig: &mut Rig, expected: &BTreeMap<Key, &str>) -> Result<Vec<String>, RigError> {
    let mut sent: BTreeMap<BatchId, u64> = BTreeMap::new();
    for (batch, _) in expected.keys() {
        *sent.entry(*batch).or_default() += 1;
    }
    let mut found = Vec::new();
    for (batch, count) in sent {
        let key = jobs(&rig.topology, batch);
        let events: u64 = rig.redis.xlen(key.replace(":jobs", ":events")).await?;
        let counters: BTreeMap<String, String> = rig.redis.hgetall(key.replace(":jobs", "")).await?;
        let outcomes = counters.iter().filter(|(name, _)| name.starts_with("outcome:"));
        let counted: u64 = outcomes.filter_map(|(_, value)| value.parse::<u64>().ok()).sum();
        if (events, counted) != (count, count) {
            found.push(format!("batch {batch}: {count} jobs, {events} events, {counted} counted"));
        }
    }
    Ok(found)
}

/// Ends of the batch that most messages name, by outcome or kind of failure.
async fn outcomes(rig: &Rig, batch: BatchId) -> Result<BTreeMap<&'static str, u64>, RigError> {
    let (mut outcomes, mut cursor) = (BTreeMap::new(), Cursor::start());
    loop {
        let page = rig.store.page(batch, &cursor, 1000).await?;
        for record in &page.records {
            let code = record.kind.map_or(record.outcome.code(), |kind| kind.code());
            *outcomes.entry(code).or_default() += 1;
        }
        match page.next {
            Some(next) => cursor = next,
            None => return Ok(outcomes),
        }
    }
}

/// The worker is the one it was, and ends in order.
async fn end(rig: &mut Rig) -> Option<String> {
    if rig.worker.ended().is_some() {
        // Told already.
        return None;
    }
    let status = rig.worker.end(Signal::TERM, END_WITHIN).await;
    let fine = status.is_some_and(|status| status.success());
    (!fine).then(|| format!("the worker did not end in order: {status:?}\n{}", rig.worker.tail()))
}
