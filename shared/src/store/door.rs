//! Getting in: TLS, and what it means when Redis does not let us.

use std::sync::atomic::{AtomicBool, Ordering};

use redis::{ConnectionAddr, ConnectionInfo, RedisError};

use super::fault::Fault;
use crate::tls::{Tls, explain, probe, rustls_error};

/// What is asked of a port that may speak something else; answered without a password, too.
const GREETING: &[u8] = b"PING\r\n";

/// The variable that names the server, for its errors.
const REDIS_URL: &str = "REDIS_URL";

/// How the server is entered.
#[derive(Debug)]
pub(super) struct Door {
    place: Option<(String, u16)>,
    tls: Option<Tls>,
    is_cluster: bool,
    /// Once it was: what a port speaks does not change, and a loss is only a loss.
    opened: AtomicBool,
}

impl Door {
    pub(super) fn new(info: &ConnectionInfo, tls: &Tls, is_cluster: bool) -> Self {
        let (place, wrapped) = match info.addr() {
            ConnectionAddr::Tcp(host, port) => (Some((host.clone(), *port)), false),
            ConnectionAddr::TcpTls { host, port, .. } => (Some((host.clone(), *port)), true),
            _ => (None, false),
        };
        Self { place, tls: wrapped.then(|| tls.clone()), is_cluster, opened: AtomicBool::new(false) }
    }

    pub(super) fn opened(&self) {
        self.opened.store(true, Ordering::Relaxed);
    }

    /// What is wrong with the certificates, if that is what the error says.
    pub(super) fn tls_denial(&self, error: &RedisError) -> Option<String> {
        let (tls, cause) = (self.tls.as_ref()?, rustls_error(error)?);
        // A connection that broke for another reason may leave a word of TLS behind.
        (!self.is_open()).then(|| explain(cause, REDIS_URL, tls))
    }

    /// Whether the server is a cluster's and the URL says otherwise, or the other way round.
    pub(super) fn wrong_scheme(&self, fault: &Fault) -> Option<String> {
        if fault.code == "MOVED" && !self.is_cluster {
            return Some("it is a node of a cluster: use redis-cluster:// in REDIS_URL".to_owned());
        }
        let alone = fault.words.contains("cluster support disabled");
        alone.then(|| "it is no cluster: use redis:// in REDIS_URL".to_owned())
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

/// What is said beside the server's words when it does not let us in.
pub(super) fn advice(words: &str) -> String {
    format!("{words}: check user, password and database in REDIS_URL, and the user's rights (ACL)")
}
