//! HTTP over any stream: `request` composes what is sent, `answer` judges what comes. Both are pure.

mod answer;
mod request;

use std::net::SocketAddr;

use model::monitor::HttpCheck;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::{Obstacle, exchange::exchange};

pub(crate) async fn probe<S>(
    stream: S,
    check: &HttpCheck,
    host: &str,
    address: SocketAddr,
    deadline: Instant,
) -> Result<(), Obstacle>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = request::compose(check, host, address);
    let body = if request::is_head(&request) { answer::Body::None } else { answer::Body::Expected };
    exchange(stream, &request, deadline, |bytes, ended| answer::judge(check, body, bytes, ended)).await
}
