//! Where a server is, and by which rules its certificate is checked.

use super::Tls;

/// A URL and the TLS that goes with it. A bare URL trusts what the machine trusts.
#[derive(Clone)]
pub struct Address {
    pub(crate) url: String,
    pub(crate) tls: Tls,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address")
            .field("url", &crate::broker::mask(&self.url))
            .field("tls", &self.tls)
            .finish()
    }
}

impl From<&str> for Address {
    fn from(url: &str) -> Self {
        Tls::default().at(url)
    }
}

impl From<&String> for Address {
    fn from(url: &String) -> Self {
        Tls::default().at(url)
    }
}
