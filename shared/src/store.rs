//! Redis: reports, ends, batches. The only place that knows its keys.
//!
//! Every key of a batch carries the batch as hash tag, so the script that records ends touches one slot of a cluster.
//! Everything expires [`Store`]'s `ttl` after it was last touched.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::{Connection, Manager, Pool, PoolError, Runtime};
use redis::{AsyncConnectionConfig, ErrorKind, RedisError};

use crate::tls::Address;

mod batch;
mod door;
mod finish;
mod keys;
mod page;
mod reports;
mod starts;
mod wire;

pub use batch::BatchState;
use door::Door;
pub use finish::Finished;
pub use page::{Cursor, CursorError, Page};
pub use reports::Known;
pub use wire::StoredEnd;

/// A pipeline of a whole batch takes milliseconds; 500 ms, the client's default, has killed workers elsewhere.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// A host that does not answer the first packet is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What can go wrong between us and Redis.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nobody answers, or not in time; trying again later may help.
    #[error("Redis at {url} (REDIS_URL) does not answer: {detail}")]
    Unreachable {
        /// Address, password masked.
        url: String,
        /// What the last try met.
        detail: String,
    },
    /// It will not let us in: user, password, database or TLS. The same answer would come again until a setting changes.
    #[error("Redis at {url} (REDIS_URL) refuses the connection: {detail}")]
    Denied {
        /// Address, password masked.
        url: String,
        /// Its words, or what is wrong with its certificate.
        detail: String,
    },
    /// It lets us in, and refuses the work (out of memory, read only, loading).
    #[error("Redis at {url} (REDIS_URL) refuses: {detail}")]
    Refused {
        /// Address, password masked.
        url: String,
        /// Its words.
        detail: String,
    },
    /// The address is none.
    #[error("REDIS_URL is not usable: {0}")]
    Url(String),
    /// A stored value that this build cannot read.
    #[error("{key} in Redis cannot be read: {detail}")]
    Unreadable {
        /// Its key.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A value that cannot be written.
    #[error("a value cannot be encoded: {0}")]
    Encode(#[from] rmp_serde::encode::Error),
}

/// A pool of connections and the fleet's keys. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
    keys: keys::Keys,
    door: Arc<Door>,
    url: String,
    ttl: Duration,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("url", &self.url)
            .field("keys", &self.keys)
            .field("ttl", &self.ttl)
            .finish()
    }
}

impl Store {
    /// Makes the pool; connects when first used. `prefix` begins every key, `ttl` is how long results are kept.
    ///
    /// # Errors
    /// [`StoreError::Url`].
    pub fn open(to: impl Into<Address>, prefix: &str, ttl: Duration) -> Result<Self, StoreError> {
        let to = to.into();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let bad = |error: &dyn std::fmt::Display| StoreError::Url(error.to_string());
        let info = door::connection_info(&to).map_err(|error| bad(&error))?;
        let door = Arc::new(Door::new(&info, &to.tls));
        let manager = Manager::new_with_config(info, config).map_err(|error| bad(&error))?;
        // One connection for each of: ends, cache look-ups, starts, health. Each carries many commands at a time.
        let pool = Pool::builder(manager)
            .max_size(4)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(RESPONSE_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .recycle_timeout(Some(CONNECT_TIMEOUT))
            .build()
            .map_err(|error| bad(&error))?;
        Ok(Self { pool, keys: keys::Keys::new(prefix), door, url: crate::broker::mask(&to.url), ttl })
    }

    /// Whether Redis answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        redis::cmd("PING").query_async::<()>(&mut connection).await.map_err(|error| self.error(&error))
    }

    /// One checkout for a whole pipeline: each costs a round trip of its own.
    async fn connection(&self) -> Result<Connection, StoreError> {
        let error = match self.pool.get().await {
            Ok(connection) => {
                self.door.opened();
                return Ok(connection);
            }
            Err(PoolError::Backend(error)) => self.error(&error),
            Err(other) => StoreError::Unreachable { url: self.url.clone(), detail: other.to_string() },
        };
        if matches!(error, StoreError::Denied { .. }) {
            return Err(error);
        }
        let denied = |detail| StoreError::Denied { url: self.url.clone(), detail };
        Err(self.door.misfit().await.map_or(error, denied))
    }

    fn error(&self, error: &RedisError) -> StoreError {
        let (url, detail) = (self.url.clone(), error.to_string());
        if let Some(detail) = self.door.denial(error) {
            return StoreError::Denied { url, detail };
        }
        match error.kind() {
            ErrorKind::Io => StoreError::Unreachable { url, detail },
            _ if error.is_timeout() || error.is_connection_dropped() => {
                StoreError::Unreachable { url, detail }
            }
            _ => StoreError::Refused { url, detail },
        }
    }

    fn ttl_seconds(&self) -> u64 {
        self.ttl.as_secs().max(1)
    }
}
