//! A wire between a worker and a server that can be cut and mended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::frames::Frames;
use super::servers::{endpoint, through};

/// Ends the name of the connection that consumes.
const CONSUMES: &[u8] = b" consume";

/// State of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Both ways.
    Open,
    /// Connections end, new ones at once.
    Cut,
    /// Connections stay and carry nothing: a server that hangs.
    Silent,
    /// AMQP: everything passes but the deliveries to consumers that are there now. New ones are given theirs.
    Deaf,
    /// AMQP: everything passes but deliveries, on whatever channel.
    Mute,
    /// AMQP: the worker's connection that consumes carries nothing, the others everything.
    OneSilent,
    /// AMQP: the worker's connection that consumes carries everything, the others nothing.
    OthersSilent,
}

#[derive(Debug)]
pub struct Proxy {
    /// The server's URL by way of this proxy.
    pub url: String,
    line: Arc<watch::Sender<Line>>,
    server: Arc<watch::Sender<(String, u16)>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub async fn before(url: &str) -> Self {
        Self::before_at(url, "127.0.0.1:0").await
    }

    /// The same, listening at this address.
    pub async fn before_at(url: &str, address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = Arc::new(watch::Sender::new(Line::Open));
        let amqp = url.starts_with("amqp");
        let server = Arc::new(watch::Sender::new(endpoint(url)));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&server), amqp, Arc::clone(&line)));
        Self { url: through(url, address), line, server, accepting }
    }

    /// New connections go to another server; those that are there stay.
    pub fn lead_to(&self, url: &str) {
        self.server.send_replace(endpoint(url));
    }

    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    server: Arc<watch::Sender<(String, u16)>>,
    amqp: bool,
    line: Arc<watch::Sender<Line>>,
) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (server, line) = (server.borrow().clone(), line.subscribe());
        tokio::spawn(async move {
            if *line.borrow() == Line::Cut {
                return;
            }
            let Ok(server) = TcpStream::connect(server).await else { return };
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            // When one way ends, both do.
            let consumes = AtomicBool::new(false);
            tokio::select! {
                () = relay(from_client, to_server, line.clone(), None, &consumes) => {}
                () = relay(from_server, to_client, line, amqp.then(Frames::default), &consumes) => {}
            }
        });
    }
}

async fn relay(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut line: watch::Receiver<Line>,
    mut frames: Option<Frames>,
    consumes: &AtomicBool,
) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let state = match *line.borrow_and_update() {
            Line::OneSilent if consumes.load(Ordering::Relaxed) => Line::Silent,
            Line::OthersSilent if !consumes.load(Ordering::Relaxed) => Line::Silent,
            Line::OneSilent | Line::OthersSilent => Line::Open,
            other => other,
        };
        let read = async {
            match state {
                Line::Open | Line::Deaf | Line::Mute => from.read(&mut buffer).await.unwrap_or(0),
                Line::Silent | Line::OneSilent | Line::OthersSilent => std::future::pending().await,
                Line::Cut => 0,
            }
        };
        let read = tokio::select! {
            read = read => read,
            changed = line.changed() => if changed.is_err() { return } else { continue },
        };
        // The name that the worker gives it, in the client's first frame.
        if frames.is_none() && buffer[..read].windows(CONSUMES.len()).any(|words| words == CONSUMES) {
            consumes.store(true, Ordering::Relaxed);
        }
        let passed = match &mut frames {
            Some(frames) => frames.pass(&buffer[..read], state),
            None => buffer[..read].to_vec(),
        };
        if read == 0 || to.write_all(&passed).await.is_err() {
            return;
        }
    }
}
