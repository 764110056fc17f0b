//! Redis Sentinel: which of several servers is the master now, and the connections to it.
//!
//! `redis-sentinel://user:password@a:26379,b:26379,c/master/0` names some sentinels and the master's name among them. User,
//! password and database are those of the master; a sentinel that asks for a password is given the same one.
//!
//! Sentinels are asked at the first use, and again after whatever may have been the end of a master: a connection that
//! failed, an answer that did not come, a server that says that it is a replica, a write that no replica has.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_redis::{Pool, PoolError};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, RedisError, RedisResult, Value};
use tokio::sync::Mutex as AsyncMutex;

use super::replicated::ReplicatedConnection;
use super::servers::{connection_info, new_pool};
use crate::tls::{Address, Tls};

/// Schemes, and that of each server behind them.
const SCHEMES: [(&str, &str); 2] = [("redis-sentinel://", "redis://"), ("rediss-sentinel://", "rediss://")];

/// A sentinel's usual port.
const DEFAULT_PORT: u16 = 26379;

/// So many replicas must have a write, where the URL does not say.
const DEFAULT_REPLICAS: u8 = 1;

/// More copies than anybody keeps.
const MAX_REPLICAS: u8 = 9;

/// A sentinel or a master answers a single question within a moment; one that does not is passed by.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// While a failover lasts, every request fails and would ask the sentinels again; one question in this time is enough.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// The code of our error where every sentinel says that it has no such master.
pub(super) const UNKNOWN_MASTER: &str = "UNKNOWNMASTER";

/// What a URL says, as text. Nothing is connected yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SentinelUrl {
    /// A URL for each sentinel, without user and password.
    pub(crate) sentinels: Vec<String>,
    /// A URL with user, password and database of the master, at the first sentinel's place.
    pub(crate) login: String,
    pub(crate) master: String,
    pub(crate) replicas: u8,
}

/// Reads the URL; `None` when its scheme is another.
///
/// # Errors
/// What is wrong with it. The text holds no part of it, for it may be a password.
pub(crate) fn parse(url: &str) -> Option<Result<SentinelUrl, String>> {
    let (rest, scheme) =
        SCHEMES.iter().find_map(|(scheme, server)| Some((url.strip_prefix(scheme)?, server)))?;
    Some(parse_rest(rest, scheme))
}

fn parse_rest(rest: &str, scheme: &str) -> Result<SentinelUrl, String> {
    // The hosts are behind the last @: a password may hold a comma or a slash.
    let (login, place) =
        rest.rsplit_once('@').map_or((String::new(), rest), |(login, place)| (format!("{login}@"), place));
    let (place, query) = place.split_once('?').map_or((place, None), |(place, query)| (place, Some(query)));
    let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
    let (master, database) = path.trim_end_matches('/').split_once('/').unwrap_or((path, "0"));
    let master = master.trim_end_matches('/');
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if master.is_empty() || !master.chars().all(is_name) {
        return Err(
            "behind the hosts stands the name of the master, of letters, digits, '.', '-' and '_'".into()
        );
    }
    if database.is_empty() || !database.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("behind the name of the master stands the number of a database, or nothing".into());
    }
    let hosts: Vec<String> = hosts.split(',').map(|host| with_port(host.trim())).collect::<Result<_, _>>()?;
    Ok(SentinelUrl {
        login: format!("{scheme}{login}{}/{database}", hosts[0]),
        sentinels: hosts.iter().map(|host| format!("{scheme}{host}")).collect(),
        master: master.to_owned(),
        replicas: query.map_or(Ok(DEFAULT_REPLICAS), replicas)?,
    })
}

fn replicas(query: &str) -> Result<u8, String> {
    let number = query.strip_prefix("replicas=").and_then(|number| number.parse().ok());
    number.filter(|number| *number <= MAX_REPLICAS).ok_or_else(|| {
        format!("behind the question mark stands replicas= and a number from 0 to {MAX_REPLICAS}, or nothing")
    })
}

