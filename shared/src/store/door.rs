//! Getting in: TLS, and what it means when Redis does not let us.

use std::sync::atomic::{AtomicBool, Ordering};

use redis::{ConnectionAddr, ConnectionInfo, ErrorKind, RedisError};

use crate::tls::{Tls, explain, probe, rustls_error};

/// What is asked of a port that may speak something else; answered without a password, too.
const GREETING: &[u8] = b"PING\r\n";

/// The variable that names the server, for its errors.
const REDIS_URL: &str = "REDIS_URL";

/// The codes of Redis for a user, a password or a permission that is not as it should be.
const DENIALS: [&str; 3] = ["NOAUTH", "WRONGPASS", "NOPERM"];

/// How the server is entered.
#[derive(Debug)]
pub(super) struct Door {
    place: Option<(String, u16)>,
    tls: Option<Tls>,
    /// Once it was: what a port speaks does not change, and a loss is only a loss.
    opened: AtomicBool,
}

impl Door {
    pub(super) fn new(info: &ConnectionInfo, tls: &Tls) -> Self {
        let (place, wrapped) = match info.addr() {
            ConnectionAddr::Tcp(host, port) => (Some((host.clone(), *port)), false),
            ConnectionAddr::TcpTls { host, port, .. } => (Some((host.clone(), *port)), true),
            _ => (None, false),
        };
        Self { place, tls: wrapped.then(|| tls.clone()), opened: AtomicBool::new(false) }
    }

    pub(super) fn opened(&self) {
        self.opened.store(true, Ordering::Relaxed);
    }

    /// Why we are not let in, if that is what the error says.
    pub(super) fn denial(&self, error: &RedisError) -> Option<String> {
        if let (Some(tls), Some(cause)) = (&self.tls, rustls_error(error)) {
            // A connection that broke for another reason may leave a word of TLS behind.
            return (!self.is_open()).then(|| explain(cause, REDIS_URL, tls));
        }
        if error.code() == Some("MOVED") {
            return Some("it is a node of a cluster: use redis-cluster:// in REDIS_URL".to_owned());
        }
        if error.to_string().contains("cluster support disabled") {
            return Some("it is no cluster: use redis:// in REDIS_URL".to_owned());
        }
        let denied = error.kind() == ErrorKind::AuthenticationFailed
            || error.code().is_some_and(|code| DENIALS.contains(&code));
        denied.then(|| {
            format!("{error}: check user, password and database in REDIS_URL, and the user's rights (ACL)")
        })
    }

    /// What is wrong between us and a port that was never entered.
    pub(super) async fn misfit(&self) -> Option<String> {
        let (host, port) = self.place.as_ref().filter(|_| !self.is_open())?;
        probe::misfit((host, *port), GREETING, self.tls.as_ref(), REDIS_URL).await
    }

    fn is_open(&self) -> bool {
        self.opened.load(Ordering::Relaxed)
    }
}
