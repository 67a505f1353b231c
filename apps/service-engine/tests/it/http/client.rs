//! Clients on plain sockets.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest wait for octets; reached only when a test fails.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// One connection to a virtual service.
pub(super) struct Client<S = TcpStream> {
    stream: BufReader<S>,
}

impl Client {
    pub(super) async fn connect(vip: SocketAddr) -> Self {
        let stream = timeout(WAIT_MAX, TcpStream::connect(vip)).await.unwrap().unwrap();
        Self::new(stream)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    /// Status and body of a page.
    pub(super) async fn get(&mut self, host: &str, path: &str) -> (u16, String) {
        let (status, length) = self.ask(host, path, "").await;
        let mut body = vec![0; length.unwrap_or(0)];
        timeout(WAIT_MAX, self.stream.read_exact(&mut body)).await.unwrap().unwrap();
        (status, String::from_utf8(body).unwrap())
    }

    /// Opens a tunnel, as browsers do for a web socket.
    pub(super) async fn upgrade(&mut self, host: &str) {
        let more = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n";
        assert_eq!(self.ask(host, "/chat", more).await.0, 101);
    }

    /// Begins a download that never ends.
    pub(super) async fn download(&mut self, host: &str) {
        assert_eq!(self.ask(host, "/download", "").await.0, 200);
    }

    /// Waits for another part of the download.
    pub(super) async fn part(&mut self) {
        while self.line().await.expect("the download goes on") != "part" {}
    }

    pub(super) async fn send(&mut self, line: &str) {
        self.stream.write_all(line.as_bytes()).await.unwrap();
    }

    /// The next line, or `None` when the other side has closed.
    pub(super) async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(WAIT_MAX, self.stream.read_line(&mut line)).await.unwrap();
        (read.unwrap_or(0) > 0).then(|| line.trim_end().to_owned())
    }

    /// Status and length of the response.
    async fn ask(&mut self, host: &str, path: &str, more: &str) -> (u16, Option<usize>) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n")).await;
        let start = self.line().await.expect("a response");
        let status = start.split(' ').nth(1).unwrap().parse().unwrap();
        let mut length = None;
        while let Some(line) = self.line().await.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            }
        }
        (status, length)
    }
}

/// A page over a connection of its own.
pub(super) async fn get(vip: SocketAddr, host: &str, path: &str) -> (u16, String) {
    Client::connect(vip).await.get(host, path).await
}
