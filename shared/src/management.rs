//! RabbitMQ's HTTP API (its management plugin), where there is one: policies and unacknowledged messages, for which AMQP has
//! no question. It reads and never writes.

use std::time::Duration;

use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::broker::address;
use crate::tls::{Address, probe};

/// An API that does not answer by then counts as away.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The answer about one queue has a few KiB.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// What a URL must look like, for errors.
pub const EXPECTED_URL: &str = "http://user:password@host:port or https://…, of RabbitMQ's management plugin";

/// Why the API does not help.
#[derive(Debug, thiserror::Error)]
#[error("RabbitMQ's HTTP API at {address} (RABBITMQ_API_URL) does not answer: {detail}")]
pub struct ManagementError {
    address: String,
    detail: String,
}

/// Where the API is, and the virtual host that is asked about.
pub struct Management {
    endpoint: Endpoint,
    to: Address,
    /// Percent-encoded.
    vhost: String,
}

/// One queue as the API shows it: all of it is up to five seconds old.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct QueueRules {
    /// Name of the policy in force.
    pub policy: Option<String>,
    /// Name of the operator policy in force.
    pub operator_policy: Option<String>,
    /// What both together define. An object, or an empty list where there is none.
    effective_policy_definition: Value,
    /// All messages in it: those that wait, those that workers hold, and those that the broker is moving elsewhere.
    messages: u64,
    /// Those that wait.
    messages_ready: u64,
}

impl QueueRules {
    /// What policies define for the queue.
    #[must_use]
    pub fn definition(&self) -> Map<String, Value> {
        self.effective_policy_definition.as_object().cloned().unwrap_or_default()
    }

    /// Messages that do not wait: workers hold them, or the broker is moving them.
    #[must_use]
    pub const fn messages_held(&self) -> u64 {
        self.messages.saturating_sub(self.messages_ready)
    }
}

/// The parts of a URL. It has no `Debug`, because it has the password.
struct Endpoint {
    is_tls: bool,
    host: String,
    port: u16,
    /// `user:password`.
    login: String,
}

impl Endpoint {
    fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let is_tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let (login, place) = rest.trim_end_matches('/').rsplit_once('@')?;
        let (host, port) = place.rsplit_once(':')?;
        let (user, password) = login.split_once(':')?;
        let fits = !host.is_empty() && !host.contains(['/', '?', '#', '@']) && !user.is_empty();
        let login = format!("{}:{}", decoded(user)?, decoded(password)?);
        Some(Self { is_tls, host: host.to_owned(), port: port.parse().ok()?, login }).filter(|_| fits)
    }
}

/// Whether this is the URL of an API.
#[must_use]
pub fn is_api_url(url: &str) -> bool {
    Endpoint::parse(url).is_some()
}

impl std::fmt::Debug for Management {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Endpoint { host, port, .. } = &self.endpoint;
        f.debug_struct("Management")
            .field("host", host)
            .field("port", port)
            .field("vhost", &self.vhost)
            .finish()
    }
}

impl Management {
    /// The API at `to`, about the virtual host of `amqp_url`. `None` where one of the two is no such URL.
    #[must_use]
    pub fn new(to: impl Into<Address>, amqp_url: &str) -> Option<Self> {
        let to = to.into();
        let endpoint = Endpoint::parse(&to.url)?;
        let vhost = address::parse_vhost(amqp_url).ok()?;
        Some(Self { endpoint, to, vhost: encoded(&vhost) })
    }

    /// A queue; `None` where there is none of this name.
    ///
    /// # Errors
    /// When the API does not answer, or does not let us in.
    pub async fn queue(&self, name: &str) -> Result<Option<QueueRules>, ManagementError> {
        let path = format!("/api/queues/{}/{}", self.vhost, encoded(name));
        let asked = tokio::time::timeout(ANSWER_WITHIN, self.get(&path)).await;
        let (status, body) = match asked {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(self.error(error)),
            Err(_) => return Err(self.error(format!("no answer within {} s", ANSWER_WITHIN.as_secs()))),
        };
        match status {
            200 => serde_json::from_slice(&body).map(Some).map_err(|error| self.error(error.to_string())),
            404 => Ok(None),
            401 | 403 => Err(self.error(format!(
                "status {status}: the user needs the tag `monitoring` or `management`, and the right password"
            ))),
            other => Err(self.error(format!("status {other}"))),
        }
    }

