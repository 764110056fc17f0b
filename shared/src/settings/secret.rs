//! URLs with passwords in them: checked by the clients' own parsers, and masked wherever they are shown.

use std::{fmt, str::FromStr as _};

use lapin::uri::AMQPUri;
use redis::IntoConnectionInfo as _;
use serde::Deserialize;

use crate::store::servers::nodes;

/// What stands where a secret was.
pub(super) const MASK: &str = "***";

/// Schemes that are shown before the mask. Of anything else even the part before `://` may be a password.
const SHOWN_SCHEMES: [&str; 8] =
    ["amqp", "amqps", "redis", "rediss", "redis-cluster", "rediss-cluster", "http", "https"];

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

/// The URL with its password and its query as `***`, the whole of it when it is no such URL.
///
/// It errs on the side of hiding: users forget to encode `@`, `/` and `?` in passwords, so everything up to the
/// last `@` is taken for credentials, and a user name without a password may be a token.
pub(super) fn mask_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return MASK.to_owned() };
    if !SHOWN_SCHEMES.contains(&scheme) {
        return MASK.to_owned();
    }
    let (credentials, place) = match rest.rsplit_once('@') {
        Some((credentials, place)) => (Some(credentials), place),
        None => (None, rest),
    };
    let user = match credentials.map(|text| text.split_once(':')) {
        None => String::new(),
        Some(None | Some((_, ""))) => format!("{MASK}@"),
        Some(Some((user, _))) => format!("{}:{MASK}@", user.escape_debug()),
    };
    let (place, query) = match place.find(['?', '#']) {
        Some(at) => (&place[..at], format!("{}{MASK}", &place[at..=at])),
        None => (place, String::new()),
    };
    format!("{scheme}://{user}{}{query}", place.escape_debug())
}

/// What lapin can use, less two traps of its parser: an IPv6 address silently becomes `localhost`, and a trailing
/// slash is the vhost with the empty name, which no server has.
pub(super) fn amqp_url(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    !place.starts_with(['[', '/', ':', '?'])
        && !place.is_empty()
        && AMQPUri::from_str(text).is_ok_and(|uri| !uri.vhost.is_empty())
}

/// What the Redis client of this build can use. Its Unix sockets and Valkey spellings are left out: untried. A cluster has
/// one database, and names no empty host.
pub(super) fn redis_url(text: &str) -> bool {
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
