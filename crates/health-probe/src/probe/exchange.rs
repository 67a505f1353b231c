//! A request sent, an answer read until a verdict is clear.

use std::time::Duration;

use health::{Failure, FailureCode};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout_at},
};

use super::Obstacle;

/// Most bytes read of one answer: 16 KiB that are searched, four times over for chunked encoding in tiny chunks.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long the rest of an answer that already has its verdict is waited for. A connection closed in the middle of an
/// answer is a reset to the server, and a line in its log for each probe.
const REST_WAITED_FOR: Duration = Duration::from_millis(250);

/// What the bytes so far mean.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not clear yet.
    More,
    /// Clear.
    Verdict {
        result: Result<(), Failure>,
        /// Nothing more is expected from the server.
        complete: bool,
    },
}

/// Sends `request`, then reads until `judge` has a verdict. `judge` sees all bytes so far and whether no more will come.
pub(crate) async fn exchange<S, J>(mut stream: S, request: &[u8], deadline: Instant, judge: J) -> Result<(), Obstacle>
where
    S: AsyncRead + AsyncWrite + Unpin,
    J: Fn(&[u8], bool) -> Progress,
{
    let mut answer = Vec::new();
    let read = timeout_at(deadline, send_and_read(&mut stream, request, &mut answer, &judge)).await;
    let (result, complete) = match read {
        Ok(verdict) => verdict?,
        Err(_) => {
            let detail = format!("answer not complete in time, {} bytes came", answer.len());
            return Err(Obstacle::target(FailureCode::PayloadTimeout, detail));
        }
    };
    if !complete {
        let limit = deadline.min(Instant::now() + REST_WAITED_FOR);
        // Only courtesy: the verdict stands whatever comes.
        let _ = timeout_at(limit, read_rest(&mut stream, &mut answer, &judge)).await;
    }
    result.map_err(Obstacle::Target)
}

async fn send_and_read<S, J>(
    stream: &mut S,
    request: &[u8],
    answer: &mut Vec<u8>,
    judge: &J,
) -> Result<(Result<(), Failure>, bool), Obstacle>
where
    S: AsyncRead + AsyncWrite + Unpin,
    J: Fn(&[u8], bool) -> Progress,
{
    if !request.is_empty() {
        stream.write_all(request).await.map_err(Obstacle::from_io)?;
        stream.flush().await.map_err(Obstacle::from_io)?;
    }
    loop {
        let ended = read_some(stream, answer).await.map_err(Obstacle::from_io)?;
        match judge(answer, ended) {
            Progress::Verdict { result, complete } => return Ok((result, complete || ended)),
            Progress::More if ended => {
                return Err(Obstacle::target(FailureCode::NoResponse, "connection closed without an answer"));
            }
            Progress::More => {}
        }
    }
}

async fn read_rest<S, J>(stream: &mut S, answer: &mut Vec<u8>, judge: &J)
where
    S: AsyncRead + Unpin,
    J: Fn(&[u8], bool) -> Progress,
{
    while let Ok(false) = read_some(stream, answer).await {
        if matches!(judge(answer, false), Progress::Verdict { complete: true, .. }) {
            return;
        }
    }
}

/// Reads what is there; true when nothing more will be read.
async fn read_some<S: AsyncRead + Unpin>(stream: &mut S, answer: &mut Vec<u8>) -> std::io::Result<bool> {
    answer.reserve(2048);
    match stream.read_buf(answer).await {
        Ok(bytes) => Ok(bytes == 0 || answer.len() >= ANSWER_BYTES_MAX),
        // Servers that end TLS by closing the connection are many; the bytes before it count.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether `text` occurs in `bytes`. The empty text always does.
pub(crate) fn contains(bytes: &[u8], text: &str) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
