//! Looking at a port before a client library hides what is wrong with it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::explain::{is_no_tls, no_tls, only_tls};
use super::{Tls, explain, rustls_error};

/// A port that takes longer to say a first byte is not told from one that waits for us to speak.
const FIRST_BYTE: Duration = Duration::from_secs(2);

/// The first byte of a TLS record that carries an alert: all that a TLS port says to plain text.
const TLS_ALERT: u8 = 0x15;

/// Connects and shakes hands.
pub(crate) async fn handshake(
    (host, port): (&str, u16),
    config: Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect((host, port)).await?;
    // What is small and urgent (acknowledgements, heartbeats) does not wait for more.
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
    let name = name.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    TlsConnector::from(config).connect(name, stream).await
}

/// What is wrong between a client with its idea of TLS (`None` is without) and this port, if that is what is wrong: one
/// speaks TLS and the other does not, or one of the two certificates is refused. `greeting` is what the protocol says
/// first; its servers answer it.
pub(crate) async fn misfit(
    at: (&str, u16),
    greeting: &[u8],
    tls: Option<&Tls>,
    variable: &str,
) -> Option<String> {
    let Some(tls) = tls else {
        return speaks_tls_alone(at, greeting).await.then(|| only_tls(variable));
    };
    let config = tls.config().ok()?;
    let conversation = async {
        let mut stream = handshake(at, config).await?;
        // In TLS 1.3 a certificate of ours is refused after the handshake is over on our side.
        answer(&mut stream, greeting).await
    };
    match timeout(FIRST_BYTE, conversation).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) if rustls_error(&error).is_some() => {
            rustls_error(&error).map(|error| explain(error, variable, tls))
        }
        // Redis waits for the end of a line, which a handshake need not have.
        Ok(Err(_)) | Err(_) => {
            let byte = first_byte(at, greeting).await;
            matches!(byte, Ok(Some(byte)) if byte != TLS_ALERT).then(|| no_tls(variable))
        }
    }
}

/// Whether a port answers plain text with an alert or not at all, and a handshake with one.
async fn speaks_tls_alone(at: (&str, u16), greeting: &[u8]) -> bool {
    match first_byte(at, greeting).await {
        Ok(Some(byte)) => byte == TLS_ALERT,
        Ok(None) | Err(_) => {
            let Ok(config) = Tls::default().config() else { return false };
            match timeout(FIRST_BYTE, handshake(at, config)).await {
                Ok(Ok(_)) => true,
                Ok(Err(error)) => rustls_error(&error).is_some_and(|error| !is_no_tls(error)),
                Err(_) => false,
            }
        }
    }
}

async fn first_byte(at: (&str, u16), greeting: &[u8]) -> io::Result<Option<u8>> {
    let asking = async { answer(&mut TcpStream::connect(at).await?, greeting).await };
    timeout(FIRST_BYTE, asking).await.map_err(|_| io::ErrorKind::TimedOut)?
}

/// The first byte of the answer; `None` where the other side hangs up.
async fn answer(
    stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin),
    greeting: &[u8],
) -> io::Result<Option<u8>> {
    stream.write_all(greeting).await?;
    stream.flush().await?;
    let mut byte = [0];
    Ok((stream.read(&mut byte).await? > 0).then_some(byte[0]))
}
