//! RabbitMQ: connect and stay connected, open channels, publish with a confirm. It knows no queue by name (`topology`
//! does) and keeps no state of a job.
//!
//! lapin's own recovery is not used. It can wait for itself for ever when a channel is closed while a request is under way
//! on it, it never reopens a channel that RabbitMQ has closed, and it starts consumers again that nobody reads any more.
//! Here a lost connection is replaced by a new one ([`Broker`] does that by itself), and whoever had a channel opens a new
//! one: [`Publisher`] for what is published, the worker's subscriptions for what is consumed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use lapin::Connection;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use tokio::sync::watch;

use crate::tls::Address;
use crate::topology::{Topology, TopologyError};

pub mod address;
mod answered;
mod connecting;
mod message;
mod publisher;
mod reconnect;
mod transport;
mod unreadable;

pub use crate::mask::mask_url as mask;
pub use answered::answered;
pub use lapin::{self, Channel};
pub use message::{revivals, trace};
pub use publisher::{Fate, Publisher, Route};
pub use unreadable::owner;

use connecting::{connect, is_refusal};

/// The process ends anyway; a broker that is away must not hold it up.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// What can go wrong between us and the broker.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Nobody answers, or not in time.
    #[error("RabbitMQ at {url} (AMQP_URL) does not answer: {detail}")]
    Unreachable {
        /// Address, password masked.
        url: String,
        /// What the last try met.
        detail: String,
    },
    /// It answers and says no: user, password, vhost or TLS. Trying again does not help.
    #[error("RabbitMQ at {url} (AMQP_URL) refuses the connection: {detail}")]
    Refused {
        /// Address, password masked.
        url: String,
        /// Its words.
        detail: String,
    },
    /// The queues are not what we need.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// No queue is bound for the message.
    #[error(
        "no queue takes messages for '{0}': was it deleted while the fleet runs? `producer topology apply` makes it again"
    )]
    Unroutable(String),
    /// RabbitMQ closes the channel at each message for this exchange.
    #[error(
        "RabbitMQ takes no messages for exchange '{exchange}': {detail}\n  `producer topology apply` makes what is missing; a \
         user without the write permission on it gets it by `rabbitmqctl set_permissions`"
    )]
    PublishRefused {
        /// The exchange.
        exchange: String,
        /// Its words.
        detail: String,
    },
    /// A job that cannot be written as a message.
    #[error("a job cannot be encoded: {0}")]
    Encode(#[from] rmp_serde::encode::Error),
    /// The connection or a channel failed in the middle of something.
    #[error("RabbitMQ: {0}")]
    Protocol(#[from] lapin::Error),
}

/// A connection that is replaced when it is lost. Clones are the same one; it is closed with the last of them.
#[derive(Debug, Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

/// What the clones of a [`Broker`] have in common.
#[derive(Debug)]
struct Shared {
    to: Address,
    name: String,
    connection: RwLock<Arc<Connection>>,
    /// Counts the connections, so that whoever waits for the next one is told.
    replaced: watch::Sender<u64>,
    /// Why the last try to replace a lost connection failed.
    trouble: Mutex<Option<String>>,
    /// Asked to close: a connection that ends now is not replaced.
    closing: AtomicBool,
}

impl Broker {
    /// One attempt to connect, of at most five seconds and a look at why it failed. `name` shows in RabbitMQ's list of
    /// connections. Once connected, it stays so: a lost connection is replaced in the background.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`], worth another try, or [`BrokerError::Refused`], which is not.
    pub async fn connect(to: impl Into<Address>, name: &str) -> Result<Self, BrokerError> {
        let to = to.into();
        let connection = RwLock::new(Arc::new(connect(&to, name).await?));
        let shared = Arc::new(Shared {
            to,
            name: name.to_owned(),
            connection,
            replaced: watch::Sender::new(0),
            trouble: Mutex::default(),
            closing: AtomicBool::new(false),
        });
        tokio::spawn(reconnect::keep_connected(Arc::downgrade(&shared)));
        Ok(Self { shared })
    }

    /// Connects, trying again until it works or is refused; `on_wait` is told of each failed try.
    ///
    /// # Errors
    /// [`BrokerError::Refused`].
    pub async fn connect_patiently(
        to: impl Into<Address>,
        name: &str,
        mut on_wait: impl FnMut(&BrokerError),
    ) -> Result<Self, BrokerError> {
        let to = to.into();
        loop {
            match Self::connect(to.clone(), name).await {
                Err(error @ BrokerError::Unreachable { .. }) => on_wait(&error),
                other => return other,
            }
            tokio::time::sleep(reconnect::LONGEST_PAUSE).await;
        }
    }

    /// A new channel on the connection that there is now.
    ///
    /// # Errors
    /// When the connection is down at the moment.
    pub async fn channel(&self) -> Result<Channel, BrokerError> {
        let connection = self.shared.connection();
        Ok(answered(&*connection, connection.create_channel()).await?)
    }

    /// Returns as soon as the connection is up.
    pub async fn connected(&self) {
        let mut replaced = self.shared.replaced.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        while !self.is_up() && replaced.changed().await.is_ok() {}
    }

    /// Makes exchanges and queues, or checks that they are as wanted. A user who may not configure is content with queues that
    /// exist.
    ///
    /// # Errors
    /// As [`Topology::declare`]; [`TopologyError::Missing`] where something is missing that the user may not make.
    pub async fn declare(&self, topology: &Topology) -> Result<(), BrokerError> {
        match topology.declare(&self.channel().await?).await {
            Err(TopologyError::Refused { source, .. })
                if soft_error(&source) == Some(AMQPSoftError::ACCESSREFUSED) =>
            {
                topology.require(&self.channel().await?).await?;
                tracing::debug!("the user of AMQP_URL may not declare queues; all that is needed exists");
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// Whether the connection is up now.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.shared.connection().status().connected()
    }

    /// Whether the broker has blocked publishing (memory or disk alarm).
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.shared.connection().status().blocked()
    }

    /// Why a lost connection could not be replaced yet. `None` while it is up, and before the first try.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        if self.is_up() { None } else { lock(&self.shared.trouble).clone() }
    }

    /// Says goodbye, if the broker is there to hear it. The connection is not replaced any more.
    pub async fn close(&self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        let connection = self.shared.connection();
        let closing = connection.close(200, "bye".into());
        match tokio::time::timeout(CLOSE_WITHIN, closing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "closing the connection to rabbitmq failed"),
            Err(_) => tracing::debug!("rabbitmq did not confirm the end of the connection"),
        }
    }
}

