//! A wire between a client and a server that can be made bad in several ways and mended. It knows no protocol.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What is read at once.
const CHUNK: usize = 16 * 1024;

/// State of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Both ways, at once.
    Open,
    /// Both ways, each piece this much later.
    Slow(Duration),
    /// Connections end, new ones at once.
    Cut,
    /// The server has lost its clients; they do not know it. New ones are accepted and hear nothing.
    HalfOpen,
    /// Connections stay and carry nothing; what was sent meanwhile arrives when the wire is mended, as TCP would have it.
    BlackHole,
}

/// Listens on a port of its own until dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// The server's URL by way of this proxy.
    pub(crate) url: String,
    line: Arc<watch::Sender<Line>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// In front of the server of a URL with an explicit port.
    pub(crate) async fn before(url: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let server = authority(url);
        let line = Arc::new(watch::Sender::new(Line::Open));
        let accepting = tokio::spawn(accept(listener, server.to_owned(), Arc::clone(&line)));
        Ok(Self { url: url.replacen(server, &format!("127.0.0.1:{port}"), 1), line, accepting })
    }

    pub(crate) fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// `host:port` of a URL.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or(rest);
    rest.rsplit_once('@').map_or(rest, |(_, host)| host)
}

async fn accept(listener: TcpListener, server: String, line: Arc<watch::Sender<Line>>) {
    // An accept fails for want of descriptors only; the client tries again.
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, server.clone(), line.subscribe()));
    }
}

async fn carry(client: TcpStream, server: String, mut line: watch::Receiver<Line>) {
    let carries = |line: &Line| !matches!(line, Line::HalfOpen | Line::BlackHole);
    match line.wait_for(carries).await {
        Ok(line) if *line != Line::Cut => {}
        _ => return,
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    // When one way ends, both do.
    tokio::select! {
        () = relay(&mut from_client, &mut to_server, line.clone()) => {}
        () = relay(&mut from_server, &mut to_client, line.clone()) => {}
    }
    drop((from_server, to_server));
    // The client of a half-open connection finds out when the wire is mended: its next word has no listener.
    let _ = line.wait_for(|line| *line != Line::HalfOpen).await;
}

async fn relay(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, mut line: watch::Receiver<Line>) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let state = *line.borrow_and_update();
        let read = async {
            match state {
                Line::Open | Line::Slow(_) => from.read(&mut buffer).await.unwrap_or(0),
                Line::BlackHole => std::future::pending().await,
                Line::Cut | Line::HalfOpen => 0,
            }
        };
        tokio::select! {
            read = read => {
                if let Line::Slow(late) = state {
                    sleep(late).await;
                }
                if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
            changed = line.changed() => if changed.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends back what it gets, and hears the end of each connection.
    async fn echo() -> (Proxy, Arc<tokio::sync::Notify>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("echo://user@{}/path", listener.local_addr().unwrap());
        let ended = Arc::new(tokio::sync::Notify::new());
        let tell = Arc::clone(&ended);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mut read, mut write) = stream.into_split();
                let tell = Arc::clone(&tell);
                tokio::spawn(async move {
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                    tell.notify_one();
                });
            }
        });
        (Proxy::before(&url).await.unwrap(), ended)
    }

    async fn connect(proxy: &Proxy) -> TcpStream {
        TcpStream::connect(authority(&proxy.url)).await.unwrap()
    }

    async fn says(stream: &mut TcpStream, text: &[u8]) -> Vec<u8> {
        stream.write_all(text).await.unwrap();
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_rest_of_the_url_stays() {
        let (proxy, _) = echo().await;
        assert!(
            proxy.url.starts_with("echo://user@127.0.0.1:") && proxy.url.ends_with("/path"),
            "{}",
            proxy.url
        );
    }

    #[tokio::test]
    async fn a_cut_ends_old_connections_and_new_ones() {
        let (proxy, ended) = echo().await;
        let mut old = connect(&proxy).await;
        assert_eq!(says(&mut old, b"one").await, b"one");
        proxy.set(Line::Cut);
        assert_eq!(old.read(&mut [0; 1]).await.unwrap_or(0), 0);
        ended.notified().await;
        assert_eq!(connect(&proxy).await.read(&mut [0; 1]).await.unwrap_or(0), 0);
        proxy.set(Line::Open);
        assert_eq!(says(&mut connect(&proxy).await, b"two").await, b"two");
    }

    #[tokio::test]
    async fn a_black_hole_delivers_when_it_is_mended() {
        let (proxy, _) = echo().await;
        let mut stream = connect(&proxy).await;
        assert_eq!(says(&mut stream, b"one").await, b"one");
        proxy.set(Line::BlackHole);
        let mut late = connect(&proxy).await;
        late.write_all(b"three").await.unwrap();
        stream.write_all(b"two").await.unwrap();
        proxy.set(Line::Slow(Duration::from_millis(1)));
        let mut answer = [0; 3];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"two");
        let mut answer = [0; 5];
        late.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"three");
    }

    #[tokio::test]
    async fn half_open_is_known_to_the_server_alone() {
        let (proxy, ended) = echo().await;
        let mut stream = connect(&proxy).await;
        assert_eq!(says(&mut stream, b"one").await, b"one");
        proxy.set(Line::HalfOpen);
        ended.notified().await;
        stream.write_all(b"into the void").await.unwrap();
        proxy.set(Line::Open);
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
    }
}
