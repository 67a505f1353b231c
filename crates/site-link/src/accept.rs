//! Links that other sites dial: what they send comes in on them.

mod incoming;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use site_replication::SiteId;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use self::incoming::Incoming;
use crate::hello::{Said, heed, say};
use crate::link::Shared;
use crate::pin::Pin;
use crate::stream::{Ended, Reader, Writer, line, part, split};
use crate::wire::frame::Kind;

/// How long TLS, and then the hello, may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);
/// Connections that have not yet said who they are; more are closed at once.
const HANDSHAKES_MAX: usize = 128;
/// Pause after the system refused to accept, for instance for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Strangers are logged no more often than this.
const STRANGERS_EVERY: Duration = Duration::from_secs(10);
/// While sites get to know each other, one may dial before the other has heard of it: no reason to warn before this.
const STRANGE_AFTER: Duration = Duration::from_secs(15);
/// After so long without a refusal the next one is the first of others.
const CALM_AFTER: Duration = Duration::from_secs(60);

type Tls = TlsStream<TcpStream>;

/// Accepts until the link stops.
pub(crate) async fn run(shared: Arc<Shared>, listener: TcpListener) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    let strangers = Arc::new(Strangers::default());
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                if let Ok(permit) = Arc::clone(&handshakes).try_acquire_owned() {
                    let (shared, strangers) = (Arc::clone(&shared), Arc::clone(&strangers));
                    let tasks = shared.tasks.clone();
                    tasks.spawn(async move { serve(&shared, &strangers, stream, from, permit).await });
                } else {
                    strangers.log(from, "too many connections that do not say who they are");
                }
            }
            Err(error) => {
                tracing::warn!(reason = %error, "a connection of another site could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(
    shared: &Arc<Shared>,
    strangers: &Strangers,
    tcp: TcpStream,
    from: SocketAddr,
    permit: OwnedSemaphorePermit,
) {
    tcp.set_nodelay(true).unwrap_or_default(); // slower without
    let shaken = tokio::select! {
        () = shared.stop.cancelled() => return,
        shaken = timeout(HANDSHAKE_WITHIN, shared.tls.accept(tcp)) => shaken,
    };
    let (tls, pin) = match shaken {
        Ok(Ok(shaken)) => shaken,
        Ok(Err(error)) => return strangers.log(from, &error),
        Err(_) => return strangers.log(from, "no TLS in time"),
    };
    let (mut reader, mut writer) = split(tls);
    let met = tokio::select! {
        () = shared.stop.cancelled() => Err((None, shared.stopping())),
        met = meet(shared, &pin, &mut reader, &mut writer) => met,
    };
    drop(permit);
    match met {
        Ok(said) => stay(shared, &pin, said, reader, writer).await,
        Err((claimed, ended)) => {
            strangers.log(from, &ended.words);
            if let Some(site) = claimed {
                shared.board.refused(&site, &format!("refused at {from}: {}", ended.words));
            }
            part(reader, writer, &ended).await;
        }
    }
}

/// Who it is; or who it claims to be, where that is known, and why that is not believed.
async fn meet(
    shared: &Shared,
    pin: &Pin,
    reader: &mut Reader<Tls>,
    writer: &mut Writer<Tls>,
) -> Result<Said, (Option<SiteId>, Ended)> {
    let by_key = || shared.roster.borrow().who(pin);
    let hello = match reader.next(HANDSHAKE_WITHIN).await {
        Ok(Kind::Hello(hello)) => hello,
        Ok(_) => return Err((None, Ended::ours("what came is no hello"))),
        // It does not like the key of this site.
        Err(ended) => return Err((by_key(), ended)),
    };
    let claimed = SiteId::from(line(&hello.site).as_str());
    let refused = |ended| (Some(claimed.clone()), ended);
    let checked = shared.roster.borrow().check(&shared.own, &claimed, pin);
    checked.map_err(|stranger| refused(Ended::ours(stranger)))?;
    let said = heed(&shared.own, &hello).map_err(refused)?;
    let welcome = say(&shared.own, &said.site, &shared.software, shared.keep_alive);
    writer.send(Kind::Welcome(welcome)).await.map_err(refused)?;
    Ok(said)
}

/// Until the link breaks, or the site dials again.
async fn stay(shared: &Arc<Shared>, pin: &Pin, said: Said, mut reader: Reader<Tls>, mut writer: Writer<Tls>) {
    let site = said.site.clone();
    shared.take_roster(); // the check may have been the first to see a new one
    let replaced = CancellationToken::new();
    if let Some(old) = shared.dialled.lock().insert(site.clone(), replaced.clone()) {
        old.cancel();
    }
    shared.board.incoming(&site, Ok(&said.software));
    let ended = tokio::select! {
        biased;
        ended = shared.until_refused(&site, pin) => ended,
        () = shared.stop.cancelled() => shared.stopping(),
        () = replaced.cancelled() => Ended::ours("a newer link takes its place"),
        ended = Incoming::new(shared, &said).run(&mut reader, &mut writer) => ended,
    };
    {
        let mut dialled = shared.dialled.lock();
        // Under the lock: a newer link of this site may take the place at any time.
        if !replaced.is_cancelled() {
            dialled.remove(&site);
            shared.board.incoming(&site, Err(ended.words.clone()));
        }
    }
    part(reader, writer, &ended).await;
}

/// Who is refused is logged, but cannot fill the log.
#[derive(Default)]
struct Strangers(Mutex<Refusals>);

#[derive(Default)]
struct Refusals {
    first: Option<Instant>,
    last: Option<Instant>,
    logged: Option<Instant>,
}

impl Strangers {
    fn log(&self, from: SocketAddr, reason: impl ToString) {
        let reason = line(&reason.to_string());
        match self.0.lock().weigh(Instant::now()) {
            Some(true) => tracing::warn!(%from, %reason, "connections to the port of sites are refused"),
            Some(false) => tracing::info!(%from, %reason, "a connection to the port of sites was refused"),
            None => tracing::debug!(%from, %reason, "a connection to the port of sites was refused"),
        }
    }
}

impl Refusals {
    /// Whether one at `now` is worth a warning; `None` where it is worth no line at all.
    fn weigh(&mut self, now: Instant) -> Option<bool> {
        let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
        if since(self.last).is_none_or(|calm| calm >= CALM_AFTER) {
            self.first = Some(now);
        }
        self.last = Some(now);
        let lasts = since(self.first).is_some_and(|lasts| lasts >= STRANGE_AFTER);
        if since(self.logged).is_some_and(|logged| logged < STRANGERS_EVERY) {
            return None;
        }
        self.logged = Some(now);
        Some(lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_a_moment_are_no_warning_and_those_that_last_are() {
        let (start, mut refusals) = (Instant::now(), Refusals::default());
        let mut at = |seconds| refusals.weigh(start + Duration::from_secs(seconds));
        assert_eq!((at(0), at(1), at(10), at(16), at(20)), (Some(false), None, Some(false), None, Some(true)));
        assert_eq!(at(100), Some(false), "after a calm it begins anew");
    }
}