impl Shared {
    fn connection(&self) -> Arc<Connection> {
        Arc::clone(&self.connection.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, fresh: Connection) {
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        *lock(&self.trouble) = None;
        self.replaced.send_modify(|count| *count += 1);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why RabbitMQ closed a channel because of what was asked on it; `None` of every other error.
#[must_use]
pub fn soft_error(error: &lapin::Error) -> Option<AMQPSoftError> {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(error) => match error.kind() {
            AMQPErrorKind::Soft(error) => Some(error.clone()),
            AMQPErrorKind::Hard(_) => None,
        },
        _ => None,
    }
}

impl BrokerError {
    /// Whether the same may work a moment later: nobody answered, or the connection was lost in the middle of it.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Protocol(error) | Self::Topology(TopologyError::Refused { source: error, .. }) => {
                !is_refusal(error)
            }
            Self::Refused { .. }
            | Self::Topology(_)
            | Self::Unroutable(_)
            | Self::PublishRefused { .. }
            | Self::Encode(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use lapin::ErrorKind;
    use lapin::protocol::{AMQPError, AMQPHardError, AMQPSoftError};

    use super::*;

    #[test]
    fn a_connection_that_was_closed_is_no_refusal() {
        let refused = |kind: AMQPErrorKind| {
            let source = ErrorKind::ProtocolError(AMQPError::new(kind, "because".into())).into();
            BrokerError::from(TopologyError::Refused { name: "q".into(), source })
        };
        assert!(refused(AMQPHardError::CONNECTIONFORCED.into()).may_pass());
        assert!(!refused(AMQPHardError::NOTALLOWED.into()).may_pass());
        assert!(!refused(AMQPSoftError::ACCESSREFUSED.into()).may_pass());
    }
}
