//! What waits for one other site. Nobody waits for another site's queue.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use parking_lot::Mutex;
use site_replication::{Message, SiteId};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::link::ForwardError;

/// Messages that wait for one site; when there are more, the oldest batch or heartbeat is dropped.
pub const QUEUE_MAX: usize = 1_024;
/// Requests to one site that are not answered yet; more are refused.
pub const REQUESTS_MAX: usize = 64;

type Answer = Result<Bytes, ForwardError>;

/// One other site.
pub(crate) struct Peer {
    pub(crate) site: SiteId,
    pub(crate) stop: CancellationToken,
    pub(crate) wake: Notify,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// Whether there is a link; what is sent without one is lost, as in a network.
    open: bool,
    messages: VecDeque<Message>,
    requests: VecDeque<(u64, Bytes)>,
    pending: BTreeMap<u64, oneshot::Sender<Answer>>,
    next_id: u64,
}

impl Peer {
    pub(crate) fn new(site: SiteId, stop: CancellationToken) -> Self {
        Self { site, stop, wake: Notify::new(), queue: Mutex::default() }
    }

    /// Whether something was dropped because the queue was full.
    pub(crate) fn send(&self, message: Message) -> bool {
        let mut queue = self.queue.lock();
        if !queue.open {
            return false;
        }
        let full = queue.messages.len() >= QUEUE_MAX;
        if full {
            let is_batch = |message: &Message| matches!(message, Message::Append { .. } | Message::Base { .. });
            let oldest = queue.messages.iter().position(is_batch).unwrap_or(0);
            queue.messages.remove(oldest);
        }
        queue.messages.push_back(message);
        drop(queue);
        self.wake.notify_one();
        full
    }

    pub(crate) fn request(&self, body: Bytes) -> Result<(u64, oneshot::Receiver<Answer>), RequestRefused> {
        let mut queue = self.queue.lock();
        if !queue.open {
            return Err(RequestRefused::NotConnected);
        }
        if queue.pending.len() >= REQUESTS_MAX {
            return Err(RequestRefused::Busy);
        }
        let id = queue.next_id;
        queue.next_id = id.wrapping_add(1);
        let (sender, receiver) = oneshot::channel();
        queue.pending.insert(id, sender);
        queue.requests.push_back((id, body));
        drop(queue);
        self.wake.notify_one();
        Ok((id, receiver))
    }

    /// Nobody waits for this answer any longer.
    pub(crate) fn forget(&self, id: u64) {
        let mut queue = self.queue.lock();
        queue.pending.remove(&id);
        queue.requests.retain(|(request, _)| *request != id);
    }

    pub(crate) fn answer(&self, id: u64, answer: Answer) {
        // Who asked may have given up.
        self.queue.lock().pending.remove(&id).map(|sender| sender.send(answer)).transpose().unwrap_or_default();
    }

    pub(crate) fn next_message(&self) -> Option<Message> {
        self.queue.lock().messages.pop_front()
    }

    pub(crate) fn next_request(&self) -> Option<(u64, Bytes)> {
        self.queue.lock().requests.pop_front()
    }

    /// There is a link now.
    pub(crate) fn open(&self) {
        self.queue.lock().open = true;
    }

    /// The link is gone, and what was on its way with it.
    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.open = false;
        queue.messages.clear();
        queue.requests.clear();
        for (_, sender) in std::mem::take(&mut queue.pending) {
            sender.send(Err(ForwardError::Lost { site: self.site.clone() })).unwrap_or_default();
        }
    }
}

/// Why a request is not even sent.
pub(crate) enum RequestRefused {
    NotConnected,
    Busy,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use site_replication::{Mark, Revision, Term};

    use super::*;

    fn heartbeat(sent_ms: u64) -> Message {
        let term = Term { view: 1, leader: SiteId::from("one") };
        let (after, sent) = (Mark { revision: Revision(0), term: term.clone() }, Duration::from_millis(sent_ms));
        let (committed, shown) = (Revision(0), Revision(0));
        Message::Append { term, after, entries: Vec::new(), committed, shown, sent }
    }

    fn vote(view: u64) -> Message {
        Message::Grant { term: Term { view, leader: SiteId::from("two") }, trial: false }
    }

    #[test]
    fn a_full_queue_drops_the_oldest_batch_before_any_vote() {
        let peer = Peer::new(SiteId::from("two"), CancellationToken::new());
        assert!(!peer.send(vote(0)), "without a link it is lost, but nothing was full");
        peer.open();
        assert!(!peer.send(vote(1)));
        for number in 1..QUEUE_MAX as u64 {
            assert!(!peer.send(heartbeat(number)));
        }
        assert!(peer.send(heartbeat(9_999)));
        assert_eq!(peer.next_message(), Some(vote(1)));
        assert_eq!(peer.next_message(), Some(heartbeat(2)));
        peer.close();
        assert_eq!(peer.next_message(), None, "what was on its way is gone with the link");
        peer.open();
        for view in 0..=QUEUE_MAX as u64 {
            assert_eq!(peer.send(vote(view)), view == QUEUE_MAX as u64);
        }
        assert_eq!(peer.next_message(), Some(vote(1)), "of votes alone the oldest goes");
    }
}
