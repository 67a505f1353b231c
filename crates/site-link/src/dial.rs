//! The link that this site dials: messages, state and requests go out on it.

mod outgoing;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};
use tokio_rustls::client::TlsStream;

use self::outgoing::Outgoing;
use crate::backoff;
use crate::hello::{Said, heed, say};
use crate::link::{ForwardError, Shared};
use crate::peer::Peer;
use crate::pin::Pin;
use crate::roster::{ADDRESSES_MAX, PeerAddress};
use crate::stream::{Ended, Reader, Writer, part, split};
use crate::wire::frame::Kind;
use crate::wire::{Inbound, Parcels};

/// How long TCP may take: a first packet and one more after a second. In a network that is cut, packets are lost without a
/// word, and whoever waits for long is still waiting when it is whole again.
const CONNECT_WITHIN: Duration = Duration::from_millis(1_500);
/// How long all of it may take: the address of a name, TCP, TLS and the welcome.
const DIAL_WITHIN: Duration = Duration::from_secs(5);
/// How often it is noted that something was heard.
const HEARD_EVERY: Duration = Duration::from_millis(200);

type Tls = TlsStream<TcpStream>;

struct Dialled {
    reader: Reader<Tls>,
    writer: Writer<Tls>,
    pin: Pin,
    said: Said,
}

/// Keeps a link to one site until the peer is stopped.
pub(crate) async fn run(shared: Arc<Shared>, peer: Arc<Peer>) {
    let mut roster = shared.roster.clone();
    let (mut failures, mut first) = (0_u32, 0);
    loop {
        let Some(address) = roster.borrow_and_update().peers.get(&peer.site).cloned() else { return };
        let dialled = tokio::select! {
            () = peer.stop.cancelled() => return,
            dialled = dial_any(&shared, &peer, &address, first) => dialled,
        };
        let words = match dialled {
            Ok((dialled, at)) => {
                (failures, first) = (0, at);
                speak(&shared, &peer, dialled).await.words
            }
            Err(words) => words,
        };
        if peer.stop.is_cancelled() {
            return; // a new task may be at work for a site of this name
        }
        shared.board.outgoing(&peer.site, Err(words));
        failures = failures.saturating_add(1);
        tokio::select! {
            () = peer.stop.cancelled() => return,
            () = sleep(backoff::pause(failures, rand::random())) => {}
            () = until_other(&mut roster, &peer, &address) => failures = 0,
        }
    }
}

async fn until_other(
    roster: &mut tokio::sync::watch::Receiver<Arc<crate::roster::Roster>>,
    peer: &Peer,
    address: &PeerAddress,
) {
    let other = roster.wait_for(|roster| roster.peers.get(&peer.site) != Some(address)).await.is_ok();
    if !other {
        std::future::pending::<()>().await;
    }
}

/// The first address at which the site is, beginning with the one at `first`, and its place; all failures in one line.
async fn dial_any(
    shared: &Shared,
    peer: &Peer,
    address: &PeerAddress,
    first: usize,
) -> Result<(Dialled, usize), String> {
    let count = address.addresses.len().min(ADDRESSES_MAX);
    let mut failures = Vec::new();
    for at in (0..count).map(|step| (first + step) % count) {
        let Some(host) = address.addresses.get(at) else { continue };
        let dialled = timeout(DIAL_WITHIN, dial(shared, peer, host)).await;
        match dialled.unwrap_or_else(|_| Err(Ended::theirs(format!("no answer within {DIAL_WITHIN:?}")))) {
            Ok(dialled) => return Ok((dialled, at)),
            Err(ended) => failures.push(format!("{host}: {}", ended.words)),
        }
    }
    if count == 0 {
        return Err("no address of it is known".to_owned());
    }
    failures.sort_unstable(); // so that the same failures are the same words
    Err(failures.join("; "))
}