fn with_port(host: &str) -> Result<String, String> {
    let is_bare = if host.starts_with('[') { host.ends_with(']') } else { !host.contains(':') };
    if host.is_empty() || host.starts_with(':') {
        return Err("it names no host".to_owned());
    }
    Ok(if is_bare { format!("{host}:{DEFAULT_PORT}") } else { host.to_owned() })
}

/// The sentinels, and the connections to the master that they named last.
pub(super) struct Sentinels {
    sentinels: Vec<ConnectionInfo>,
    /// How the master is entered; its address is found out.
    login: ConnectionInfo,
    master: String,
    replicas: u8,
    current: Mutex<Current>,
    /// One at a time asks; the others wait for what it finds.
    asking: AsyncMutex<()>,
}

#[derive(Default)]
struct Current {
    pool: Option<Pool>,
    asked: Option<Instant>,
}

impl Sentinels {
    /// `None` when the URL is not of this kind. Nothing is connected yet.
    pub(super) fn new(to: &Address) -> Option<Result<Arc<Self>, String>> {
        parse(&to.url).map(|url| Self::of(url?, &to.tls).map(Arc::new))
    }

    fn of(url: SentinelUrl, tls: &Tls) -> Result<Self, String> {
        let info = |url: &String| connection_info(url, tls).map_err(|error| error.to_string());
        let sentinels = url.sentinels.iter().map(info).collect::<Result<_, _>>()?;
        let (login, master, replicas) = (info(&url.login)?, url.master, url.replicas);
        let (current, asking) = (Mutex::default(), AsyncMutex::new(()));
        Ok(Self { sentinels, login, master, replicas, current, asking })
    }

    /// A sentinel's address, for a look at what speaks there.
    pub(super) fn first(&self) -> &ConnectionInfo {
        self.sentinels.first().unwrap_or(&self.login)
    }

    /// The master may be another by now: sentinels are asked before the next connection is made.
    pub(super) fn renew(&self) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.asked.is_none_or(|at| at.elapsed() >= ASKED_EVERY) {
            current.pool = None;
        }
    }

    /// A connection to the master.
    pub(super) async fn connection(&self) -> Result<ReplicatedConnection, PoolError> {
        if let Some(pool) = self.pool() {
            match pool.get().await {
                Ok(master) => return Ok(ReplicatedConnection::new(master, self.replicas)),
                Err(_) => self.renew(),
            }
        }
        let master = self.found().await?.get().await?;
        Ok(ReplicatedConnection::new(master, self.replicas))
    }

    fn pool(&self) -> Option<Pool> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).pool.clone()
    }

    /// The connections to the master that the sentinels name now.
    async fn found(&self) -> Result<Pool, PoolError> {
        let _turn = self.asking.lock().await;
        if let Some(pool) = self.pool() {
            return Ok(pool);
        }
        let master = self.find().await.map_err(PoolError::Backend)?;
        let address = shown(master.addr());
        let pool = new_pool(master).map_err(|error| PoolError::Backend(away(error)))?;
        tracing::info!(master = self.master, address, "the sentinels name the master of redis");
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Current { pool: Some(pool.clone()), asked: Some(Instant::now()) };
        Ok(pool)
    }

    /// Asks one sentinel after another, until one names a server that takes itself for the master, too: a sentinel that was
    /// cut off may name an old one.
    async fn find(&self) -> RedisResult<ConnectionInfo> {
        let (mut failures, mut unknown) = (Vec::new(), 0);
        for sentinel in &self.sentinels {
            let asked = match self.ask(sentinel).await {
                Ok(None) => {
                    unknown += 1;
                    Err(format!("it knows no master '{}'", self.master))
                }
                Ok(Some(master)) => self.is_master(&master).await.map(|()| master),
                Err(error) => Err(error.to_string()),
            };
            match asked {
                Ok(master) => return Ok(master),
                Err(detail) => failures.push(format!("sentinel {}: {detail}", shown(sentinel.addr()))),
            }
        }
        let detail = failures.join("; ");
        if unknown == self.sentinels.len() {
            return Err(redis::make_extension_error(UNKNOWN_MASTER.to_owned(), Some(detail)));
        }
        Err(away(detail))
    }

    /// The address that this sentinel has for the master.
    async fn ask(&self, sentinel: &ConnectionInfo) -> RedisResult<Option<ConnectionInfo>> {
        let answer = match self.master_by(sentinel.clone()).await {
            Err(error) if error.code() == Some("NOAUTH") => {
                let login = self.login.redis_settings().clone().set_db(0);
                self.master_by(sentinel.clone().set_redis_settings(login)).await
            }
            other => other,
        };
        Ok(answer?.map(|(host, port)| self.login.clone().set_addr(at(self.login.addr(), host, port))))
    }

    async fn master_by(&self, sentinel: ConnectionInfo) -> RedisResult<Option<(String, u16)>> {
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.master);
        command.query_async(&mut connect(sentinel).await?).await
    }

    async fn is_master(&self, server: &ConnectionInfo) -> Result<(), String> {
        let role = async {
            let mut connection = connect(server.clone()).await?;
            redis::cmd("ROLE").query_async::<Vec<Value>>(&mut connection).await
        };
        let address = shown(server.addr());
        let is_master = |first: &Value| match first {
            Value::BulkString(role) => role == b"master",
            Value::SimpleString(role) => role == "master",
            _ => false,
        };
        match role.await {
            Ok(role) if role.first().is_some_and(is_master) => Ok(()),
            Ok(_) => Err(format!("the master that it names, {address}, is a replica")),
            Err(error) => Err(format!("the master that it names, {address}: {error}")),
        }
    }
}

