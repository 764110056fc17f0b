//! One question over HTTP. Version 1.0, so that the answer ends with the connection and comes in one piece.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, ToSocketAddrs};

/// The status and the body; `None` where the answer is none of HTTP. `headers` are whole lines, each with its end.
pub(crate) async fn get(
    address: impl ToSocketAddrs,
    path: &str,
    headers: &str,
) -> std::io::Result<Option<(u16, String)>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: loadtest\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok(status.map(|status| (status, body.to_owned())))
}
