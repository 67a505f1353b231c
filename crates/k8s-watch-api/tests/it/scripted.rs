//! An API server that answers as a test says. Plain HTTP, one request at a time per connection.

use std::sync::Arc;

use k8s_watch_api::Access;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What is answered to one request.
pub(crate) enum Answer {
    /// Status and body.
    Whole(u16, String),
    /// This much of a longer body, then the connection ends.
    Cut(String),
    /// Lines of a watch, after which it is ended, or stays open without a word.
    Events { lines: Vec<String>, stays: bool },
}

/// Stops when dropped.
pub(crate) struct Scripted {
    port: u16,
    task: AbortHandle,
}

impl Scripted {
    /// `answer` is asked with path and query of each request.
    pub(crate) async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(answer);
        let accept = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                tokio::spawn(async move { drop(serve(stream, answer.as_ref()).await) });
            }
        };
        Self { port, task: tokio::spawn(accept).abort_handle() }
    }

    pub(crate) fn access(&self) -> Access {
        access(&format!("http://127.0.0.1:{}", self.port))
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Access to a server without credentials.
pub(crate) fn access(server: &str) -> Access {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: c\n  cluster:\n    server: {server}\n\
         users:\n- name: c\n  user: {{}}\ncontexts:\n- name: c\n  context:\n    cluster: c\n    user: c\n"
    );
    Access::Text { text, origin: "test".to_owned(), context: None }
}

async fn serve(stream: TcpStream, answer: &(impl Fn(&str) -> Answer + ?Sized)) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let target = head.split(' ').nth(1).unwrap_or_default();
        match answer(target) {
            Answer::Whole(status, body) => {
                let text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(text.as_bytes()).await?;
            }
            Answer::Cut(body) => {
                let text = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n{body}", body.len() + 1000);
                stream.write_all(text.as_bytes()).await?;
                return stream.shutdown().await;
            }
            Answer::Events { lines, stays } => {
                stream.write_all(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                for line in lines {
                    stream.write_all(format!("{:x}\r\n{line}\n\r\n", line.len() + 1).as_bytes()).await?;
                }
                if stays {
                    drop(stream.read_line(&mut String::new()).await); // until the client goes
                    return Ok(());
                }
                stream.write_all(b"0\r\n\r\n").await?;
            }
        }
    }
}