    async fn get(&self, path: &str) -> Result<(u16, Vec<u8>), String> {
        let Endpoint { is_tls, host, port, login } = &self.endpoint;
        // Version 1.0, so that the answer ends with the connection and comes in one piece.
        let request = format!(
            "GET {path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Basic {}\r\nAccept: application/json\r\n\r\n",
            BASE64.encode(login.as_bytes())
        );
        let at = (host.trim_matches(['[', ']']), *port);
        let answer = if *is_tls {
            let config = self.to.tls.config().map_err(|error| error.to_string())?;
            let stream = probe::handshake(at, config).await.map_err(|error| error.to_string())?;
            converse(stream, &request).await
        } else {
            let stream = TcpStream::connect(at).await.map_err(|error| error.to_string())?;
            converse(stream, &request).await
        };
        parse_answer(&answer.map_err(|error| error.to_string())?).ok_or_else(|| "this is no HTTP".to_owned())
    }

    fn error(&self, detail: String) -> ManagementError {
        let Endpoint { host, port, .. } = &self.endpoint;
        ManagementError { address: format!("{host}:{port}"), detail }
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
) -> std::io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    match stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await {
        // A server that ends TLS without a word has said all it had to say.
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(answer),
    }
}

/// Status and body.
fn parse_answer(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.strip_prefix("HTTP/")?.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer[end + 4..].to_vec()))
}

fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// `None` where a percent sign is followed by something else than two hexadecimal digits.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_others_are_not() {
        let read = |url: &str| Endpoint::parse(url).map(|it| (it.is_tls, it.host, it.port, it.login));
        let guest = "guest:guest".to_owned();
        assert_eq!(
            read("http://guest:guest@127.0.0.1:15672"),
            Some((false, "127.0.0.1".into(), 15672, guest.clone()))
        );
        assert_eq!(
            read("https://guest:guest@rabbit:443/"),
            Some((true, "rabbit".into(), 443, guest.clone()))
        );
        assert_eq!(read("http://guest:guest@[::1]:15672"), Some((false, "[::1]".into(), 15672, guest)));
        assert_eq!(read("http://me:p%40ss@a:1").map(|it| it.3), Some("me:p@ss".to_owned()));
        for wrong in [
            "amqp://guest:guest@a:1",
            "http://a:15672",
            "http://guest@a:1",
            "http://guest:guest@a",
            "http://guest:gu%zzst@a:1",
            "http://guest:guest@:1",
            "http://guest:guest@a/api:1",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_virtual_host_is_that_of_the_queues() {
        let vhost = |amqp: &str| Management::new("http://a:b@c:1", amqp).map(|api| api.vhost);
        assert_eq!(vhost("amqp://guest:guest@h:5672/%2f").as_deref(), Some("%2F"));
        assert_eq!(vhost("amqp://guest:guest@h:5672/music").as_deref(), Some("music"));
        assert_eq!(vhost("nonsense"), None);
    }

    #[test]
    fn answers_are_read() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(parse_answer(answer), Some((200, b"{}".to_vec())));
        assert_eq!(parse_answer(b"AMQP\0\0\x09\x01"), None);
        let none: QueueRules =
            serde_json::from_str(r#"{"effective_policy_definition": [], "policy": null}"#).unwrap();
        assert!(none.definition().is_empty() && none.policy.is_none() && none.messages_held() == 0);
        let some: QueueRules = serde_json::from_str(
            r#"{"effective_policy_definition": {"max-length": 5}, "policy": "p", "messages": 7, "messages_ready": 4}"#,
        )
        .unwrap();
        assert_eq!((some.definition()["max-length"].as_u64(), some.messages_held()), (Some(5), 3));
    }
}