async fn connect(to: ConnectionInfo) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER_WITHIN))
        .set_response_timeout(Some(ANSWER_WITHIN));
    Client::open(to)?.get_multiplexed_async_connection_with_config(&config).await
}

/// The same way to another place.
fn at(like: &ConnectionAddr, host: String, port: u16) -> ConnectionAddr {
    match like {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
        }
        _ => ConnectionAddr::Tcp(host, port),
    }
}

fn shown(address: &ConnectionAddr) -> String {
    match address {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            format!("{host}:{port}")
        }
        _ => "a socket".to_owned(),
    }
}

fn away(detail: String) -> RedisError {
    std::io::Error::other(detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_sentinels_and_the_name_of_the_master() {
        let url =
            parse("redis-sentinel://me:p%2Fw,x@a:1,b,[::1]:3,[::2]/music/2?replicas=2").unwrap().unwrap();
        assert_eq!(
            url.sentinels,
            ["redis://a:1", "redis://b:26379", "redis://[::1]:3", "redis://[::2]:26379"]
        );
        assert_eq!(
            (url.login.as_str(), url.master.as_str(), url.replicas),
            ("redis://me:p%2Fw,x@a:1/2", "music", 2)
        );
        let url = parse("rediss-sentinel://a/music").unwrap().unwrap();
        assert_eq!((url.login.as_str(), url.replicas), ("rediss://a:26379/0", 1));
        assert!(parse("redis://a/0").is_none());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_url() {
        for (url, expected) in [
            ("redis-sentinel://u:hunter2@a:1", "the name of the master"),
            ("redis-sentinel://u:hunter2@a:1/", "the name of the master"),
            ("redis-sentinel://u:hunter2@a:1/my master", "the name of the master"),
            ("redis-sentinel://u:hunter2@a:1/m/hunter2", "the number of a database"),
            ("redis-sentinel://u:hunter2@a:1,/m", "no host"),
            ("redis-sentinel://u:hunter2@/m", "no host"),
            ("redis-sentinel://a/m?replicas=10", "from 0 to 9"),
            ("redis-sentinel://a/m?hunter2", "from 0 to 9"),
        ] {
            let error = parse(url).unwrap().unwrap_err();
            assert!(error.contains(expected) && !error.contains("hunter2"), "{url}: {error}");
        }
    }
}
