//! The queues by RabbitMQ's HTTP API: what KEDA's trigger reads with `protocol: http`. In mode `QueueLength` that is messages
//! that wait and messages that a worker holds unacknowledged, in mode `MessageRate` messages published in a second.

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::BASE64;
use serde::Deserialize;
use tokio::time::timeout;

use crate::rig::{RigError, get};

/// An API that does not answer by then counts as away.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// All queues of the default virtual host, and of each what is read here.
const PATH: &str = "/api/queues/%2F?columns=name,messages,message_stats.publish_details.rate";

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
        let login = format!("Authorization: Basic {}\r\n", self.login);
        let answer = timeout(ANSWER_WITHIN, get(&*self.address, PATH, &login)).await;
        let body = match answer.map_err(|error| failed(&error))?.map_err(|error| failed(&error))? {
            Some((200, body)) => body,
            Some((status, _)) => return Err(failed(&format_args!("status {status}"))),
            None => return Err(failed(&"this is no HTTP")),
        };
        let queues: Vec<Queue> = serde_json::from_str(&body).map_err(|error| failed(&error))?;
        Ok(queues.into_iter().map(|queue| (queue.name.clone(), queue)).collect())
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
