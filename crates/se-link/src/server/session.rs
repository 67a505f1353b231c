//! The life of one connected engine, seen from the controller.
//!
//! Two halves run side by side: the reader never waits for the writer, so an engine that does not read cannot make both
//! ends wait for each other. One transfer is on its way at a time; when the engine has answered, the next one goes from
//! there to whatever is newest then.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use model::Version;
use parking_lot::Mutex;
use se_protocol::{
    MemberStates, Stamp, Stamped,
    explain::{DnsExplanation, ExplainRefusal},
    logs::{LogAssembler, LogPage, LogRefusal},
    report_delta::ReportAssembler,
    transfer::{self, Part},
    wire::{self, CertificateIssued, ConvertError, FromController, FromEngine, Hello, from_controller, from_engine},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::{
    Authority, EngineStatus,
    engines::{Ask, Place, Registry},
};
use crate::clock::wall_now;

/// Longest wait for an engine's first message.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// Longest wait for an engine to take a message, or to say whether a snapshot is in force.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Answers of the engine that the writer has not seen. One transfer is open at a time, so more is a mistake.
const VERDICTS_MAX: usize = 4;
/// Answers to questions that an engine owes; the registry lets no more wait, but some may be given up by their askers.
const OWED_MAX: usize = 64;

/// What an engine gets.
#[derive(Clone)]
pub(super) struct Feeds {
    /// Of its group.
    pub(super) stamped: watch::Receiver<Option<Arc<Stamped>>>,
    pub(super) member_states: watch::Receiver<Arc<MemberStates>>,
}

pub(super) struct Session {
    pub(super) uuid: String,
    pub(super) group: String,
    pub(super) address: SocketAddr,
    pub(super) authority: Arc<Authority>,
    pub(super) registry: Arc<Registry>,
    pub(super) feeds: Feeds,
    pub(super) certificate_lifetime: Duration,
    pub(super) stop: CancellationToken,
}

type Outbound = mpsc::Sender<Result<FromController, Status>>;
type Owed = Mutex<HashMap<u64, Debt>>;

/// An answer that an engine owes.
enum Debt {
    Explanation(oneshot::Sender<Result<DnsExplanation, ExplainRefusal>>),
    Logs(oneshot::Sender<Result<LogPage, LogRefusal>>, LogAssembler),
}

impl Debt {
    fn is_given_up(&self) -> bool {
        match self {
            Self::Explanation(asker) => asker.is_closed(),
            Self::Logs(asker, _) => asker.is_closed(),
        }
    }
}

/// What the engine said of a transfer.
enum Verdict {
    Applied(Stamp),
    Refused { version: Version, reason: String },
}

/// What the engine is known to run.
enum Base {
    /// Something that cannot be built upon.
    Unknown,
    /// What it said when it connected.
    Told(Stamp),
    Known(Arc<Stamped>),
}

pub(super) fn revoked() -> Status {
    Status::permission_denied("this engine was revoked; to come back it has to join with a new token")
}

impl Session {
    pub(super) async fn run(self, mut inbound: Streaming<FromEngine>, outbound: Outbound) {
        let hello = match timeout(HELLO_WITHIN, inbound.message()).await {
            Ok(Ok(Some(FromEngine { message: Some(from_engine::Message::Hello(hello)) }))) => hello,
            // It went away, or is no engine.
            Ok(Ok(_) | Err(_)) | Err(_) => return,
        };
        let running = hello.running.clone().and_then(|stamp| Stamp::try_from(stamp).ok());
        let mut place = self.registry.enter(EngineStatus {
            uuid: self.uuid.clone(),
            name: hello.name.clone(),
            group: self.group.clone(),
            software: hello.software.clone(),
            address: Some(self.address),
            connected: true,
            running: running.as_ref().map(|stamp| stamp.version.clone()),
            refusal: None,
            report: None,
        });
        let Hello { name, software, .. } = hello;
        let group = &self.group;
        tracing::info!(engine = self.uuid, name, group, software, client = %self.address, "engine connected");
        let end = self.serve(&mut place, inbound, &outbound, running).await;
        tracing::info!(engine = self.uuid, name, reason = end.message(), "engine disconnected");
        // It may not be there to hear it.
        outbound.try_send(Err(end)).unwrap_or_default();
    }

    /// Runs until something ends it; says what.
    async fn serve(
        &self,
        place: &mut Place,
        inbound: Streaming<FromEngine>,
        outbound: &Outbound,
        running: Option<Stamp>,
    ) -> Status {
        let (verdicts, heard) = mpsc::channel(VERDICTS_MAX);
        let (certificates, issued) = mpsc::channel(1);
        let owed = Owed::default();
        let (_, no_asks) = mpsc::channel(1);
        let asks = std::mem::replace(&mut place.asks, no_asks);
        let place = &*place;
        let reader = self.read(inbound, place, verdicts, certificates, &owed);
        let writer = Writer {
            session: self,
            place,
            outbound,
            feeds: self.feeds.clone(),
            base: running.map_or(Base::Unknown, Base::Told),
            open: None,
            states: MemberStates::default(),
            owed: &owed,
            questions: 0,
        };
        let mut revoked_list = self.authority.revoked();
        tokio::select! {
            end = reader => end,
            end = writer.run(heard, issued, asks) => end,
            _ = revoked_list.wait_for(|list| list.contains(&self.uuid)) => revoked(),
            () = place.replaced.cancelled() => Status::aborted("the engine connected again"),
            () = self.stop.cancelled() => Status::unavailable("the controller is stopping"),
        }
    }

    async fn read(
        &self,
        mut inbound: Streaming<FromEngine>,
        place: &Place,
        verdicts: mpsc::Sender<Verdict>,
        certificates: mpsc::Sender<CertificateIssued>,
        owed: &Owed,
    ) -> Status {
        let mut reports = ReportAssembler::default();
        loop {
            let message = match inbound.message().await {
                Ok(Some(message)) => message.message,
                Ok(None) => return Status::ok("the engine ended the stream"),
                Err(status) => return Status::aborted(crate::certificate::words(&status)),
            };
            let taken = match message {
                Some(from_engine::Message::Applied(applied)) => {
                    applied_stamp(applied).and_then(|stamp| pass(&verdicts, Verdict::Applied(stamp)))
                }
                Some(from_engine::Message::Refused(wire::Refused { version, reason })) => {
                    let version = version.map_or_else(unknown_version, Version::from);
                    pass(&verdicts, Verdict::Refused { version, reason })
                }
                Some(from_engine::Message::Report(part)) => reports.take(part).map_err(malformed).map(|report| {
                    if let Some(report) = report {
                        place.update(|engine| engine.report = Some(Arc::new(report)));
                    }
                }),
                Some(from_engine::Message::ExplainAnswer(answer)) => settle(owed, answer),
                Some(from_engine::Message::LogPart(part)) => {
                    gather(owed, part);
                    Ok(())
                }
                Some(from_engine::Message::CertificateRequest(request)) => self.renew(&request, &certificates),
                Some(from_engine::Message::Hello(_)) => Err(Status::invalid_argument("a second hello")),
                // Of a newer engine.
                None => Ok(()),
            };
            if let Err(status) = taken {
                return status;
            }
        }
    }

    fn renew(
        &self,
        request: &wire::CertificateRequest,
        certificates: &mpsc::Sender<CertificateIssued>,
    ) -> Result<(), Status> {
        let certificate = self
            .authority
            .issue(&self.uuid, &request.certificate_request, self.certificate_lifetime, wall_now())
            .map_err(|error| Status::invalid_argument(format!("the certificate request is malformed: {error}")))?;
        let issued = CertificateIssued {
            certificate: certificate.to_vec().into(),
            authority: self.authority.certificate().to_vec().into(),
        };
        tracing::info!(engine = self.uuid, "engine's certificate renewed");
        // When one is on its way already, the engine asks again.
        certificates.try_send(issued).unwrap_or_default();
        Ok(())
    }
}

fn malformed(error: ConvertError) -> Status {
    Status::invalid_argument(format!("a malformed message: {error}"))
}

fn unknown_version() -> Version {
    Version { incarnation: String::new(), term: 0, revision: model::Revision(0) }
}

fn applied_stamp(applied: wire::Applied) -> Result<Stamp, Status> {
    let stamp = applied.stamp.ok_or(ConvertError::Missing("stamp")).and_then(Stamp::try_from);
    stamp.map_err(malformed)
}

fn pass(verdicts: &mpsc::Sender<Verdict>, verdict: Verdict) -> Result<(), Status> {
    verdicts.try_send(verdict).map_err(|_| Status::invalid_argument("more answers than there were snapshots"))
}

fn settle(owed: &Owed, answer: wire::ExplainAnswer) -> Result<(), Status> {
    let Some(Debt::Explanation(asker)) = owed.lock().remove(&answer.id) else { return Ok(()) };
    let outcome = answer.outcome.ok_or(ConvertError::Missing("outcome")).and_then(TryInto::try_into);
    // The asker may have given up.
    asker.send(outcome.map_err(malformed)?).unwrap_or_default();
    Ok(())
}

/// Adds a part of the logs that were asked for; those that nobody waits for any more are let go.
fn gather(owed: &Owed, part: wire::LogPart) {
    let (id, mut owed) = (part.id, owed.lock());
    let Some(Debt::Logs(asker, assembler)) = owed.get_mut(&id) else { return };
    let outcome = if asker.is_closed() { None } else { assembler.take(part) };
    let is_over = asker.is_closed() || outcome.is_some();
    if is_over
        && let Some(Debt::Logs(asker, _)) = owed.remove(&id)
        && let Some(outcome) = outcome
    {
        asker.send(outcome).unwrap_or_default();
    }
}

struct Writer<'a> {
    session: &'a Session,
    place: &'a Place,
    outbound: &'a Outbound,
    feeds: Feeds,
    base: Base,
    /// The transfer whose verdict is awaited, whether it is a delta, and until when.
    open: Option<(Arc<Stamped>, bool, Instant)>,
    states: MemberStates,
    owed: &'a Owed,
    questions: u64,
}

