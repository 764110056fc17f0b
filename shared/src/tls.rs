//! TLS to the servers: rustls with ring, the same for RabbitMQ and Redis. What is trusted, what we show of ourselves, and
//! what a failed handshake means to the person who has to mend it.
//!
//! It knows no protocol above TLS; what a port speaks instead is found out in `probe`.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Once};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::settings::TlsSettings;

mod address;
mod explain;
pub(crate) mod probe;

pub use address::Address;
pub(crate) use explain::{explain, rustls_error};

/// What is wrong with the files of the settings, or with this machine's own certificates.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{variable}={path}: {detail}: expected a readable file of certificates or a key in PEM")]
    File {
        /// The setting.
        variable: &'static str,
        /// Its value.
        path: String,
        /// Why.
        detail: String,
    },
    /// One of the pair is missing.
    #[error("TLS_CERT_FILE and TLS_KEY_FILE belong together: set both or none")]
    HalfAPair,
    /// They are a pair, but not of each other, or of a kind that is not supported.
    #[error("TLS_CERT_FILE and TLS_KEY_FILE cannot be used: {0}")]
    Pair(String),
    /// Nobody is trusted, so no server can be.
    #[error(
        "this machine has no certificates of authorities ({0}): install them (ca-certificates), or set TLS_CA_FILE"
    )]
    NoRoots(String),
}

/// What is trusted, and what is shown to a server that asks. Cheap to clone. By default: what the machine trusts, nothing.
#[derive(Clone, Default)]
pub struct Tls(Arc<Pems>);

/// The files' texts: redis builds its own configuration from them.
#[derive(Default)]
struct Pems {
    authorities: Option<Vec<u8>>,
    /// Certificates, and the key of the first of them.
    client: Option<(Vec<u8>, Vec<u8>)>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (own, client) = (self.0.authorities.is_some(), self.0.client.is_some());
        f.debug_struct("Tls").field("own_authorities", &own).field("client_certificate", &client).finish()
    }
}

impl Tls {
    /// Reads the files that the settings name, and checks that they hold what they should.
    ///
    /// # Errors
    /// What is wrong, naming the variable.
    pub fn load(settings: &TlsSettings) -> Result<Self, TlsError> {
        let authorities =
            settings.ca_file.as_deref().map(|path| certificates("TLS_CA_FILE", path)).transpose()?;
        let client = match (&settings.cert_file, &settings.key_file) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((certificates("TLS_CERT_FILE", cert)?, private_key(key)?)),
            _ => return Err(TlsError::HalfAPair),
        };
        let tls = Self(Arc::new(Pems { authorities, client }));
        // Files that do not fit are told at the start, not at the first connection.
        if tls.0.authorities.is_some() || tls.0.client.is_some() {
            tls.config()?;
        }
        Ok(tls)
    }

    /// A server's URL, to be reached under these rules.
    #[must_use]
    pub fn at(&self, url: impl Into<String>) -> Address {
        Address { url: url.into(), tls: self.clone() }
    }

    /// For a connection that we make ourselves.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Pair(error.to_string()))?
            .with_root_certificates(self.roots()?);
        let config = match &self.0.client {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let pair = |error: &dyn std::fmt::Display| TlsError::Pair(error.to_string());
                let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
                let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| pair(&error))?;
                builder
                    .with_client_auth_cert(chain.map_err(|error| pair(&error))?, key)
                    .map_err(|error| pair(&error))?
            }
        };
        Ok(Arc::new(config))
    }

    /// For the client of Redis, which makes its configuration itself, by the process's default provider.
    pub(crate) fn for_redis(&self) -> redis::TlsCertificates {
        static PROVIDER: Once = Once::new();
        // Whoever was there before has chosen for the whole process.
        PROVIDER.call_once(|| drop(ring::default_provider().install_default()));
        let client = self.0.client.as_ref();
        redis::TlsCertificates {
            root_cert: self.0.authorities.clone(),
            client_tls: client.map(|(chain, key)| redis::ClientTlsConfig {
                client_cert: chain.clone(),
                client_key: key.clone(),
            }),
        }
    }

    /// Whether TLS_CA_FILE is set: it takes the place of the machine's authorities, so that a fleet with its own can trust
    /// it alone.
    pub(crate) fn has_own_authorities(&self) -> bool {
        self.0.authorities.is_some()
    }

    fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        match &self.0.authorities {
            Some(pem) => roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).flatten()),
            None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
        };
        if roots.is_empty() {
            let errors = rustls_native_certs::load_native_certs().errors;
            let detail = errors.first().map_or_else(|| "none were found".to_owned(), ToString::to_string);
            return Err(TlsError::NoRoots(detail));
        }
        Ok(roots)
    }
}

fn certificates(variable: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    let text = read(variable, path)?;
    let bad = |detail: String| file_error(variable, path, detail);
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        store.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if store.is_empty() { Err(bad("it holds no certificate".to_owned())) } else { Ok(text) }
}

fn private_key(path: &Path) -> Result<Vec<u8>, TlsError> {
    let text = read("TLS_KEY_FILE", path)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(file_error("TLS_KEY_FILE", path, error.to_string())),
    }
}

fn read(variable: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| file_error(variable, path, error.to_string()))
}

fn file_error(variable: &'static str, path: &Path, detail: String) -> TlsError {
    TlsError::File { variable, path: path.display().to_string(), detail }
}
