//! What goes out on a link, and in which order.
//!
//! What fits into one chunk goes at once. What does not is a lane; lanes take turns, a chunk each, and between any two
//! chunks goes what is small.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use site_replication::{Message, Revision, Term};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Tls;
use crate::clock;
use crate::link::{ForwardError, Shared};
use crate::peer::Peer;
use crate::state::{SiteState, Told};
use crate::stream::{Ended, Writer};
use crate::wire::frame::Kind;
use crate::wire::{Chunk, Encoder, Outbound, Ping};

/// Parcels larger than a chunk that are under way at once; another message is dropped, another request refused.
const LANES_MAX: usize = 32;
/// Chunks that are on their way at once, beside what is small. What is urgent waits behind these, wherever the network keeps
/// them: 256 KiB are 0.2 s at 10 Mbit/s. At 50 ms there and back they carry 5 MB/s.
const WINDOW: u64 = 4;
/// Messages that go between two chunks.
const MESSAGES_BETWEEN: usize = 16;
/// A state is sent no sooner than this after the last one.
const STATE_EVERY: Duration = Duration::from_millis(100);
/// While a large batch or base is under way, the same again goes as a mere heartbeat, and no sooner than this.
const HEARTBEAT_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Outgoing<'a> {
    shared: &'a Shared,
    peer: &'a Peer,
    writer: &'a mut Writer<Tls>,
    state: watch::Receiver<Option<Arc<SiteState>>>,
    /// What the other site has, or will have when the lane is through.
    told: Option<Arc<SiteState>>,
    state_at: Instant,
    ping_at: Instant,
    heartbeat_at: Instant,
    lanes: VecDeque<Lane>,
    parcel: u64,
    /// Chunks that were sent, and those of them that the other site has.
    sent: u64,
    taken: &'a AtomicU64,
    was_too_large: bool,
}

struct Lane {
    encoder: Encoder,
    cargo: Cargo,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Cargo {
    /// A batch or base of the leader of this term.
    Log(Term),
    State,
    Other,
}

impl<'a> Outgoing<'a> {
    pub(super) fn new(shared: &'a Shared, peer: &'a Peer, writer: &'a mut Writer<Tls>, taken: &'a AtomicU64) -> Self {
        let mut state = shared.state.subscribe();
        state.mark_changed();
        let now = Instant::now();
        Self {
            shared,
            peer,
            writer,
            state,
            told: None,
            state_at: now,
            ping_at: now,
            heartbeat_at: now,
            lanes: VecDeque::new(),
            parcel: 0,
            sent: 0,
            taken,
            was_too_large: false,
        }
    }

    pub(super) async fn run(mut self) -> Ended {
        loop {
            match self.step().await {
                Err(ended) => return ended,
                Ok(true) => {}
                Ok(false) => self.wait().await,
            }
        }
    }

    /// Sends what is due, and one chunk of a lane; whether there was anything.
    async fn step(&mut self) -> Result<bool, Ended> {
        if Instant::now() >= self.ping_at {
            self.ping_at = Instant::now() + self.shared.keep_alive / 4;
            self.writer.send(Kind::Ping(Ping { clock_us: clock::wall_us() })).await?;
        }
        let mut busy = false;
        for _ in 0..MESSAGES_BETWEEN {
            let Some(message) = self.peer.next_message() else { break };
            self.message(message).await?;
            busy = true;
        }
        if let Some((id, body)) = self.peer.next_request() {
            if !self.start(Outbound::Request { id, body }, Cargo::Other).await? {
                self.peer.answer(id, Err(ForwardError::Busy { site: self.peer.site.clone() }));
            }
            busy = true;
        }
        busy |= self.tell().await?;
        busy |= self.lane().await?;
        Ok(busy)
    }

    async fn wait(&mut self) {
        let state_at = self.state_at;
        let state = async {
            sleep_until(state_at).await;
            if self.state.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            self.state.mark_changed();
        };
        tokio::select! {
            () = self.peer.wake.notified() => {}
            () = sleep_until(self.ping_at) => {}
            () = state => {}
        }
    }

