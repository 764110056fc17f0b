//! One attempt to connect to RabbitMQ, and what a failed one says.

use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::protocol::{AMQPErrorKind, AMQPHardError};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties, ConnectionStatus, ErrorKind, Event};
use tokio::net::TcpStream;

use super::{BrokerError, address, mask, transport};
use crate::tls::{Address, Tls, TlsError, explain, probe, rustls_error};

/// How long one attempt may take before the caller hears of it.
const CONNECT_TRY: Duration = Duration::from_secs(5);

/// What the protocol says first (AMQP 0-9-1), to a port that may speak something else.
const GREETING: &[u8] = b"AMQP\x00\x00\x09\x01";

/// What helps against a refusal that is no matter of TLS.
const CHECK: &str = "check user, password and vhost in AMQP_URL: the default vhost is /%2f, and reserved characters in a \
                     password are percent-encoded";

/// The variable that names the server, for its errors.
const AMQP_URL: &str = "AMQP_URL";

/// One attempt: see [`Broker::connect`].
pub(super) async fn connect(to: &Address, name: &str) -> Result<Connection, BrokerError> {
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
            let status = connection.status().clone();
            tokio::spawn(log_events(name.to_owned(), status, connection.events_listener()));
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
    // No backoff and no recovery: one attempt is one attempt.
    let properties = ConnectionProperties::default().with_connection_name(name.into());
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

/// Whether anybody listens, and has the certificate that we want: lapin keeps the cause of a failure (refused, unknown host,
/// wrong certificate) to itself.
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

/// Wrong password, unknown vhost, unknown scheme: the same answer would come for ever.
pub(super) fn is_refusal(error: &lapin::Error) -> bool {
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

/// Logs what happens to a connection until it ends. lapin reports a closed channel as an error of its connection; whether the
/// connection itself is still up tells the two apart.
async fn log_events(name: String, status: ConnectionStatus, events: impl futures_util::Stream<Item = Event>) {
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
            Event::Error(error) if status.connected() => {
                tracing::debug!(connection = name, %error, "rabbitmq closed a channel")
            }
            Event::Error(error) => tracing::warn!(connection = name, %error, "connection to rabbitmq lost"),
            _ => {}
        }
    }
}
