//! The servers of a run: private ones, or those of the environment; and the fleet's names on them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use shared::broker::mask;
use shared::job::{JobId, Levels};
use shared::tls::{Address, Tls};
use shared::topology::Topology;

use super::Common;
use super::given::Given;
use super::live::Live;
use super::plan::MOST_JOBS;
use crate::measure;
use crate::rig::{self, Environment, Repository, RigError, Servers};

/// Short tiers: nothing of a load test is to be retried, and what is all the same must not hold it up.
const RETRY_DELAYS: [u64; 3] = [1, 2, 4];

/// What QUEUE_PRIORITY_LEVELS is by default; levels of a load test have names.
const LEVELS: u8 = 3;

/// Results outlive the longest run, a day's soak and its tail.
pub(super) const RESULT_TTL: Duration = Duration::from_secs(3 * 24 * 3600);

/// Where both servers are.
#[derive(Debug)]
pub(super) struct Place {
    /// `None`: somebody else's.
    pub(super) servers: Option<Servers>,
    tls: Tls,
    amqp: String,
    redis: String,
    /// RabbitMQ's HTTP API.
    pub(super) api: Option<String>,
}

impl Place {
    /// Those that are given; else private ones, with their files below `folder`, and with RabbitMQ's HTTP API where it is needed.
    pub(super) async fn open(
        given: Option<Given>,
        live: &Live,
        folder: &Path,
        with_api: bool,
    ) -> Result<Self, RigError> {
        if let Some(Given { settings, tls }) = given {
            let (amqp, redis) = (settings.queue.amqp_url.expose(), settings.store.redis_url.expose());
            let (to, and) = (mask(amqp), mask(redis));
            live.tell(&format!("using {to} and {and}: queues and results of a load test are written there"));
            let api = std::env::var("RABBITMQ_API_URL").ok().filter(|_| with_api);
            return Ok(Self { servers: None, tls, amqp: amqp.to_owned(), redis: redis.to_owned(), api });
        }
        live.tell("starting a RabbitMQ and a Redis of its own …");
        let (script, state) = (Repository::find()?.services, folder.join("services"));
        let servers = match with_api {
            true => Servers::with_api(&script, &state).await?,
            false => Servers::in_memory(&script, &state).await?,
        };
        let (amqp, redis, api) = (servers.amqp.clone(), servers.redis.clone(), servers.api.clone());
        Ok(Self { servers: Some(servers), tls: Tls::default(), amqp, redis, api })
    }

    pub(super) fn amqp(&self) -> Address {
        self.tls.at(&self.amqp)
    }

    pub(super) fn redis(&self) -> Address {
        self.tls.at(&self.redis)
    }

    /// What workers are told: the settings of this environment, so that they can be tried out, below what a run needs.
    pub(super) fn surroundings(&self, topology: &Topology) -> Environment {
        let names = shared::settings::VARIABLES.iter().map(|variable| variable.name);
        let own = names.filter_map(|name| Some((name, std::env::var(name).ok()?)));
        let delays = RETRY_DELAYS.map(|delay| format!("{delay}s")).join(",");
        let mut all = rig::environment(own);
        all.extend(rig::environment([
            ("AMQP_URL", self.amqp.clone()),
            ("REDIS_URL", self.redis.clone()),
            ("QUEUE_PREFIX", topology.prefix.clone()),
            ("QUEUE_MAX_SIZE", topology.max_size.to_string()),
            ("QUEUE_PRIORITY_LEVELS", LEVELS.to_string()),
            ("RETRY_DELAYS", delays),
            ("RESULT_TTL", format!("{}s", RESULT_TTL.as_secs())),
            ("HTTP_ADDR", "127.0.0.1:0".to_owned()),
            ("LOG_FORMAT", "json".to_owned()),
        ]));
        all
    }

    /// Of everything that takes part, as far as it tells.
    pub(super) async fn versions(&self, worker: &Path) -> BTreeMap<String, String> {
        let mut versions = measure::versions(worker);
        if let Some(servers) = &self.servers {
            let rabbitmq = servers.ask(&["ctl", "version"]).await;
            versions.extend(rabbitmq.ok().map(|text| ("rabbitmq".to_owned(), text.trim().to_owned())));
        }
        let info = async {
            let client = redis::Client::open(self.redis.as_str()).ok()?;
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            let text: String = redis::cmd("INFO").arg("server").query_async(&mut connection).await.ok()?;
            text.lines().find_map(|line| line.strip_prefix("redis_version:")).map(|it| it.trim().to_owned())
        };
        versions.extend(info.await.map(|version| ("redis".to_owned(), version)));
        versions
    }
}

/// Names of its own, but where the workers are others'.
pub(super) fn topology(common: &Common, given: Option<&Given>) -> Result<Topology, RigError> {
    if let Some(Given { settings, .. }) = given.filter(|_| common.no_workers) {
        let queue = &settings.queue;
        if queue.levels.count() != usize::from(LEVELS) {
            return Err(RigError::Refused(format!(
                "load tests use {LEVELS} levels: QUEUE_PRIORITY_LEVELS is {}",
                queue.levels.count()
            )));
        }
        return Ok(Topology {
            prefix: queue.prefix.clone(),
            levels: queue.levels,
            max_size: queue.max_size.into(),
            retry_delays: queue.retry_delays.clone(),
        });
    }
    Ok(Topology {
        prefix: format!("loadtest-{}", JobId::new()),
        levels: Levels::new(LEVELS)?,
        // What a full queue does is tested elsewhere.
        max_size: MOST_JOBS as u64,
        retry_delays: RETRY_DELAYS.map(Duration::from_secs).to_vec(),
    })
}
