//! The first connections: a server that is just starting is waited for, a server that says no is not.

use std::time::Duration;

use shared::broker::{Broker, BrokerError};
use shared::settings::{ProducerSettings, QueueSettings};
use shared::store::{Store, StoreError};
use shared::tls::Tls;
use shared::topology::Topology;

use crate::failure::Failure;
use crate::screen::Screen;

/// A broker that is being restarted takes 10 s or so; a user with a wrong address waits no longer for the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A status says what is the case now. But the network of a pod that has just started may open some seconds later, and then servers that
/// are up would be called down.
pub(crate) const STATUS_PATIENCE: Duration = Duration::from_secs(5);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// The fleet's queues as the settings want them.
pub(crate) fn topology(queue: &QueueSettings) -> Topology {
    Topology {
        prefix: queue.prefix.clone(),
        levels: queue.levels,
        max_size: u64::from(queue.max_size),
        retry_delays: queue.retry_delays.clone(),
    }
}

/// A connection to RabbitMQ.
pub(crate) async fn broker(settings: &ProducerSettings, screen: &Screen) -> Result<Broker, Failure> {
    let mut last = None;
    let on_wait = |error: &BrokerError| {
        let error = error.to_string();
        if last.is_none() {
            screen.line(&trying(&error));
        }
        last = Some(error);
    };
    let to = tls(settings)?.at(settings.queue.amqp_url.expose());
    let connecting = Broker::connect_patiently(to, "producer", on_wait);
    let error = match tokio::time::timeout(PATIENCE, connecting).await {
        Ok(Ok(broker)) => return Ok(broker),
        Ok(Err(other)) => return Err(other.into()),
        Err(_) => {
            let url = &settings.queue.amqp_url;
            let error = last.unwrap_or_else(|| format!("RabbitMQ at {url} (AMQP_URL) does not answer"));
            format!("{error}\n  {}", remedy("RabbitMQ", "AMQP_URL"))
        }
    };
    Err(Failure::Unavailable(error))
}

/// The results' store, which has answered.
pub(crate) async fn store(settings: &ProducerSettings, screen: &Screen) -> Result<Store, Failure> {
    let store = open_store(settings)?;
    let end = tokio::time::Instant::now() + PATIENCE;
    let mut told = false;
    loop {
        let error = match store.ping().await {
            Ok(()) => return Ok(store),
            Err(error) => error,
        };
        if !matches!(error, StoreError::Unreachable { .. }) {
            return Err(error.into());
        }
        if tokio::time::Instant::now() + PAUSE > end {
            return Err(Failure::Unavailable(format!("{error}\n  {}", remedy("Redis", "REDIS_URL"))));
        }
        if !told {
            screen.line(&trying(&error.to_string()));
            told = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks again, for [`STATUS_PATIENCE`], as long as the answer is that nobody answers. `on_wait` is told of the first such answer.
pub(crate) async fn ask_patiently<T, E>(
    ask: impl AsyncFn() -> Result<T, E>,
    is_away: impl Fn(&E) -> bool,
    on_wait: impl FnOnce(&E),
) -> Result<T, E> {
    let end = tokio::time::Instant::now() + STATUS_PATIENCE;
    let mut on_wait = Some(on_wait);
    loop {
        let error = match ask().await {
            Err(error) if is_away(&error) && tokio::time::Instant::now() + PAUSE < end => error,
            other => return other,
        };
        if let Some(on_wait) = on_wait.take() {
            on_wait(&error);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The results' store, not asked yet.
pub(crate) fn open_store(settings: &ProducerSettings) -> Result<Store, Failure> {
    let store = &settings.store;
    Ok(Store::open(tls(settings)?.at(store.redis_url.expose()), &store.prefix, store.result_ttl)?)
}

/// What is trusted, and shown, on both connections.
pub(crate) fn tls(settings: &ProducerSettings) -> Result<Tls, Failure> {
    Tls::load(&settings.tls).map_err(|error| Failure::Settings(error.to_string()))
}

fn trying(error: &str) -> String {
    trying_for(error, PATIENCE)
}

/// What a user reads while a server that does not answer is asked again.
pub(crate) fn trying_for(error: &str, patience: Duration) -> String {
    format!("{error}; trying for {} s", patience.as_secs())
}

fn remedy(server: &str, variable: &str) -> String {
    format!(
        "is {server} running there? Set {variable}, or start servers to try with by deploy/services.sh up"
    )
}
