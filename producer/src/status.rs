//! `producer status`: the two servers, the queues, and the batch that has waited longest. A look, no change: nothing is
//! declared, and no message is taken out to read its age, which would count against its delivery limit. Only Redis is
//! written to, a key that expires: whether it takes results is not known otherwise.

use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use shared::broker::{Broker, BrokerError};
use shared::job::BatchId;
use shared::printable::{printable, write_json_indented};
use shared::settings::ProducerSettings;
use shared::store::{BatchState, SeenWorker, Store, StoreError};
use shared::tls::Tls;
use shared::topology::QueueDepth;

use crate::failure::{End, Failure};
use crate::screen::Screen;
use crate::{connect, text};

/// Unfinished batches are among the newest, unless something is very wrong.
const LOOKED_THROUGH: usize = 1000;

#[derive(Debug, Serialize)]
struct Status {
    rabbitmq: Server,
    redis: Server,
    /// Null when they could not be asked for.
    queues: Option<Vec<Queue>>,
    /// Why there are none.
    queues_missing: Option<String>,
    oldest_unfinished_batch: Option<Oldest>,
    /// Workers that have announced themselves lately; null when Redis could not be asked.
    workers: Option<Vec<SeenWorker>>,
}

#[derive(Debug, Serialize)]
struct Server {
    /// Password masked.
    url: String,
    reachable: bool,
    /// What is wrong.
    error: Option<String>,
    /// What works and may do harm.
    warning: Option<String>,
}

#[derive(Debug, Serialize)]
struct Queue {
    queue: String,
    ready: u32,
    consumers: u32,
}

#[derive(Debug, Serialize)]
struct Oldest {
    batch_id: BatchId,
    label: String,
    age_seconds: u64,
    accepted: u64,
    done: u64,
    sealed: bool,
}

pub(crate) async fn run(settings: &ProducerSettings, json: bool, screen: &Screen) -> Result<End, Failure> {
    let (tls, store) = (connect::tls(settings)?, connect::open_store(settings)?);
    let on_wait = |error: &dyn std::fmt::Display| {
        screen.line(&connect::trying_for(&error.to_string(), connect::STATUS_PATIENCE));
    };
    let (rabbitmq, redis) = tokio::join!(
        connect::ask_patiently(
            async || ask_rabbitmq(settings, &tls).await,
            |error| matches!(error, BrokerError::Unreachable { .. }),
            |error| on_wait(error),
        ),
        connect::ask_patiently(
            async || ask_redis(&store).await,
            |error| matches!(error, StoreError::Unreachable { .. }),
            |error| on_wait(error),
        ),
    );
    let (queues, queues_missing) = match &rabbitmq {
        Ok(Ok(depths)) => (Some(depths.iter().map(Queue::from).collect()), None),
        Ok(Err(why)) => (None, Some(why.clone())),
        Err(_) => (None, None),
    };
    let (oldest, workers) = match &redis {
        Ok((oldest, workers)) => (oldest.clone(), Some(workers.clone())),
        Err(_) => (None, None),
    };
    let status = Status {
        rabbitmq: Server::of(
            &settings.queue.amqp_url,
            rabbitmq
                .as_ref()
                .err()
                .map(|error| said(error, matches!(error, BrokerError::Unreachable { .. }))),
            true,
        ),
        redis: Server {
            warning: eviction_warning(&store, redis.as_ref().err()).await,
            ..Server::of(
                &settings.store.redis_url,
                redis
                    .as_ref()
                    .err()
                    .map(|error| said(error, matches!(error, StoreError::Unreachable { .. }))),
                is_away(redis.as_ref().err()),
            )
        },
        queues,
        queues_missing,
        oldest_unfinished_batch: oldest.map(Oldest::from),
        workers,
    };
    let mut out = io::stdout().lock();
    if json {
        write_json_indented(&mut out, &status)?;
        out.write_all(b"\n")?;
    } else {
        status.print(&mut out)?;
    }
    screen.clear();
    let all_well = status.rabbitmq.error.is_none() && status.redis.error.is_none();
    Ok(if all_well { End::Done } else { End::Incomplete })
}

/// The queues, or why there are none; an error when the broker does not answer.
async fn ask_rabbitmq(
    settings: &ProducerSettings,
    tls: &Tls,
) -> Result<Result<Vec<QueueDepth>, String>, BrokerError> {
    let broker = Broker::connect(tls.at(settings.queue.amqp_url.expose()), "producer status").await?;
    let topology = connect::topology(&settings.queue);
    let depths = topology.depths(&broker.channel().await?).await;
    broker.close().await;
    Ok(depths.map_err(|error| {
        format!(
            "not all queues with the prefix '{}' exist yet ({error}): the first `producer enqueue` or `worker run` makes them",
            topology.prefix
        )
    }))
}