    /// A batch or base that is large goes once per term at a time: the other site cannot take the next one before, but
    /// it must not miss the heartbeats that they are too.
    async fn message(&mut self, message: Message) -> Result<(), Ended> {
        let (Message::Append { term, .. } | Message::Base { term, .. }) = &message else {
            self.start(Outbound::Message(message), Cargo::Other).await?;
            return Ok(());
        };
        let cargo = Cargo::Log(term.clone());
        let under_way = self.lanes.iter().any(|lane| lane.cargo == cargo);
        let message = if under_way { heartbeat(&message).unwrap_or(message) } else { message };
        if under_way {
            if Instant::now() < self.heartbeat_at {
                return Ok(());
            }
            self.heartbeat_at = Instant::now() + HEARTBEAT_EVERY;
        }
        self.start(Outbound::Message(message), cargo).await?;
        Ok(())
    }

    /// Whether a state went out.
    async fn tell(&mut self) -> Result<bool, Ended> {
        let busy = self.lanes.iter().any(|lane| lane.cargo == Cargo::State);
        if busy || Instant::now() < self.state_at || !self.state.has_changed().unwrap_or(false) {
            return Ok(false);
        }
        let Some(state) = self.state.borrow_and_update().clone() else { return Ok(false) };
        let told = match &self.told {
            Some(old) => Told::difference(old, &state),
            None => Told::full(&state),
        };
        self.state_at = Instant::now() + STATE_EVERY;
        if self.start(Outbound::State(told), Cargo::State).await? {
            self.told = Some(state);
        }
        Ok(true)
    }

    /// Sends the first chunk of a parcel; whether it is, or will be, sent.
    async fn start(&mut self, content: Outbound, cargo: Cargo) -> Result<bool, Ended> {
        let mut encoder = Encoder::new(self.parcel, content);
        let chunk = match encoder.chunk() {
            Ok(chunk) => chunk,
            Err(too_large) => {
                self.tell_too_large(&too_large);
                return Ok(false);
            }
        };
        if !chunk.last && self.lanes.len() >= LANES_MAX {
            self.shared.board.dropped(&self.peer.site);
            return Ok(false);
        }
        self.parcel = self.parcel.wrapping_add(1);
        if !chunk.last {
            self.lanes.push_back(Lane { encoder, cargo });
        }
        self.send(chunk).await?;
        Ok(true)
    }

    /// Sends the next chunk of the lane whose turn it is, once the other site has taken what went before.
    async fn lane(&mut self) -> Result<bool, Ended> {
        if self.sent.saturating_sub(self.taken.load(Ordering::Relaxed)) >= WINDOW {
            return Ok(false);
        }
        let Some(mut lane) = self.lanes.pop_front() else { return Ok(false) };
        let chunk = lane.encoder.chunk().unwrap_or_else(|too_large| {
            self.tell_too_large(&too_large);
            lane.encoder.broken()
        });
        if !chunk.last {
            self.lanes.push_back(lane);
        }
        self.send(chunk).await?;
        Ok(true)
    }

    async fn send(&mut self, chunk: Chunk) -> Result<(), Ended> {
        self.sent = self.sent.saturating_add(1);
        self.writer.send(Kind::Chunk(chunk)).await
    }

    fn tell_too_large(&mut self, reason: &impl std::fmt::Display) {
        if !std::mem::replace(&mut self.was_too_large, true) {
            tracing::error!(site = %self.peer.site, %reason, "another site cannot be sent something");
        }
    }
}

/// What a batch or base says beside what it carries. The other site need not have the place after which it goes on; then it
/// says so, and is sent the same again.
fn heartbeat(message: &Message) -> Option<Message> {
    let (term, after, committed, shown, sent) = match message {
        Message::Append { term, after, committed, shown, sent, .. } => (term, after, *committed, *shown, *sent),
        Message::Base { term, mark, sent, .. } => (term, mark, Revision(0), Revision(0), *sent),
        _ => return None,
    };
    let (term, after) = (term.clone(), after.clone());
    Some(Message::Append { term, after, entries: Vec::new(), committed, shown, sent })
}
