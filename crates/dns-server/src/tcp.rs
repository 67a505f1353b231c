//! TCP connections: messages with a length before each (RFC 1035 §4.2.2, RFC 7766).
//!
//! A client may ask several queries on one connection without waiting (§6.2.1.1); they are answered in order. One
//! that sends no whole query, or takes no answer, for [`TCP_IDLE_TIMEOUT`] is disconnected. Connections over
//! [`TCP_CONNECTIONS_MAX`] are closed at once: those that are there keep their place.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::stats::WorkerStats;
use crate::{Answer, Stats, Transport};

/// How long a client may take for its next query, and to take an answer (RFC 7766 §6.2.3 asks for seconds).
pub const TCP_IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections at a time, over all clients of one listener.
pub const TCP_CONNECTIONS_MAX: usize = 1024;

/// Octets of the longest message: what its 16-bit length can say.
const MESSAGE_SIZE_MAX: usize = 65_535;

/// Time for connections to end by themselves when the listener stops.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(100);

/// Pause after a connection could not be accepted for lack of something, as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Limits, apart so that tests need not wait for the real ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) idle_timeout: Duration,
    pub(crate) connections_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { idle_timeout: TCP_IDLE_TIMEOUT, connections_max: TCP_CONNECTIONS_MAX }
    }
}

/// Accepts connections until `stop`, then gives them [`DRAIN_TIMEOUT`] to end.
pub(crate) async fn serve<A: Answer>(
    listener: TcpListener,
    answer: Arc<A>,
    stats: Arc<WorkerStats>,
    stop: CancellationToken,
    limits: Limits,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) if connections.len() < limits.connections_max => {
                    let connection = Connection {
                        stream: BufReader::new(stream),
                        client,
                        answer: Arc::clone(&answer),
                        stats: Arc::clone(&stats),
                        idle_timeout: limits.idle_timeout,
                    };
                    connections.spawn(connection.run(stop.clone()));
                }
                Ok(_) => stats.add(Stats { dropped: 1, ..Stats::default() }),
                Err(error) => pause_after(&error, &stats).await,
            },
        }
    }
    drop(listener);
    let drained = timeout(DRAIN_TIMEOUT, async { while connections.join_next().await.is_some() {} });
    if drained.await.is_err() {
        connections.shutdown().await;
    }
}

/// A client that left before it was accepted is no reason to wait; all else is.
async fn pause_after(error: &std::io::Error, stats: &WorkerStats) {
    stats.add(Stats { errors: 1, ..Stats::default() });
    if error.kind() != std::io::ErrorKind::ConnectionAborted {
        warn!(reason = %error, "accepting a DNS connection failed");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

struct Connection<A> {
    stream: BufReader<TcpStream>,
    client: SocketAddr,
    answer: Arc<A>,
    stats: Arc<WorkerStats>,
    idle_timeout: Duration,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the client sent no whole query in time")]
    Idle,
    #[error("the client took no answer in time")]
    Slow,
    #[error("the connection ended")]
    Closed(#[source] std::io::Error),
}

impl<A: Answer> Connection<A> {
    async fn run(mut self, stop: CancellationToken) {
        // Answers are small and awaited.
        let _ = self.stream.get_ref().set_nodelay(true);
        let mut query = Vec::new();
        let end = loop {
            let read = tokio::select! {
                () = stop.cancelled() => return,
                read = timeout(self.idle_timeout, read_message(&mut self.stream, &mut query)) => read,
            };
            match read {
                Ok(Ok(())) => {}
                Ok(Err(error)) => break End::Closed(error),
                Err(_) => break End::Idle,
            }
            if let Err(end) = self.reply(&query).await {
                self.stats.add(Stats { errors: 1, ..Stats::default() });
                break end;
            }
        };
        debug!(client = %self.client, reason = %end, "DNS connection ended");
    }

    /// Answers one query. The buffer lives no longer, so that a thousand waiting connections cost no 64 KiB each.
    async fn reply(&mut self, query: &[u8]) -> Result<(), End> {
        let mut reply = vec![0; 2 + MESSAGE_SIZE_MAX];
        let mut batch = Stats::default();
        let length = self.stats.ask(
            &mut batch,
            self.answer.as_ref(),
            query,
            self.client,
            Transport::Tcp,
            reply.get_mut(2..).unwrap_or_default(),
        );
        self.stats.add(batch);
        let Some((length, prefix)) = length.and_then(|length| Some((length, u16::try_from(length).ok()?))) else {
            return Ok(());
        };
        reply.truncate(2 + length);
        reply[..2].copy_from_slice(&prefix.to_be_bytes());
        match timeout(self.idle_timeout, self.stream.write_all(&reply)).await {
            Ok(Ok(())) => {
                self.stats.add(Stats { answers: 1, ..Stats::default() });
                Ok(())
            }
            Ok(Err(error)) => Err(End::Closed(error)),
            Err(_) => Err(End::Slow),
        }
    }
}

/// Reads a length and as many octets, however they are cut into segments.
async fn read_message(stream: &mut BufReader<TcpStream>, message: &mut Vec<u8>) -> std::io::Result<()> {
    let length = stream.read_u16().await?;
    message.resize(usize::from(length), 0);
    stream.read_exact(message).await?;
    Ok(())
}
