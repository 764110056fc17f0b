//! One attempt to connect to RabbitMQ, and what a failed one says.

use std::hash::{BuildHasher, Hasher, RandomState};
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

/// One attempt: see [`super::Broker::connect`]. Of several nodes each is tried, beginning with any of them, so that the
/// connections of a fleet are spread over the cluster.
pub(super) async fn connect(to: &Address, name: &str) -> Result<Connection, BrokerError> {
    let Address { url, tls } = to;
    let refused = |detail: String| BrokerError::Refused { url: mask(url), detail };
    let nodes = address::parse_nodes(url).map_err(refused)?;
    let (first, mut failures) = (random_below(nodes.len()), Vec::new());
    for place in 0..nodes.len() {
        let node = &nodes[(first + place) % nodes.len()];
        match connect_to(node, tls, name).await {
            Ok(connection) => return Ok(connection),
            Err(failure) => failures.push((at(node), failure)),
        }
    }
    Err(failed(url, failures))
}

/// What a failed attempt amounts to. A cluster that refuses us does so by every node: one that is just starting or shutting
/// down may refuse what the others accept.
fn failed(url: &str, mut failures: Vec<(String, Failure)>) -> BrokerError {
    let url = mask(url);
    if failures.len() == 1 {
        return match failures.swap_remove(0).1 {
            Failure::Away(detail) => BrokerError::Unreachable { url, detail },
            Failure::Refused(detail) => BrokerError::Refused { url, detail },
        };
    }
    let is_refused = failures.iter().all(|(_, failure)| matches!(failure, Failure::Refused(_)));
    let words = |(node, failure): (String, Failure)| match failure {
        Failure::Away(detail) => format!("{node}: {detail}"),
        Failure::Refused(detail) => format!("{node}: it refuses the connection: {detail}"),
    };
    let detail = failures.into_iter().map(words).collect::<Vec<_>>().join("; ");
    if is_refused { BrokerError::Refused { url, detail } } else { BrokerError::Unreachable { url, detail } }
}

async fn connect_to(uri: &AMQPUri, tls: &Tls, name: &str) -> Result<Connection, Failure> {
    let tls = (uri.scheme == AMQPScheme::AMQPS).then_some(tls);
    look(uri, tls).await?;
    let failure = match tokio::time::timeout(CONNECT_TRY, open(uri.clone(), name, tls)).await {
        Ok(Ok(connection)) => {
            let status = connection.status().clone();
            tokio::spawn(log_events(name.to_owned(), at(uri), status, connection.events_listener()));
            return Ok(connection);
        }
        Ok(Err(error)) if is_refusal(&error) => Failure::Refused(
            tls.and_then(|tls| misfit(&error, tls)).unwrap_or_else(|| format!("{error}: {CHECK}")),
        ),
        Ok(Err(error)) => Failure::Away(error.to_string()),
        Err(_) => Failure::Away(format!("no connection within {} s", CONNECT_TRY.as_secs())),
    };
    // The server has said why: it speaks our language.
    if matches!(&failure, Failure::Refused(detail) if detail.contains("ACCESS_REFUSED")) {
        return Err(failure);
    }
    let place = (uri.authority.host.as_str(), uri.authority.port);
    Err(probe::misfit(place, GREETING, tls, AMQP_URL).await.map_or(failure, Failure::Refused))
}

/// Host and port, for messages.
fn at(uri: &AMQPUri) -> String {
    let (host, port) = (&uri.authority.host, uri.authority.port);
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Chooses among nodes, nothing more: each hasher of the standard library has random keys.
fn random_below(count: usize) -> usize {
    let random = RandomState::new().build_hasher().finish();
    usize::try_from(random % count.max(1) as u64).unwrap_or(0)
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

/// Why there is no connection to a node.
#[derive(Debug)]
enum Failure {
    /// It does not answer, or not in time.
    Away(String),
    /// It answers and says no.
    Refused(String),
}

impl From<TlsError> for Failure {
    fn from(error: TlsError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// Whether anybody listens, and has the certificate that we want: lapin keeps the cause of a failure (refused, unknown host,
/// wrong certificate) to itself.
async fn look(uri: &AMQPUri, tls: Option<&Tls>) -> Result<(), Failure> {
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
        (Some(tls), Some(cause)) => Err(Failure::Refused(explain(cause, AMQP_URL, tls))),
        _ => Err(Failure::Away(error.to_string())),
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
async fn log_events(
    name: String,
    node: String,
    status: ConnectionStatus,
    events: impl futures_util::Stream<Item = Event>,
) {
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Event::Connected => tracing::info!(connection = name, node, "connected to rabbitmq"),
            Event::ConnectionBlocked(reason) => {
                tracing::warn!(connection = name, reason, "rabbitmq blocks publishing")
            }
            Event::ConnectionUnblocked => {
                tracing::info!(connection = name, "rabbitmq accepts publishing again")
            }
            Event::Error(error) if status.connected() => {
                tracing::debug!(connection = name, %error, "rabbitmq closed a channel")
            }
            Event::Error(error) => {
                tracing::warn!(connection = name, node, %error, "connection to rabbitmq lost")
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(failures: Vec<Failure>) -> BrokerError {
        let named = |(place, failure)| (format!("n{place}:5672"), failure);
        failed("amqp://u:hunter2@n0,n1/v", failures.into_iter().enumerate().map(named).collect())
    }

    #[test]
    fn one_node_that_is_away_may_be_the_one_that_would_let_us_in() {
        let (away, no) = (|| Failure::Away("gone".into()), || Failure::Refused("who are you".into()));
        let error = of(vec![no(), away()]);
        assert!(matches!(error, BrokerError::Unreachable { .. }));
        let text = error.to_string();
        assert!(text.contains("n0:5672: it refuses the connection: who are you; n1:5672: gone"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(matches!(of(vec![no(), no()]), BrokerError::Refused { .. }));
        assert!(of(vec![away()]).to_string().ends_with("does not answer: gone"));
    }

    #[test]
    fn every_node_is_chosen_at_some_time() {
        let chosen: std::collections::BTreeSet<usize> = (0..1000).map(|_| random_below(3)).collect();
        assert_eq!(chosen.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    }
}
