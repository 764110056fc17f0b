//! A TCP proxy in front of a server, whose cable can be pulled.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub struct Proxy {
    address: SocketAddr,
    plugged: Arc<watch::Sender<bool>>,
}

impl Proxy {
    /// In front of the server of `url`; returns the proxy and the same URL through it.
    pub async fn before(url: &str) -> (Self, String) {
        let (front, rest) = url.rsplit_once('@').map_or_else(
            || url.split_once("://").map(|(scheme, rest)| (format!("{scheme}://"), rest)).unwrap(),
            |(front, rest)| (format!("{front}@"), rest),
        );
        let end = rest.find('/').unwrap_or(rest.len());
        let (server, path) = (rest[..end].to_owned(), &rest[end..]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plugged = Arc::new(watch::Sender::new(true));
        tokio::spawn(serve(listener, server, plugged.clone()));
        (Self { address, plugged }, format!("{front}{address}{path}"))
    }

    /// Cuts every connection and every new one.
    pub fn unplug(&self) {
        self.plugged.send_replace(false);
    }

    pub fn plug(&self) {
        self.plugged.send_replace(true);
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: TcpListener, server: String, plugged: Arc<watch::Sender<bool>>) {
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut cable = plugged.subscribe();
        if !*cable.borrow() {
            continue;
        }
        let server = server.clone();
        tokio::spawn(async move {
            let mut upstream = TcpStream::connect(server).await.unwrap();
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut upstream) => {}
                _ = cable.wait_for(|plugged| !plugged) => {}
            }
        });
    }
}
