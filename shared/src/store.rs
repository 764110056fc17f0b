//! Redis: reports, ends, batches. The only place that knows its keys.
//!
//! Every key of a batch carries the batch as hash tag, so the script that records ends touches one slot of a cluster.
//! Everything expires [`Store`]'s `ttl` after it was last touched.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::PoolError;
use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::tls::Address;

mod batch;
mod cancel;
mod door;
mod ends;
mod finish;
mod held;
mod index;
mod keys;
mod link;
mod needs;
mod open;
mod overdue;
mod page;
mod probe;
mod reports;
mod retry;
mod script;
mod seen;
pub(crate) mod servers;
mod starts;
mod times;
mod wire;
mod workers;

pub use batch::{Accepting, BatchHead, BatchState};
pub use cancel::{Cancelled, RecallPlace};
use door::Door;
pub use ends::EndPlace;
pub use finish::Finished;
pub use index::IndexPlace;
use link::Connection;
pub use needs::BatchNeeds;
pub use open::OpenJobs;
pub use overdue::SentRetry;
pub use page::{Cursor, CursorError, Page};
pub use reports::Known;
pub use retry::RetryId;
use servers::Servers;
pub use starts::{History, Start};
pub use times::Timed;
pub use wire::StoredEnd;
pub use workers::{ANNOUNCEMENT_COUNTS_FOR, SeenWorker, WorkerAnnouncement};

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
    servers: Servers,
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
        let (servers, door) = Servers::new(&to).map_err(StoreError::Url)?;
        let url = crate::broker::mask(&to.url);
        Ok(Self { servers, keys: keys::Keys::new(prefix), door: Arc::new(door), url, ttl })
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
        let error = match self.servers.connection().await {
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
            // A cluster without a master for a while, and a server that is reading its data, come back by themselves.
            ErrorKind::Io
            | ErrorKind::ClusterConnectionNotFound
            | ErrorKind::Server(
                ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::TryAgain
                | ServerErrorKind::BusyLoading,
            ) => StoreError::Unreachable { url, detail },
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
