//! What comes in on a link, and the signs of life and answers that go back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use site_replication::{Message, SiteId};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::{Instant, timeout};

use super::Tls;
use crate::hello::Said;
use crate::link::{FORWARD_WITHIN, REQUEST_BYTES_MAX, Shared};
use crate::peer::REQUESTS_MAX;
use crate::state::SiteState;
use crate::stream::{Ended, Reader, Writer};
use crate::wire::frame::Kind;
use crate::wire::{Encoder, Inbound, Outbound, Parcels, Pong};

/// How long a message waits for room at this site before it is dropped; well below any keep-alive.
const ROOM_WITHIN: Duration = Duration::from_millis(200);
/// How often it is noted that something was heard.
const HEARD_EVERY: Duration = Duration::from_millis(200);

type Answered = (u64, Result<Bytes, String>);

pub(super) struct Incoming<'a> {
    shared: &'a Shared,
    site: SiteId,
    /// Silence that ends the link.
    keep_alive: Duration,
    pong: Notify,
    chunks: AtomicU64,
    answers: mpsc::Sender<Answered>,
    answered: Option<mpsc::Receiver<Answered>>,
    answering: Arc<Semaphore>,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(shared: &'a Shared, said: &Said) -> Self {
        // Room for all answers there can be.
        let (answers, answered) = mpsc::channel(REQUESTS_MAX);
        Self {
            shared,
            site: said.site.clone(),
            keep_alive: shared.keep_alive.max(said.keep_alive),
            pong: Notify::new(),
            chunks: AtomicU64::new(0),
            answers,
            answered: Some(answered),
            answering: Arc::new(Semaphore::new(REQUESTS_MAX)),
        }
    }

    pub(super) async fn run(mut self, reader: &mut Reader<Tls>, writer: &mut Writer<Tls>) -> Ended {
        let Some(answered) = self.answered.take() else { return self.shared.stopping() };
        tokio::select! {
            ended = self.listen(reader) => ended,
            ended = self.reply(answered, writer) => ended,
        }
    }

    async fn listen(&self, reader: &mut Reader<Tls>) -> Ended {
        let mut parcels = Parcels::default();
        let mut state: Option<Arc<SiteState>> = None;
        let mut noted: Option<Instant> = None;
        loop {
            let kind = match reader.next(self.keep_alive).await {
                Ok(kind) => kind,
                Err(ended) => return ended,
            };
            if noted.is_none_or(|noted| noted.elapsed() >= HEARD_EVERY) {
                noted = Some(Instant::now());
                self.shared.board.heard(&self.site);
            }
            match kind {
                Kind::Ping(ping) => {
                    self.pong.notify_one();
                    self.shared.board.clock(&self.site, ping.clock_us);
                }
                Kind::Chunk(chunk) => {
                    self.chunks.fetch_add(1, Ordering::Relaxed);
                    self.pong.notify_one();
                    match parcels.take(chunk) {
                        Ok(Some(content)) => {
                            if let Err(ended) = self.deliver(content, &mut state).await {
                                return ended;
                            }
                        }
                        Ok(None) => {}
                        Err(garbage) => return Ended::garbage(&garbage),
                    }
                }
                Kind::Pong(_) => {}
                Kind::Hello(_) | Kind::Welcome(_) | Kind::Goodbye(_) => return Ended::ours("a greeting out of place"),
            }
        }
    }

    async fn deliver(&self, content: Inbound, state: &mut Option<Arc<SiteState>>) -> Result<(), Ended> {
        match content {
            Inbound::Message(message) => self.pass_on(message).await?,
            Inbound::State(told) => {
                // A difference to nothing is one to an empty state; an honest site begins with all.
                let next = Arc::new(told.apply(state.as_deref().unwrap_or(&SiteState::default())));
                *state = Some(Arc::clone(&next));
                self.shared.board.told(&self.site, next);
            }
            Inbound::Request { id, body } => self.answer(id, body),
            Inbound::Response { .. } => {
                return Err(Ended::ours("what came belongs on the link of the other direction"));
            }
        }
        Ok(())
    }

    async fn pass_on(&self, message: Message) -> Result<(), Ended> {
        let room = timeout(ROOM_WITHIN.min(self.keep_alive / 4), self.shared.incoming.reserve()).await;
        match room {
            Ok(Ok(room)) => room.send((self.site.clone(), message)),
            Ok(Err(_)) => return Err(self.shared.stopping()),
            Err(_) => self.shared.board.dropped(&self.site),
        }
        Ok(())
    }

    /// Asks the handler, in a task that outlives the link: what was begun is not cut off halfway.
    fn answer(&self, id: u64, body: Bytes) {
        let answers = self.answers.clone();
        let Ok(permit) = Arc::clone(&self.answering).try_acquire_owned() else {
            // An honest site does not ask for more than it has room for.
            answers.try_send((id, Err("too many requests at once".to_owned()))).unwrap_or_default();
            return;
        };
        let (handler, site) = (Arc::clone(&self.shared.handler), self.site.clone());
        self.shared.tasks.spawn(async move {
            let answer = match timeout(FORWARD_WITHIN, handler.answer(&site, body.into())).await {
                Err(_) => Err(format!("no answer within {} s", FORWARD_WITHIN.as_secs())),
                Ok(Ok(answer)) if answer.len() > REQUEST_BYTES_MAX => {
                    Err(format!("the answer has {} bytes, more than {REQUEST_BYTES_MAX}", answer.len()))
                }
                Ok(answer) => answer.map(Bytes::from),
            };
            drop(permit);
            answers.send((id, answer)).await.unwrap_or_default();
        });
    }

    /// Pongs first; answers that are large go in turns.
    async fn reply(&self, mut answered: mpsc::Receiver<Answered>, writer: &mut Writer<Tls>) -> Ended {
        let mut lanes = std::collections::VecDeque::<Encoder>::new();
        let mut parcel = 0_u64;
        loop {
            let sent = tokio::select! {
                biased;
                () = self.pong.notified() => {
                    let chunks = self.chunks.load(Ordering::Relaxed);
                    writer.send(Kind::Pong(Pong { chunks })).await
                },
                Some((id, result)) = answered.recv(), if lanes.len() < REQUESTS_MAX => {
                    lanes.push_back(Encoder::new(parcel, Outbound::Response { id, result }));
                    parcel = parcel.wrapping_add(1);
                    Ok(())
                }
                () = std::future::ready(()), if !lanes.is_empty() => next_chunk(&mut lanes, writer).await,
            };
            if let Err(ended) = sent {
                return ended;
            }
        }
    }
}

async fn next_chunk(lanes: &mut std::collections::VecDeque<Encoder>, writer: &mut Writer<Tls>) -> Result<(), Ended> {
    let Some(mut lane) = lanes.pop_front() else { return Ok(()) };
    let chunk = lane.chunk().unwrap_or_else(|_| lane.broken());
    if !chunk.last {
        lanes.push_back(lane);
    }
    writer.send(Kind::Chunk(chunk)).await
}
