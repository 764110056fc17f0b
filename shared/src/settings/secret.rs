//! URLs with passwords in them: checked by the clients' own parsers, and masked wherever they are shown.

use std::fmt;

use redis::IntoConnectionInfo as _;
use serde::Deserialize;

use crate::mask::mask_url;
use crate::store::sentinel::{self, SentinelUrl};
use crate::store::servers::nodes;

/// A URL that may hold a password. It shows itself masked: only [`SecretUrl::expose`] gives the text.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// Wraps a URL that did not come from the environment (a test's private server); it is not checked.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The URL with its password, for the client that connects.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_url(&self.0))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether the Redis client of this build can use it. Its Unix sockets and Valkey spellings are left out: untried. A cluster
/// has one database, and names no empty host.
///
/// # Errors
/// What is wrong, where more can be said than what would be right.
pub(super) fn redis_url(text: &str) -> Result<(), Option<String>> {
    let is_usable = match sentinel::parse(text) {
        Some(url) => {
            let SentinelUrl { login, sentinels, .. } = url.map_err(Some)?;
            sentinels.iter().chain([&login]).all(|url| url.as_str().into_connection_info().is_ok())
        }
        None => is_server_or_cluster(text),
    };
    if is_usable { Ok(()) } else { Err(None) }
}

fn is_server_or_cluster(text: &str) -> bool {
    let nodes = nodes(text);
    let is_cluster = nodes.first().is_some_and(|node| node != text);
    nodes.iter().all(|node| {
        let no_host = node.ends_with(['@', '/', ':']);
        (node.starts_with("redis://") || node.starts_with("rediss://"))
            && node
                .as_str()
                .into_connection_info()
                .is_ok_and(|info| !is_cluster || (info.redis_settings().db() == 0 && !no_host))
    })
}
