//! Servers behind a virtual service.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Pause between two parts of a download.
const PART_EVERY: Duration = Duration::from_millis(20);

/// A server that answers with its name until it is dropped; then its connections are closed too.
///
/// `GET /download` never ends: a line every few milliseconds. `/chat` becomes a tunnel that sends back each line in
/// capitals.
pub(super) struct Backend {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Backend {
    pub(super) async fn start(address: SocketAddr, name: &'static str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(async move { serve(stream, name).await.unwrap_or_default() });
            }
        });
        Self { address, task }
    }

    /// Ends it, and returns once nobody listens at its address.
    pub(super) async fn kill(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, name: &str) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let Some(path) = read_request(&mut stream).await? else { return Ok(()) };
        match path.as_str() {
            "/download" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
                loop {
                    stream.write_all(b"5\r\npart\n\r\n").await?;
                    tokio::time::sleep(PART_EVERY).await; // bounded: ends with its connection
                }
            }
            "/chat" => {
                let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
                stream.write_all(head.as_bytes()).await?;
                let mut line = String::new();
                while stream.read_line(&mut line).await? > 0 {
                    stream.write_all(line.to_uppercase().as_bytes()).await?;
                    line.clear();
                }
                return Ok(());
            }
            _ => {
                let body = format!("{name} {path}");
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).await?;
            }
        }
    }
}

/// Path of the next request; `None` when the connection has ended.
async fn read_request(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap_or(0);
            }
            Some(_) => {}
            None => break,
        }
    }
    stream.read_exact(&mut vec![0; length]).await?;
    Ok(Some(path))
}
