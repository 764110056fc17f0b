//! A RabbitMQ of three nodes on this machine, each by `deploy/services.sh`, with ports, data and a name of its own.
//!
//! A partition is made in Erlang's distribution, by which the nodes talk to each other: one of them gets another cookie for the
//! others and ends its connections to them. Neither side is let in by the other until the cookie is right again. Clients reach
//! every node all the while, as they would in a data centre whose halves do not see each other.

use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::{RigError, Servers};

/// A node that was alone starts its applications anew when it sees the others; a busy machine takes long.
const SERVES_WITHIN: Duration = Duration::from_secs(120);

/// Between two looks.
const GLANCE: Duration = Duration::from_millis(100);

/// A majority is left when one of them is away.
const NODES: usize = 3;

/// RabbitMQ on several nodes; the first of them has the Redis of the run beside it.
#[derive(Debug)]
pub(crate) struct BrokerCluster {
    /// The nodes after the first.
    others: Vec<Servers>,
    /// Names and addresses (`host:port`) of all of them.
    names: Vec<String>,
    places: Vec<String>,
}

impl BrokerCluster {
    /// Starts all nodes, and returns the first, whose address names all of them, and the others.
    pub(crate) async fn up(script: &Path, folder: &Path) -> Result<(Servers, Self), RigError> {
        let founder = folder.join("node-0");
        let mut first = Servers::founding(script, &founder).await?;
        let mut others = Vec::new();
        for number in 1..NODES {
            let state = folder.join(format!("node-{number}"));
            others.push(Servers::joining(script, &state, &founder, &first.redis).await?);
        }
        let nodes: Vec<&Servers> = std::iter::once(&first).chain(&others).collect();
        let names = nodes.iter().map(|node| node.node_name()).collect::<Result<_, _>>()?;
        let places: Vec<String> = nodes.iter().map(|node| place(&node.amqp).to_owned()).collect();
        let all = first.amqp.replacen(&places[0], &places.join(","), 1);
        first.amqp = all;
        Ok((first, Self { others, names, places }))
    }

    /// How many nodes there are.
    pub(crate) const NODES: usize = NODES;

    /// A node by its number.
    pub(crate) fn node<'a>(&'a self, first: &'a Servers, number: usize) -> &'a Servers {
        number.checked_sub(1).and_then(|other| self.others.get(other)).unwrap_or(first)
    }

    /// Cuts a node off from the others.
    pub(crate) async fn cut_off(&self, first: &Servers, number: usize) -> Result<(), RigError> {
        let code = format!(
            "[begin erlang:set_cookie(Node, cut_off), erlang:disconnect_node(Node) end || Node <- [{}]].",
            self.names_beside(number)
        );
        self.node(first, number).ask(&["ctl", "eval", &code]).await.map(drop)
    }

    /// Lets it find the others again, and returns when it serves clients.
    pub(crate) async fn rejoin(&self, first: &Servers, number: usize) -> Result<(), RigError> {
        let node = self.node(first, number);
        let code = format!(
            "[erlang:set_cookie(Node, erlang:get_cookie()) || Node <- [{}]].",
            self.names_beside(number)
        );
        node.ask(&["ctl", "eval", &code]).await?;
        let deadline = Instant::now() + SERVES_WITHIN;
        while !self.serves(number).await {
            if Instant::now() >= deadline {
                let within = SERVES_WITHIN.as_secs();
                return Err(RigError::NotReady(format!(
                    "node {number} did not serve {within} s after it was let in again"
                )));
            }
            sleep(GLANCE).await;
        }
        Ok(())
    }

    /// Whether a node takes connections of clients. One that has paused, because it is without a majority, does not.
    pub(crate) async fn serves(&self, number: usize) -> bool {
        TcpStream::connect(&self.places[number]).await.is_ok()
    }

    fn names_beside(&self, number: usize) -> String {
        let others = self.names.iter().enumerate().filter(|(place, _)| *place != number);
        others.map(|(_, name)| format!("'{name}'")).collect::<Vec<_>>().join(", ")
    }
}

/// `host:port` of a URL with both.
fn place(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_host_and_port() {
        assert_eq!(place("amqp://guest:guest@127.0.0.1:5672/%2f"), "127.0.0.1:5672");
        assert_eq!(place("amqp://h:1"), "h:1");
    }
}