/// The oldest unfinished batch, and the workers; an error also when Redis answers and takes no results.
async fn ask_redis(store: &Store) -> Result<(Option<BatchState>, Vec<SeenWorker>), StoreError> {
    store.probe().await?;
    let workers = store.workers().await?;
    let batches = store.batches(LOOKED_THROUGH).await?;
    let unfinished = batches.into_iter().filter(|batch| {
        // Of one that nobody has counted, nobody knows whether it is finished.
        batch.batch_id != BatchId::STRAY && batch.counted && !batch.is_complete()
    });
    Ok((unfinished.min_by_key(|batch| batch.created_ms), workers))
}

/// What a server's error is in words. A server that did not answer was asked for some time.
fn said(error: &impl ToString, was_tried_again: bool) -> String {
    let tried = format!(" (tried for {} s)", connect::STATUS_PATIENCE.as_secs());
    error.to_string() + if was_tried_again { &tried } else { "" }
}

/// Whether an error means that Redis does not answer, or does not let us in; otherwise it does, and takes no results.
const fn is_away(error: Option<&StoreError>) -> bool {
    matches!(error, Some(StoreError::Unreachable { .. } | StoreError::Denied { .. } | StoreError::Url(_)))
}

/// What Redis may evict by. Of one that is away there is an error already.
async fn eviction_warning(store: &Store, error: Option<&StoreError>) -> Option<String> {
    if is_away(error) {
        return None;
    }
    match store.eviction().await {
        Ok(eviction) => eviction.map(|eviction| eviction.to_string()),
        Err(error) => Some(format!("cannot see whether Redis may evict results (INFO memory): {error}")),
    }
}

impl Server {
    fn of(url: &impl ToString, error: Option<String>, is_away: bool) -> Self {
        let reachable = error.is_none() || !is_away;
        Self { url: url.to_string(), reachable, error, warning: None }
    }

    /// Its state in a word: it may answer and be of no use.
    const fn state(&self) -> &'static str {
        match (&self.error, self.reachable) {
            (None, _) => "ok",
            (Some(_), true) => "FAULT",
            (Some(_), false) => "DOWN",
        }
    }
}

impl Status {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        for (name, server) in [("RabbitMQ", &self.rabbitmq), ("Redis", &self.redis)] {
            let words = server.error.as_ref().unwrap_or(&server.url);
            writeln!(out, "{name:9} {:5} {words}", server.state())?;
            if let Some(warning) = &server.warning {
                writeln!(out, "{:9} warning: {warning}", "")?;
            }
        }
        if let Some(queues) = &self.queues {
            writeln!(out, "\n{}", table(queues).trim_fmt())?;
        }
        if let Some(why) = &self.queues_missing {
            writeln!(out, "\n{why}")?;
        }
        match self.workers.as_deref() {
            Some([]) => writeln!(out, "\nno worker has announced itself")?,
            Some(workers) => writeln!(out, "\n{}", worker_table(workers).trim_fmt())?,
            None => {}
        }
        match &self.oldest_unfinished_batch {
            Some(oldest) => writeln!(out, "\n{}", oldest.words()),
            None if self.redis.error.is_none() => writeln!(out, "\nno batch is unfinished"),
            None => Ok(()),
        }
    }
}

fn table(queues: &[Queue]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["queue", "waiting", "consumers"]);
    for queue in queues {
        table.add_row([queue.queue.clone(), queue.ready.to_string(), queue.consumers.to_string()]);
    }
    for column in 1..=2 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn worker_table(workers: &[SeenWorker]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["worker", "version", "lanes", "levels", "media roots", "seen"]);
    for SeenWorker { worker, seen_seconds_ago } in workers {
        let away = worker.roots_away.iter().map(|root| format!("{root} (away)"));
        let roots: Vec<String> = worker.roots.iter().cloned().chain(away).collect();
        let seen = format!("{} ago", text::duration(Duration::from_secs(*seen_seconds_ago)));
        let cells = [
            &worker.name,
            &worker.version,
            &worker.lanes.to_string(),
            &worker.levels.join(","),
            &roots.join(","),
            &seen,
        ];
        table.add_row(cells.map(|cell| printable(cell)));
    }
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

impl From<&QueueDepth> for Queue {
    fn from(depth: &QueueDepth) -> Self {
        Self { queue: depth.queue.clone(), ready: depth.ready, consumers: depth.consumers }
    }
}

impl From<BatchState> for Oldest {
    fn from(batch: BatchState) -> Self {
        let created = UNIX_EPOCH + Duration::from_millis(u64::try_from(batch.created_ms).unwrap_or(0));
        let age_seconds = SystemTime::now().duration_since(created).unwrap_or_default().as_secs();
        Self {
            batch_id: batch.batch_id,
            age_seconds,
            accepted: batch.accepted,
            done: batch.done(),
            sealed: batch.sealed,
            label: batch.label,
        }
    }
}

impl Oldest {
    fn words(&self) -> String {
        let (age, label) = (text::duration(Duration::from_secs(self.age_seconds)), printable(&self.label));
        let open = if self.sealed { "" } else { ", still being enqueued" };
        format!(
            "oldest unfinished batch: {} ({label}), made {age} ago, {} of {} done{open}",
            self.batch_id, self.done, self.accepted
        )
    }
}
