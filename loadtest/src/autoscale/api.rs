//! The queues by RabbitMQ's HTTP API: what KEDA's trigger reads with `protocol: http`. In mode `QueueLength` that is messages
//! that wait and messages that a worker holds unacknowledged, in mode `MessageRate` messages published in a second.

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::BASE64;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::rig::RigError;

/// An API that does not answer by then counts as away.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Api {
    /// `host:port`.
    address: String,
    /// `user:password` in Base64.
    login: String,
}

/// A queue as it is now. What is missing the broker has not counted yet.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Queue {
    name: String,
    #[serde(default)]
    pub(crate) messages: u64,
    #[serde(default)]
    message_stats: Stats,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct Stats {
    #[serde(default)]
    publish_details: Rate,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct Rate {
    rate: f64,
}

impl Queue {
    /// Messages published in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.message_stats.publish_details.rate
    }
}

impl Api {
    /// Of `http://user:password@host:port`; the default virtual host is asked.
    pub(crate) fn parse(url: &str) -> Result<Self, RigError> {
        let parts = || {
            let (login, address) = url.strip_prefix("http://")?.split_once('@')?;
            let address = address.trim_end_matches('/');
            (login.contains(':') && address.contains(':')).then_some((login, address))
        };
        let refused =
            || RigError::Refused("RABBITMQ_API_URL: expected http://user:password@host:port".to_owned());
        let (login, address) = parts().ok_or_else(refused)?;
        Ok(Self { address: address.to_owned(), login: BASE64.encode(login.as_bytes()) })
    }

    /// All queues, by name.
    pub(crate) async fn queues(&self) -> Result<BTreeMap<String, Queue>, RigError> {
        let failed = |error: &dyn std::fmt::Display| {
            RigError::NotReady(format!("RabbitMQ's API at {} does not answer: {error}", self.address))
        };
        let body = timeout(
            ANSWER_WITHIN,
            self.get("/api/queues/%2F?columns=name,messages,message_stats.publish_details.rate"),
        )
        .await
        .map_err(|error| failed(&error))?
        .map_err(|error| failed(&error))?;
        let queues: Vec<Queue> = serde_json::from_slice(&body).map_err(|error| failed(&error))?;
        Ok(queues.into_iter().map(|queue| (queue.name.clone(), queue)).collect())
    }

    /// HTTP/1.0, so that the body ends with the connection and comes in one piece.
    async fn get(&self, path: &str) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let request = format!("GET {path} HTTP/1.0\r\nAuthorization: Basic {}\r\n\r\n", self.login);
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
        let (head, body) = answer.split_at(end.map_or(answer.len(), |end| end + 4));
        match head.split(|byte| *byte == b' ').nth(1) {
            Some(b"200") => Ok(body.to_vec()),
            _ => Err(std::io::Error::other(String::from_utf8_lossy(
                head.split(|byte| *byte == b'\r').next().unwrap_or(head),
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_broker_has_not_counted_is_nothing() {
        let text = r#"[{"name": "a"}, {"messages": 3, "name": "b", "message_stats": {"publish_details": {"rate": 1.5}}}]"#;
        let queues: Vec<Queue> = serde_json::from_str(text).unwrap();
        assert_eq!((queues[0].messages, queues[0].rate()), (0, 0.0));
        assert_eq!((queues[1].messages, queues[1].rate()), (3, 1.5));
    }

    #[test]
    fn urls_are_read_and_wrong_ones_named_without_their_password() {
        let api = Api::parse("http://guest:secret@127.0.0.1:15672/").unwrap();
        assert_eq!((api.address.as_str(), api.login.as_str()), ("127.0.0.1:15672", "Z3Vlc3Q6c2VjcmV0"));
        for wrong in
            ["https://guest:secret@a:1", "http://a:15672", "http://guest@a:1", "http://guest:secret@a"]
        {
            let error = Api::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("RABBITMQ_API_URL") && !error.contains("secret"), "{error}");
        }
    }
}
