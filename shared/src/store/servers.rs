//! Where Redis is: one server, the sentinels that name the master, or the nodes of a cluster by which the others are found.
//!
//! A cluster has a scheme of its own instead of being guessed: `redis-cluster://user:password@a:6379,b:6379,c`. A guess
//! would need an answer before there is a connection, and the single server keeps its one round trip for a pipeline.
//!
//! A connection may outlive the role of the server at its other end: after a failover the address leads to the new master,
//! and the old connections to a replica. So they are replaced when a server says that it is one. A cluster's client does
//! that by itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_redis::{Manager, Pool, PoolError, Runtime};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisResult};
use tokio::sync::OnceCell;

use super::door::Door;
use super::fault::{Fault, FaultClass};
use super::link::Connection;
use super::replicated::TOO_FEW_REPLICAS;
use super::sentinel::Sentinels;
use crate::tls::{Address, Tls};

/// A pipeline of a whole batch takes milliseconds; 500 ms, the client's default, has killed workers elsewhere.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// A host that does not answer the first packet is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// One connection for each of: ends, cache look-ups, starts, health. Each carries many commands at a time.
const CONNECTIONS: usize = 4;

/// A replica answers every command with the same refusal; one of them in this time is enough.
const RENEWED_EVERY: Duration = Duration::from_secs(1);

/// Scheme of a cluster, and that of each of its nodes.
const CLUSTERS: [(&str, &str); 2] = [("redis-cluster://", "redis://"), ("rediss-cluster://", "rediss://")];

/// The connections.
#[derive(Clone)]
pub(super) enum Servers {
    Single(Arc<Single>),
    Sentinels(Arc<Sentinels>),
    Cluster(Arc<Cluster>),
}

/// One server.
pub(super) struct Single {
    info: ConnectionInfo,
    pool: Mutex<(Pool, Instant)>,
}

impl Single {
    fn new(info: ConnectionInfo) -> Result<Self, String> {
        let pool = Mutex::new((new_pool(info.clone())?, Instant::now()));
        Ok(Self { info, pool })
    }

    fn pool(&self) -> Pool {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Connections in use are closed when they come back to the old pool, which is gone.
    fn renew(&self) {
        let mut current = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if current.1.elapsed() >= RENEWED_EVERY
            && let Ok(pool) = new_pool(self.info.clone())
        {
            *current = (pool, Instant::now());
        }
    }
}

/// The cluster's own connection keeps one to each node, mends them, and follows the slots.
pub(super) struct Cluster {
    client: ClusterClient,
    connection: OnceCell<ClusterConnection>,
}

impl Servers {
    /// Nothing is connected yet.
    pub(super) fn new(to: &Address) -> Result<(Self, Door), String> {
        if let Some(sentinels) = Sentinels::new(to) {
            let sentinels = sentinels?;
            let door = Door::new(sentinels.first(), &to.tls, false);
            return Ok((Self::Sentinels(sentinels), door));
        }
        let nodes = nodes(&to.url).into_iter().map(|url| connection_info(&url, &to.tls));
        let nodes: Vec<ConnectionInfo> =
            nodes.collect::<RedisResult<_>>().map_err(|error| error.to_string())?;
        let first = nodes.first().ok_or("it names no host")?;
        let door = Door::new(first, &to.tls, is_cluster(&to.url));
        let servers = match is_cluster(&to.url) {
            true => cluster(nodes, &to.tls).map_err(|error| error.to_string())?,
            false => Self::Single(Arc::new(Single::new(first.clone())?)),
        };
        Ok((servers, door))
    }

    pub(super) const fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// After an error: connects anew from now on, if it may mean that the server at the other end is no master any more.
    pub(super) fn renew_after(&self, fault: &Fault) {
        let is_away = fault.class == FaultClass::Unreachable || fault.code == TOO_FEW_REPLICAS;
        match self {
            Self::Single(single) if fault.code == "READONLY" => single.renew(),
            Self::Sentinels(sentinels) if fault.code == "READONLY" || is_away => sentinels.renew(),
            _ => {}
        }
    }

    /// One checkout for a whole pipeline: each costs a round trip of its own.
    pub(super) async fn connection(&self) -> Result<Connection, PoolError> {
        match self {
            Self::Single(single) => single.pool().get().await.map(Connection::Node),
            Self::Sentinels(sentinels) => sentinels.connection().await.map(Connection::Replicated),
            Self::Cluster(cluster) => {
                let connect = || cluster.client.get_async_connection();
                let connection = cluster.connection.get_or_try_init(connect).await;
                connection.cloned().map(Connection::Cluster).map_err(PoolError::Backend)
            }
        }
    }
}

pub(super) fn new_pool(info: ConnectionInfo) -> Result<Pool, String> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT));
    let manager = Manager::new_with_config(info, config).map_err(|error| error.to_string())?;
    let pool = Pool::builder(manager)
        .max_size(CONNECTIONS)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(RESPONSE_TIMEOUT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .recycle_timeout(Some(CONNECT_TIMEOUT))
        .build();
    pool.map_err(|error| error.to_string())
}

fn cluster(nodes: Vec<ConnectionInfo>, tls: &Tls) -> RedisResult<Servers> {
    let wrapped = nodes.iter().any(|node| matches!(node.addr(), ConnectionAddr::TcpTls { .. }));
    let mut builder = ClusterClientBuilder::new(nodes)
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(RESPONSE_TIMEOUT)
        // With all its tries: a failover takes seconds, and whoever waits tries again.
        .overall_response_timeout(Some(RESPONSE_TIMEOUT));
    if wrapped {
        builder = builder.certs(tls.for_redis());
    }
    let cluster = Cluster { client: builder.build()?, connection: OnceCell::new() };
    Ok(Servers::Cluster(Arc::new(cluster)))
}

/// What the URL says, with the certificates for it.
pub(super) fn connection_info(url: &str, tls: &Tls) -> RedisResult<ConnectionInfo> {
    let info = url.into_connection_info()?;
    match info.addr() {
        ConnectionAddr::TcpTls { .. } => {
            Ok(Client::build_with_tls(info, tls.for_redis())?.get_connection_info().clone())
        }
        _ => Ok(info),
    }
}

fn is_cluster(url: &str) -> bool {
    CLUSTERS.iter().any(|(scheme, _)| url.starts_with(scheme))
}

/// A URL for each node; the URL itself, where it is a single server's.
pub(crate) fn nodes(url: &str) -> Vec<String> {
    let cluster = CLUSTERS.iter().find_map(|(scheme, node)| Some((url.strip_prefix(scheme)?, node)));
    let Some((rest, scheme)) = cluster else { return vec![url.to_owned()] };
    // The hosts are behind the last @: a password may hold a comma.
    let (login, hosts) = rest.rsplit_once('@').map_or(("", rest), |(login, hosts)| (login, hosts));
    let login = if login.is_empty() { String::new() } else { format!("{login}@") };
    let hosts = hosts.trim_end_matches('/').split(',');
    hosts.map(|host| format!("{scheme}{login}{host}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_named_by_some_of_its_nodes() {
        assert_eq!(nodes("redis://a:1/2"), ["redis://a:1/2"]);
        assert_eq!(nodes("redis-cluster://a"), ["redis://a"]);
        assert_eq!(
            nodes("rediss-cluster://u:p,w@a:1,b:2,c/"),
            ["rediss://u:p,w@a:1", "rediss://u:p,w@b:2", "rediss://u:p,w@c"]
        );
    }
}
