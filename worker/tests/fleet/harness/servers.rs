//! Where the servers are, and how to reach them through somebody else.

use std::net::SocketAddr;

/// The addresses in the environment.
#[derive(Debug, Clone)]
pub struct Servers {
    pub amqp: String,
    pub redis: String,
}

impl Servers {
    pub fn from_env() -> Self {
        Self { amqp: variable("AMQP_URL"), redis: variable("REDIS_URL") }
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: run deploy/test.sh, or eval \"$(deploy/services.sh env)\" after deploy/services.sh up"
        )
    })
}

/// Host and port of a URL.
pub fn endpoint(url: &str) -> (String, u16) {
    let default = if url.starts_with("amqp") { 5672 } else { 6379 };
    let authority = authority(url);
    match authority.rsplit_once(':') {
        Some((host, port)) => (host.to_owned(), port.parse().expect("a port")),
        None => (authority.to_owned(), default),
    }
}

/// The URL with another address in place of its host and port.
pub fn through(url: &str, address: SocketAddr) -> String {
    let authority = authority(url);
    let place = url.rfind(authority).expect("it was found there");
    format!("{}{address}{}", &url[..place], &url[place + authority.len()..])
}

fn authority(url: &str) -> &str {
    let (_, rest) = url.split_once("://").expect("a URL");
    let rest = rest.split(['/', '?']).next().unwrap_or(rest);
    rest.rsplit_once('@').map_or(rest, |(_, host)| host)
}
