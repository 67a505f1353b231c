//! Sites that know each other.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use site_link::{Handler, Identity, Link, LinkConfig, PeerAddress, PeerState, Roster};
use site_replication::{Mark, Message, Revision, SiteId, Term};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// Longest wait for a condition; a busy machine is slow, a broken link waits for ever.
pub(crate) const WITHIN: Duration = Duration::from_secs(30);

pub(crate) struct Site {
    pub(crate) id: SiteId,
    pub(crate) link: Link,
    pub(crate) roster: watch::Sender<Arc<Roster>>,
    pub(crate) incoming: mpsc::Receiver<(SiteId, Message)>,
    pub(crate) pem: String,
}

/// Says back who asked and what; fails when asked to, and is slow when asked to.
pub(crate) struct Echo;

#[async_trait]
impl Handler for Echo {
    async fn answer(&self, from: &SiteId, request: Vec<u8>) -> Result<Vec<u8>, String> {
        match request.as_slice() {
            b"fail" => Err("no such object".to_owned()),
            b"hang" => std::future::pending().await,
            _ => Ok([format!("{from}: ").as_bytes(), &request].concat()),
        }
    }
}

pub(crate) fn id(name: &str) -> SiteId {
    SiteId::from(name)
}

pub(crate) fn identity() -> Identity {
    Identity::open(tempfile::tempdir().unwrap().path()).unwrap()
}

impl Site {
    /// A site that knows nobody yet.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_with(name, identity(), 1_024)
    }

    pub(crate) fn start_with(name: &str, identity: Identity, room: usize) -> Self {
        let pem = identity.certificate_pem().to_owned();
        let (roster, watched) = watch::channel(Arc::default());
        let (sender, incoming) = mpsc::channel(room);
        let config = LinkConfig {
            own: id(name),
            listener: TcpListener::bind(("127.0.0.1", 0)).unwrap(),
            identity,
            software: format!("test of {name}"),
            keep_alive: LinkConfig::KEEP_ALIVE,
            handler: Arc::new(Echo),
        };
        let link = Link::start(config, watched, sender).unwrap();
        Self { id: id(name), link, roster, incoming, pem }
    }

    /// Takes another site in.
    pub(crate) fn know(&self, name: &str, address: SocketAddr, pem: &str) {
        self.know_at(name, vec![address.to_string()], pem);
    }

    pub(crate) fn know_at(&self, name: &str, addresses: Vec<String>, pem: &str) {
        let mut peers: BTreeMap<_, _> = self.roster.borrow().peers.clone();
        peers
            .insert(id(name), PeerAddress { name: format!("site {name}"), addresses, certificate_pem: pem.to_owned() });
        self.roster.send_replace(Arc::new(Roster { peers }));
    }

    pub(crate) fn forget(&self, name: &str) {
        let mut peers = self.roster.borrow().peers.clone();
        peers.remove(&id(name));
        self.roster.send_replace(Arc::new(Roster { peers }));
    }

    /// Waits until what is known of another site is as wanted.
    #[track_caller]
    pub(crate) fn until<W: Fn(&PeerState) -> bool>(
        &self,
        name: &str,
        wanted: W,
    ) -> impl Future<Output = PeerState> + use<W> {
        let (mut told, site, caller) = (self.link.told(), id(name), std::panic::Location::caller());
        async move {
            let found = timeout(WITHIN, told.wait_for(|states| states.get(&site).is_some_and(&wanted))).await;
            let found = found.map(|states| states.unwrap().get(&site).cloned());
            found.unwrap_or_else(|_| panic!("{caller}: {:?}", told.borrow().get(&site))).unwrap()
        }
    }

    #[track_caller]
    pub(crate) fn until_linked(&self, name: &str) -> impl Future<Output = PeerState> + use<> {
        self.until(name, |state| state.connected)
    }

    #[track_caller]
    pub(crate) fn until_failure(&self, name: &str, part: &'static str) -> impl Future<Output = PeerState> + use<> {
        self.until(name, move |state| state.failure.as_ref().is_some_and(|failure| failure.contains(part)))
    }

    pub(crate) async fn next(&mut self) -> (SiteId, Message) {
        let next = timeout(WITHIN, self.incoming.recv()).await;
        next.unwrap_or_else(|_| panic!("nothing came; {:#?}", self.link.told().borrow())).unwrap()
    }

    /// The next message that is wanted, from anybody.
    pub(crate) async fn next_that(&mut self, wanted: impl Fn(&Message) -> bool) -> Message {
        loop {
            let (_, message) = self.next().await;
            if wanted(&message) {
                return message;
            }
        }
    }
}

/// Two sites that are linked.
pub(crate) async fn pair() -> (Site, Site) {
    let (one, two) = (Site::start("one"), Site::start("two"));
    one.know("two", two.link.local_addr(), &two.pem);
    two.know("one", one.link.local_addr(), &one.pem);
    one.until_linked("two").await;
    two.until_linked("one").await;
    (one, two)
}

pub(crate) fn term(view: u64, leader: &str) -> Term {
    Term { view, leader: id(leader) }
}

/// A heartbeat that is told apart by `sent_ms`.
pub(crate) fn heartbeat(from: &str, sent_ms: u64) -> Message {
    let term = term(1, from);
    let (after, committed, shown) = (Mark { revision: Revision(0), term: term.clone() }, Revision(0), Revision(0));
    Message::Append { term, after, entries: Vec::new(), committed, shown, sent: Duration::from_millis(sent_ms) }
}
