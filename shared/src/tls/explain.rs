//! A failed handshake in words: what is wrong, and which setting mends it.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

use super::Tls;

/// The cause of an error that came from a TLS stream, however deep it lies.
pub(crate) fn rustls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        // An I/O error names its inner error's source as its own, and so passes the inner one by.
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            return rustls_error(inner);
        }
        cause = error.source();
    }
    None
}

/// What went wrong with the server that `variable` names.
pub(crate) fn explain(error: &rustls::Error, variable: &str, tls: &Tls) -> String {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(bad) => certificate(bad, variable, tls),
        E::AlertReceived(AlertDescription::CertificateRequired) => {
            "it wants a certificate of ours: set TLS_CERT_FILE and TLS_KEY_FILE".to_owned()
        }
        E::AlertReceived(
            alert @ (AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::AccessDenied
            | AlertDescription::HandshakeFailure),
        ) => format!(
            "it does not accept the certificate in TLS_CERT_FILE, or wants one and none is set ({alert:?})"
        ),
        E::AlertReceived(AlertDescription::ProtocolVersion) | E::PeerIncompatible(_) => {
            format!("it offers no TLS 1.2 or 1.3 that we have in common ({error})")
        }
        _ if is_no_tls(error) => no_tls(variable),
        other => format!("the TLS handshake failed: {other}"),
    }
}

/// What was received is not of TLS at all.
pub(crate) fn is_no_tls(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidMessage(_))
}

/// The port answers, but in plain text.
pub(crate) fn no_tls(variable: &str) -> String {
    let (plain, port, tls_port) = ports(variable);
    format!(
        "this port does not speak TLS: use its TLS port in {variable} (usually {tls_port}), or {plain}:// for a connection without TLS (usually {port})"
    )
}

/// The port speaks TLS, and we do not.
pub(crate) fn only_tls(variable: &str) -> String {
    let (plain, port, _) = ports(variable);
    format!(
        "this port speaks TLS: use {plain}s:// in {variable}, or its port for connections without TLS (usually {port})"
    )
}

fn ports(variable: &str) -> (&'static str, u16, &'static str) {
    if variable == "AMQP_URL" {
        ("amqp", 5672, "5671")
    } else {
        ("redis", 6379, "6380, or 6379 where it has no other")
    }
}

fn certificate(error: &CertificateError, variable: &str, tls: &Tls) -> String {
    match error {
        CertificateError::UnknownIssuer if tls.has_own_authorities() => {
            "its certificate was not issued by an authority in TLS_CA_FILE: name the file of the one that did".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "its certificate was not issued by an authority that this machine trusts: set TLS_CA_FILE to a file with the certificate of the one that did"
                .to_owned()
        }
        CertificateError::Expired => expired(""),
        CertificateError::ExpiredContext { not_after, .. } => expired(&format!(" on {}", date(not_after.as_secs()))),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: is the clock of this machine right?".to_owned()
        }
        CertificateError::NotValidForName => other_name("another name", variable),
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            other_name(&presented.iter().map(|name| plain_name(name)).collect::<Vec<_>>().join(", "), variable)
        }
        CertificateError::NotValidForNameContext { .. } => other_name("no name at all", variable),
        other => format!("its certificate is not acceptable: {other}"),
    }
}

fn expired(when: &str) -> String {
    format!("its certificate expired{when}: it has to be renewed (or is the clock of this machine wrong?)")
}

fn other_name(names: &str, variable: &str) -> String {
    format!(
        "its certificate is for {names}, not for the host in {variable}: use a name that the certificate has"
    )
}

/// `DnsName("a.example")` as rustls prints it, without the wrapping.
fn plain_name(name: &str) -> &str {
    name.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")")).unwrap_or(name)
}

fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "a day long past".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_found_inside_an_io_error() {
        let cause = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let error = io::Error::new(io::ErrorKind::InvalidData, cause.clone());
        assert_eq!(rustls_error(&error), Some(&cause));
        assert_eq!(rustls_error(&io::Error::other(error)), Some(&cause));
        assert_eq!(rustls_error(&io::Error::other("else")), None);
    }

    #[test]
    fn an_unknown_issuer_names_the_setting() {
        let cause = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(explain(&cause, "AMQP_URL", &Tls::default()).contains("set TLS_CA_FILE"));
    }
}
