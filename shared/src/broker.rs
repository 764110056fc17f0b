//! The connection to RabbitMQ: connect, open channels, publish with a confirm. It knows no queue by name
//! (`topology` does) and keeps no state of a job.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::protocol::{AMQPErrorKind, AMQPHardError};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties, ErrorKind, Event};
use tokio::net::TcpStream;

use crate::tls::{Address, Tls, TlsError, explain, probe, rustls_error};
use crate::topology::TopologyError;

pub mod address;
mod publisher;
mod transport;
mod unreadable;

pub use crate::mask::mask_url as mask;
pub use lapin::{self, Channel};
pub use publisher::{Fate, Publisher, Route, revivals, trace};
pub use unreadable::owner;

/// Reconnects come quickly at first and never give up: the default of lapin leaves gaps of 16–32 s and stops after 16.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// How long one try of a first connection may take before the caller hears of it.
const CONNECT_TRY: Duration = Duration::from_secs(5);

/// What the protocol says first (AMQP 0-9-1), to a port that may speak something else.
const GREETING: &[u8] = b"AMQP\x00\x00\x09\x01";

/// What helps against a refusal that is no matter of TLS.
const CHECK: &str = "check user, password and vhost in AMQP_URL: the default vhost is /%2f, and reserved characters in a \
                     password are percent-encoded";

/// The variable that names the server, for its errors.
const AMQP_URL: &str = "AMQP_URL";

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
    #[error("no queue takes messages for '{0}': was the topology deleted under us?")]
    Unroutable(String),
    /// A job that cannot be written as a message.
    #[error("a job cannot be encoded: {0}")]
    Encode(#[from] rmp_serde::encode::Error),
    /// The protocol failed in the middle of something, beyond what recovery can mend.
    #[error("RabbitMQ: {0}")]
    Protocol(#[from] lapin::Error),
}

/// A connection that mends itself. Dropping the last channel and this closes it.
#[derive(Debug)]
pub struct Broker {
    to: Address,
    name: String,
    connection: RwLock<Arc<Connection>>,
}

/// A connection that another one has replaced.
#[derive(Debug)]
#[expect(dead_code, reason = "held, and then let go")]
pub struct Retired(Arc<Connection>);

impl Broker {
    /// One attempt to connect, of at most five seconds and a look at why it failed. `name` shows in RabbitMQ's list of
    /// connections.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`], worth another try, or [`BrokerError::Refused`], which is not.
    pub async fn connect(to: impl Into<Address>, name: &str) -> Result<Self, BrokerError> {
        let to = to.into();
        let connection = RwLock::new(Arc::new(connect(&to, name).await?));
        Ok(Self { to, name: name.to_owned(), connection })
    }

    /// Puts a fresh connection in the place of one that does not come back by itself. Its channels are lost when what is
    /// returned is dropped.
    ///
    /// # Errors
    /// As [`Broker::connect`]; the old one stays.
    pub async fn renew(&self) -> Result<Retired, BrokerError> {
        let fresh = Arc::new(connect(&self.to, &self.name).await?);
        tracing::warn!(
            connection = self.name,
            "the connection to rabbitmq did not come back: a new one takes its place"
        );
        let mut connection = self.connection.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Retired(std::mem::replace(&mut connection, fresh)))
    }

    fn connection(&self) -> Arc<Connection> {
        Arc::clone(&self.connection.read().unwrap_or_else(PoisonError::into_inner))
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
            tokio::time::sleep(RECONNECT.1).await;
        }
    }

    /// A new channel.
    ///
    /// # Errors
    /// When the connection is down at the moment.
    pub async fn channel(&self) -> Result<Channel, BrokerError> {
        Ok(self.connection().create_channel().await?)
    }

    /// Whether the connection is up now, and the broker accepts what we send.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.connection().status().connected()
    }

    /// Whether the broker has blocked publishing (memory or disk alarm).
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.connection().status().blocked()
    }

    /// Says goodbye, if the broker is there to hear it.
    pub async fn close(&self) {
        let connection = self.connection();
        let closing = connection.close(200, "bye".into());
        match tokio::time::timeout(CLOSE_WITHIN, closing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "closing the connection to rabbitmq failed"),
            Err(_) => tracing::debug!("rabbitmq did not confirm the end of the connection"),
        }
    }
}

