//! TCP: a connection, perhaps a request, perhaps an expected answer.

use health::{Failure, FailureCode};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::Instant, time::timeout_at};

use super::{
    Obstacle,
    exchange::{Progress, contains, exchange},
};

/// Bytes of the answer that are searched. avi-api 6.2.
const SEARCHED_BYTES: usize = 2048;

pub(crate) async fn probe(
    mut stream: TcpStream,
    request: Option<&str>,
    response: Option<&str>,
    deadline: Instant,
) -> Result<(), Obstacle> {
    let request = request.unwrap_or_default().as_bytes();
    match response {
        Some(text) => exchange(stream, request, deadline, |bytes, ended| judge(text, bytes, ended)).await,
        None if request.is_empty() => Ok(()),
        None => match timeout_at(deadline, stream.write_all(request)).await {
            Ok(written) => written.map_err(Obstacle::from_io),
            Err(_) => Err(Obstacle::target(FailureCode::ConnectionTimeout, "request not taken in time")),
        },
    }
}

fn judge(text: &str, bytes: &[u8], ended: bool) -> Progress {
    let window = &bytes[..bytes.len().min(SEARCHED_BYTES)];
    let result = if contains(window, text) {
        Ok(())
    } else if window.len() == SEARCHED_BYTES || (ended && !bytes.is_empty()) {
        let detail = format!("expected text is not in the first {} bytes", window.len());
        Err(Failure::new(FailureCode::PayloadContentMismatch, detail))
    } else {
        return Progress::More;
    };
    // Protocols that greet keep the connection open: there is no rest to wait for.
    Progress::Verdict { result, complete: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], ended: bool, expected: Option<Result<(), FailureCode>>) {
        let found = match judge("READY", bytes, ended) {
            Progress::More => None,
            Progress::Verdict { result, .. } => Some(result.map_err(|failure| failure.code)),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_text_counts_within_the_first_2048_bytes() {
        let padded = |length: usize| [vec![b'.'; length], b"READY".to_vec()].concat();
        check(b"220 READY", false, Some(Ok(())));
        check(&padded(SEARCHED_BYTES - 5), false, Some(Ok(())));
        check(&padded(SEARCHED_BYTES - 4), false, Some(Err(FailureCode::PayloadContentMismatch)));
    }

    #[test]
    fn a_short_answer_is_judged_when_it_ends() {
        check(b"220 REA", false, None);
        check(b"220 REA", true, Some(Err(FailureCode::PayloadContentMismatch)));
        check(b"", true, None);
    }
}