async fn dial(shared: &Shared, peer: &Peer, host: &str) -> Result<Dialled, Ended> {
    let tcp = connect(host).await.map_err(Ended::theirs)?;
    let (tls, pin) = shared.tls.connect(tcp).await.map_err(|error| Ended::broken(&error))?;
    let (mut reader, mut writer) = split(tls);
    match greet(shared, peer, &pin, &mut reader, &mut writer).await {
        Ok(said) => Ok(Dialled { reader, writer, pin, said }),
        Err(ended) => {
            part(reader, writer, &ended).await;
            Err(ended)
        }
    }
}

async fn connect(host: &str) -> io::Result<TcpStream> {
    let mut failure = io::Error::other("the name has no address");
    for address in lookup_host(host).await? {
        match timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::Error::other(format!("no answer within {CONNECT_WITHIN:?}")),
        }
    }
    Err(failure)
}

/// Says nothing before the other end has shown the pinned key.
async fn greet(
    shared: &Shared,
    peer: &Peer,
    pin: &Pin,
    reader: &mut Reader<Tls>,
    writer: &mut Writer<Tls>,
) -> Result<Said, Ended> {
    let checked = shared.roster.borrow().check(&shared.own, &peer.site, pin);
    checked.map_err(Ended::ours)?;
    writer.send(Kind::Hello(say(&shared.own, &peer.site, &shared.software, shared.keep_alive))).await?;
    let Kind::Welcome(welcome) = reader.next(DIAL_WITHIN).await? else {
        return Err(Ended::ours("what came is no welcome"));
    };
    let said = heed(&shared.own, &welcome)?;
    if said.site != peer.site {
        return Err(Ended::ours(format!("site {} was looked for, another one answered", peer.site)));
    }
    Ok(said)
}

/// Until the link breaks.
async fn speak(shared: &Shared, peer: &Peer, dialled: Dialled) -> Ended {
    let Dialled { mut reader, mut writer, pin, said } = dialled;
    peer.open();
    shared.board.outgoing(&peer.site, Ok(&said.software));
    let taken = AtomicU64::new(0);
    let ended = tokio::select! {
        biased;
        ended = shared.until_refused(&peer.site, &pin) => ended,
        () = peer.stop.cancelled() => shared.stopping(),
        ended = listen(shared, peer, &mut reader, &taken) => ended,
        ended = Outgoing::new(shared, peer, &mut writer, &taken).run() => ended,
    };
    peer.close();
    part(reader, writer, &ended).await;
    ended
}

/// Reads signs of life, how many chunks were `taken`, and answers to requests.
async fn listen(shared: &Shared, peer: &Peer, reader: &mut Reader<Tls>, taken: &AtomicU64) -> Ended {
    let mut parcels = Parcels::default();
    let mut heard = Heard::default();
    loop {
        let kind = match reader.next(shared.keep_alive).await {
            Ok(kind) => kind,
            Err(ended) => return ended,
        };
        heard.note(shared, peer);
        match kind {
            Kind::Chunk(chunk) => match parcels.take(chunk) {
                Ok(Some(Inbound::Response { id, result })) => {
                    let refused = |words| ForwardError::Refused { site: peer.site.clone(), words };
                    peer.answer(id, result.map_err(refused));
                }
                Ok(Some(_)) => return Ended::ours("what came belongs on the link of the other direction"),
                Ok(None) => {}
                Err(garbage) => return Ended::garbage(&garbage),
            },
            Kind::Pong(pong) => {
                taken.fetch_max(pong.chunks, Ordering::Relaxed);
                peer.wake.notify_one();
            }
            Kind::Ping(_) => {}
            Kind::Hello(_) | Kind::Welcome(_) | Kind::Goodbye(_) => return Ended::ours("a greeting out of place"),
        }
    }
}

#[derive(Default)]
struct Heard {
    noted: Option<tokio::time::Instant>,
}

impl Heard {
    fn note(&mut self, shared: &Shared, peer: &Peer) {
        if self.noted.is_none_or(|noted| noted.elapsed() >= HEARD_EVERY) {
            self.noted = Some(tokio::time::Instant::now());
            shared.board.heard(&peer.site);
        }
    }
}