/// One attempt: see [`Broker::connect`].
async fn connect(to: &Address, name: &str) -> Result<Connection, BrokerError> {
    let Address { url, tls } = to;
    let unreachable = |detail: String| BrokerError::Unreachable { url: mask(url), detail };
    let refused = |detail: String| BrokerError::Refused { url: mask(url), detail };
    let uri = address::parse(url).map_err(refused)?;
    let tls = (uri.scheme == AMQPScheme::AMQPS).then_some(tls);
    look(&uri, tls).await.map_err(|error| match error {
        Look::Away(detail) => unreachable(detail),
        Look::Misfit(detail) => refused(detail),
    })?;
    let error = match tokio::time::timeout(CONNECT_TRY, open(uri.clone(), name, tls)).await {
        Ok(Ok(connection)) => {
            tokio::spawn(log_events(name.to_owned(), connection.events_listener()));
            return Ok(connection);
        }
        Ok(Err(error)) if is_refusal(&error) => {
            refused(tls.and_then(|tls| misfit(&error, tls)).unwrap_or_else(|| format!("{error}: {CHECK}")))
        }
        Ok(Err(error)) => unreachable(error.to_string()),
        Err(_) => unreachable(format!("no connection within {} s", CONNECT_TRY.as_secs())),
    };
    // The server has said why: it speaks our language.
    if matches!(&error, BrokerError::Refused { detail, .. } if detail.contains("ACCESS_REFUSED")) {
        return Err(error);
    }
    let at = (uri.authority.host.as_str(), uri.authority.port);
    Err(probe::misfit(at, GREETING, tls, AMQP_URL).await.map_or(error, refused))
}

async fn open(uri: AMQPUri, name: &str, tls: Option<&Tls>) -> Result<Connection, lapin::Error> {
    let properties = ConnectionProperties::default()
        .with_connection_name(name.into())
        .configure_backoff(|backoff| {
            backoff.with_min_delay(RECONNECT.0).with_max_delay(RECONNECT.1).without_max_times()
        })
        .enable_auto_recover();
    match tls {
        None => Connection::connect_uri(uri, properties).await,
        Some(tls) => {
            let config = tls.config().map_err(io::Error::other)?;
            transport::connect(uri, properties, config).await
        }
    }
}

/// What a first look at the port found.
enum Look {
    Away(String),
    Misfit(String),
}

impl From<TlsError> for Look {
    fn from(error: TlsError) -> Self {
        Self::Misfit(error.to_string())
    }
}

/// Whether anybody listens, and has the certificate that we want. lapin tries the first connection for ever, by the backoff
/// of its recovery, and in a thread of its own that outlives the caller's patience: each try that is given up would
/// connect later, unasked. It also keeps the cause (refused, unknown host, wrong certificate) to itself.
async fn look(uri: &AMQPUri, tls: Option<&Tls>) -> Result<(), Look> {
    let at = (uri.authority.host.as_str(), uri.authority.port);
    let config = tls.map(Tls::config).transpose()?;
    let connecting = async {
        match config {
            None => TcpStream::connect(at).await.map(drop),
            Some(config) => probe::handshake(at, config).await.map(drop),
        }
    };
    let error = match tokio::time::timeout(CONNECT_TRY, connecting).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        Err(_) => io::ErrorKind::TimedOut.into(),
    };
    match (tls, rustls_error(&error)) {
        (Some(tls), Some(cause)) => Err(Look::Misfit(explain(cause, AMQP_URL, tls))),
        _ => Err(Look::Away(error.to_string())),
    }
}

/// What TLS has to say of a connection that ended after its handshake: a server asks for a certificate only then.
fn misfit(error: &lapin::Error, tls: &Tls) -> Option<String> {
    let ErrorKind::IOError(error) = error.kind() else { return None };
    rustls_error(error.as_ref()).map(|cause| explain(cause, AMQP_URL, tls))
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
            Self::Refused { .. } | Self::Topology(_) | Self::Unroutable(_) | Self::Encode(_) => false,
        }
    }
}

/// Wrong password, unknown vhost, unknown scheme: the same answer would come for ever.
fn is_refusal(error: &lapin::Error) -> bool {
    match error.kind() {
        // An operator or a node that goes down closes connections; that says nothing against us.
        ErrorKind::ProtocolError(error) => {
            !matches!(error.kind(), AMQPErrorKind::Hard(AMQPHardError::CONNECTIONFORCED))
        }
        ErrorKind::AuthProviderError(_) | ErrorKind::InvalidProtocolVersion(_) => true,
        ErrorKind::IOError(io) => matches!(
            io.kind(),
            io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::InvalidData
        ),
        // The server closes the socket in the handshake when it does not like the credentials' mechanism.
        _ => false,
    }
}

async fn log_events(name: String, events: impl futures_util::Stream<Item = Event>) {
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Event::Connected => tracing::info!(connection = name, "connected to rabbitmq"),
            Event::ConnectionBlocked(reason) => {
                tracing::warn!(connection = name, reason, "rabbitmq blocks publishing")
            }
            Event::ConnectionUnblocked => {
                tracing::info!(connection = name, "rabbitmq accepts publishing again")
            }
            Event::Error(error) => tracing::warn!(connection = name, %error, "connection to rabbitmq lost"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use lapin::protocol::{AMQPError, AMQPSoftError};

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
