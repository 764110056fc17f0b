//! The stream that lapin speaks over when it is wrapped in TLS.
//!
//! lapin's own TLS would do the same by a second set of crates (see the workspace's Cargo.toml) and keep the reason of a
//! failure to itself. It accepts another runtime, and a runtime says what a TCP stream is.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use futures_util::{AsyncRead, AsyncWrite, Stream};
use lapin::tcp::AsyncTcpStream;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use crate::tls::probe;

/// Connects over TLS, now and after every loss.
pub(super) async fn connect(
    uri: AMQPUri,
    properties: ConnectionProperties,
    config: Arc<ClientConfig>,
) -> lapin::Result<Connection> {
    let tokio = Tokio::current();
    let runtime = Runtime::new(RuntimeParts::new(tokio.clone(), TlsReactor(tokio)));
    let open = async move |uri: AMQPUri, _| {
        let at = (uri.authority.host.as_str(), uri.authority.port);
        let stream = probe::handshake(at, Arc::clone(&config)).await?;
        Ok(AsyncTcpStream::Plain(stream.compat()))
    };
    Connection::connector(uri, runtime, open, properties).await
}

/// tokio's timers, and its streams in TLS.
#[derive(Debug, Clone)]
struct TlsReactor(Tokio);

impl Reactor for TlsReactor {
    type TcpStream = Compat<TlsStream<TcpStream>>;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: Read + Write + AsFd + AsRawFd + Send + 'static>(
        &self,
        socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        self.0.register(socket)
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    /// A certificate is checked against a name, which an address has not: only `connect` above opens streams.
    fn tcp_connect_addr(
        &self,
        _: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
