//! Redis: reports, ends, batches. The only place that knows its keys.
//!
//! Every key of a batch carries the batch as hash tag, so the script that records ends touches one slot of a cluster.
//! Everything expires [`Store`]'s `ttl` after it was last touched.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::PoolError;
use redis::{Pipeline, RedisError};

use crate::tls::Address;

mod batch;
mod cancel;
mod door;
mod ends;
mod eviction;
mod fault;
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
mod replicated;
mod reports;
mod retry;
mod script;
mod seen;
pub(crate) mod sentinel;
pub(crate) mod servers;
mod starts;
mod stored;
mod times;
mod waiting;
mod wire;
mod workers;

pub use batch::{Accepting, BatchHead, BatchState};
pub use cancel::{Cancelled, RecallPlace};
use door::Door;
pub use ends::EndPlace;
pub use eviction::Eviction;
use fault::{Fault, FaultClass};
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
pub use waiting::WaitingRetries;
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
    /// It lets us in and takes no work, from nobody (out of memory, read-only, not saving). An operator or a failover mends that.
    #[error("Redis at {url} (REDIS_URL) refuses: {detail}")]
    Refused {
        /// Address, password masked.
        url: String,
        /// Its words.
        detail: String,
    },
    /// Redis works, and cannot do this: a key has another type, or a script failed. The same request meets it again.
    #[error("Redis at {url} (REDIS_URL) cannot do this and never will ({subject}): {detail}")]
    Permanent {
        /// Address, password masked.
        url: String,
        /// The command or script, and its key.
        subject: String,
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

impl StoreError {
    /// Whether the same request would meet the same error for ever, while others succeed: it is to be given up, and is no
    /// sign that Redis is away.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        match self {
            Self::Permanent { .. } | Self::Unreadable { .. } | Self::Encode(_) => true,
            Self::Unreachable { .. } | Self::Denied { .. } | Self::Refused { .. } | Self::Url(_) => false,
        }
    }
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
        self.error_about(error, |_| "a command".to_owned())
    }

    /// As [`Store::error`], naming the command of this pipeline.
    fn error_in(&self, error: &RedisError, pipeline: &Pipeline) -> StoreError {
        self.error_about(error, |command| link::describe(pipeline, command))
    }

    /// The error in our terms. `subject` names a command by its place in the pipeline.
    fn error_about(&self, error: &RedisError, subject: impl FnOnce(usize) -> String) -> StoreError {
        let url = self.url.clone();
        if let Some(detail) = self.door.tls_denial(error) {
            return StoreError::Denied { url, detail };
        }
        let fault = Fault::of(error);
        self.servers.renew_after(&fault);
        if let Some(detail) = self.door.wrong_scheme(&fault) {
            return StoreError::Denied { url, detail };
        }
        let detail = fault.words;
        match fault.class {
            FaultClass::Unreachable => StoreError::Unreachable { url, detail },
            FaultClass::Denied if fault.code == sentinel::UNKNOWN_MASTER => {
                StoreError::Denied { url, detail }
            }
            FaultClass::Denied => StoreError::Denied { url, detail: door::advice(&detail) },
            FaultClass::Refused => StoreError::Refused { url, detail },
            FaultClass::Permanent => StoreError::Permanent { url, subject: subject(fault.command), detail },
        }
    }

    fn ttl_seconds(&self) -> u64 {
        self.ttl.as_secs().max(1)
    }
}