impl Writer<'_> {
    async fn run(
        mut self,
        mut heard: mpsc::Receiver<Verdict>,
        mut issued: mpsc::Receiver<CertificateIssued>,
        mut asks: mpsc::Receiver<Ask>,
    ) -> Status {
        self.feeds.member_states.mark_changed();
        let mut done = self.advance().await;
        while done.is_ok() {
            let deadline = self.open.as_ref().map(|(_, _, until)| *until);
            done = tokio::select! {
                Ok(()) = self.feeds.stamped.changed(), if deadline.is_none() => self.advance().await,
                Some(verdict) = heard.recv() => self.hear(verdict).await,
                Ok(()) = self.feeds.member_states.changed() => self.send_states().await,
                Some(ask) = asks.recv() => self.ask(ask).await,
                Some(certificate) = issued.recv() => {
                    self.send(from_controller::Message::CertificateIssued(certificate)).await
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    Err(Status::deadline_exceeded("the engine did not say whether the snapshot is in force"))
                }
                else => Err(Status::unavailable("the controller is stopping")),
            };
        }
        done.err().unwrap_or_else(|| Status::ok(""))
    }

    async fn advance(&mut self) -> Result<(), Status> {
        let newest = self.feeds.stamped.borrow_and_update().clone();
        match newest {
            Some(newest) => self.transfer(&newest).await,
            None => Ok(()),
        }
    }

    async fn transfer(&mut self, to: &Arc<Stamped>) -> Result<(), Status> {
        let base = self.base_for(to);
        if base.as_ref().is_some_and(|base| base.stamp() == to.stamp()) {
            self.base = Base::Known(Arc::clone(to));
            return Ok(());
        }
        let parts = transfer::parts(base.as_deref(), to);
        tracing::debug!(engine = self.session.uuid, revision = %to.version(), parts = parts.len(), delta = base.is_some(), "snapshot sent");
        for part in parts {
            self.send(match part {
                Part::Begin(begin) => from_controller::Message::Begin(begin),
                Part::Chunk(chunk) => from_controller::Message::Chunk(chunk),
                Part::Commit(commit) => from_controller::Message::Commit(commit),
            })
            .await?;
        }
        self.open = Some((Arc::clone(to), base.is_some(), Instant::now() + ANSWER_WITHIN));
        Ok(())
    }

    /// What the way to `to` can begin with: what was sent before, or what the engine said that it runs, when that has the
    /// same content; otherwise nothing, and everything is sent.
    fn base_for(&self, to: &Arc<Stamped>) -> Option<Arc<Stamped>> {
        let running = match &self.base {
            Base::Unknown => return None,
            Base::Told(stamp) => &stamp.version,
            Base::Known(base) => base.version(),
        };
        if running.incarnation != to.version().incarnation {
            tracing::info!(
                engine = self.session.uuid,
                revision = %to.version(),
                reason = "the engine runs a snapshot of another object store",
                "full snapshot sent"
            );
            return None;
        }
        match &self.base {
            Base::Known(base) => Some(Arc::clone(base)),
            Base::Told(stamp) if stamp.checksum == to.resources().checksum() => {
                Some(Arc::new(to.restamped(stamp.version.clone())))
            }
            Base::Told(_) | Base::Unknown => None,
        }
    }

    async fn hear(&mut self, verdict: Verdict) -> Result<(), Status> {
        let Some((sent, was_delta, _)) = self.open.take() else {
            return Err(Status::invalid_argument("an answer to no snapshot"));
        };
        match verdict {
            Verdict::Applied(stamp) if stamp == sent.stamp() => {
                self.place.update(|engine| {
                    engine.running = Some(stamp.version);
                    engine.refusal = None;
                });
                self.base = Base::Known(sent);
                self.catch_up().await
            }
            Verdict::Applied(stamp) => {
                Err(Status::invalid_argument(format!("the engine took {} for {}", stamp.version, sent.version())))
            }
            Verdict::Refused { version, reason } => {
                self.base = Base::Unknown;
                if was_delta {
                    tracing::debug!(engine = self.session.uuid, reason, "delta refused, sending everything");
                    return self.advance().await;
                }
                tracing::warn!(engine = self.session.uuid, revision = %version, reason, "engine refused a snapshot and goes on with its own");
                self.place.update(|engine| engine.refusal = Some(reason));
                self.catch_up().await
            }
        }
    }

    /// Goes on to what became newest meanwhile.
    async fn catch_up(&mut self) -> Result<(), Status> {
        match self.feeds.stamped.has_changed() {
            Ok(true) => self.advance().await,
            Ok(false) | Err(_) => Ok(()),
        }
    }

    async fn send_states(&mut self) -> Result<(), Status> {
        let states = Arc::clone(&self.feeds.member_states.borrow_and_update());
        for part in states.parts_since(&self.states) {
            self.send(from_controller::Message::MemberStates(part)).await?;
        }
        self.states = MemberStates::clone(&states);
        Ok(())
    }

    async fn ask(&mut self, ask: Ask) -> Result<(), Status> {
        self.questions += 1;
        let id = self.questions;
        let message = {
            let mut owed = self.owed.lock();
            owed.retain(|_, debt| !debt.is_given_up());
            if owed.len() >= OWED_MAX {
                return Ok(()); // dropping the reply tells the asker
            }
            let (debt, message) = match ask {
                Ask::Explain { question, reply } => {
                    let question = Some((&question).into());
                    let request = wire::ExplainRequest { id, question };
                    (Debt::Explanation(reply), from_controller::Message::ExplainRequest(request))
                }
                Ask::Logs { query, reply } => {
                    let request = wire::LogRequest { id, query: Some((&query).into()) };
                    (Debt::Logs(reply, LogAssembler::default()), from_controller::Message::LogRequest(request))
                }
            };
            owed.insert(id, debt);
            message
        };
        self.send(message).await
    }

    async fn send(&self, message: from_controller::Message) -> Result<(), Status> {
        let message = FromController { message: Some(message) };
        match timeout(ANSWER_WITHIN, self.outbound.send(Ok(message))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Status::aborted("the connection was lost")),
            Err(_) => Err(Status::deadline_exceeded("the engine does not read what it is sent")),
        }
    }
}
