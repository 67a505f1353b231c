//! The life of one connection, seen from the engine.
//!
//! Reader and writer run side by side: what arrives goes into force at its commit, and is answered; what the engine has
//! to tell leaves when there is room, the newest report only.

use std::{sync::Arc, time::Duration};

use rcgen::KeyPair;
use se_protocol::{
    MemberStates, Report, ToldStates,
    logs::{self, LogQuery, LogRefusal},
    member_states::MemberStatesAssembler,
    report_delta,
    transfer::{Assembler, Part},
    wire::{
        Applied, CertificateIssued, CertificateRequest, ConvertError, ExplainAnswer, ExplainRequest, FromController,
        FromEngine, Hello, LogRequest, Refused, from_controller, from_engine,
    },
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::{Answers, ClientConfig, Explain, Identity, LinkState, SearchLogs, Shared, alert::Alert, dial};
use crate::{
    certificate::{chain, fingerprint, request},
    clock::wall_now,
    generated::link_client::LinkClient,
};

/// Messages on their way to the controller; when full, the writer waits and the next report is a newer one.
const OUTBOUND_MAX: usize = 4;
/// Parts of found logs that wait for the writer, of up to 1 MiB each; when full, the search that found them waits.
const LOG_PARTS_MAX: usize = 2;
/// Searches for logs at a time; one more is refused.
const LOG_SEARCHES_MAX: usize = 4;
/// Answers that wait for the writer; when full, the reader waits.
const REPLIES_MAX: usize = 64;
/// Shortest time from one report to the next: what changes meanwhile leaves as one.
const REPORT_SPACING: Duration = Duration::from_millis(50);
/// Shortest time from one request for a certificate to the next, and how often its end is looked at.
const RENEW_SPACING: Duration = Duration::from_secs(3_600);
/// Longest wait for the controller to take a message.
const SEND_WITHIN: Duration = Duration::from_secs(60);
/// Longest wait for the controller to open the stream.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// How a connection ended.
pub(super) struct End {
    pub(super) reason: String,
    /// Whether it was one: the next attempt need not wait long.
    pub(super) was_good: bool,
}

impl End {
    pub(super) fn failed(reason: String) -> Self {
        Self { reason, was_good: false }
    }
}

/// Connects, and serves until something ends it.
pub(super) async fn run(
    config: &ClientConfig,
    identity: &Arc<Identity>,
    controller: &str,
    shared: &Shared,
    reports: watch::Receiver<Option<Arc<Report>>>,
    answers: &Answers,
) -> End {
    let (outbound, messages) = mpsc::channel(OUTBOUND_MAX);
    let assembler = Assembler::new(shared.stamped.borrow().clone());
    let hello = Hello {
        name: identity.name.clone(),
        software: config.software.clone(),
        running: assembler.current().map(|stamped| (&stamped.stamp()).into()),
    };
    outbound.try_send(message(from_engine::Message::Hello(hello))).unwrap_or_default();
    let alert = Alert::default();
    let inbound = match open(identity, controller, messages, &alert).await {
        Ok(inbound) => inbound,
        Err(reason) => return End::failed(reason),
    };
    let (replies, ready) = mpsc::channel(REPLIES_MAX);
    let (found, parts) = mpsc::channel(LOG_PARTS_MAX);
    let (certificates, issued) = mpsc::channel(1);
    let logs = LogSearches { search: Arc::clone(&answers.logs), found, running: JoinSet::new() };
    let explain = &answers.explain;
    let engine = Arc::from(identity.engine_uuid.as_str());
    let reader =
        Reader { controller, engine, shared, explain, logs, assembler, replies, certificates, alert, was_good: false };
    let writer = Writer { config, identity: Arc::clone(identity), outbound, pending: None };
    tokio::select! {
        end = reader.run(inbound, config.member_states_kept) => end,
        reason = writer.run(reports, ready, issued, parts) => End { reason, was_good: true },
    }
}

async fn open(
    identity: &Identity,
    controller: &str,
    messages: mpsc::Receiver<FromEngine>,
    alert: &Alert,
) -> Result<Streaming<FromController>, String> {
    let words = |error: &dial::DialError| alert.words().map_or_else(|| chain(error), str::to_owned);
    let tls = dial::as_engine(identity).map_err(|error| chain(&error))?;
    let channel = dial::dial(controller, tls, alert).await.map_err(|error| words(&error))?;
    let mut client = LinkClient::new(channel);
    match tokio::time::timeout(OPEN_WITHIN, client.connect(ReceiverStream::new(messages))).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(status_words(&status, alert)),
        Err(_) => Err(format!("{controller} did not open the stream within 10 s")),
    }
}

/// What a status says: the controller's own words, or what broke the connection.
fn status_words(status: &tonic::Status, alert: &Alert) -> String {
    match alert.words() {
        Some(words) => words.to_owned(),
        None => crate::certificate::words(status),
    }
}

fn message(message: from_engine::Message) -> FromEngine {
    FromEngine { message: Some(message) }
}

struct Reader<'a> {
    controller: &'a str,
    /// Uuid of this engine.
    engine: Arc<str>,
    shared: &'a Shared,
    explain: &'a Explain,
    logs: LogSearches,
    assembler: Assembler,
    replies: mpsc::Sender<from_engine::Message>,
    certificates: mpsc::Sender<CertificateIssued>,
    alert: Alert,
    was_good: bool,
}

impl Reader<'_> {
    /// `learning`: how long the controller may take to learn the states of virtual services.
    async fn run(mut self, mut inbound: Streaming<FromController>, learning: Duration) -> End {
        let mut states = MemberStatesAssembler::default();
        let mut learnt = std::pin::pin!(tokio::time::sleep(learning));
        let mut is_complete = false;
        // What the controller told, where voices of sites that it has not heard again yet are kept beside it.
        let mut told: Option<Arc<MemberStates>> = None;
        loop {
            let message = tokio::select! {
                message = inbound.message() => message,
                () = &mut learnt, if !is_complete => {
                    is_complete = true;
                    let told = told.take();
                    self.shared.member_states.send_modify(|known| {
                        known.is_complete = true;
                        known.states = told.unwrap_or_else(|| Arc::clone(&known.states));
                    });
                    continue;
                }
            };
            let message = match message {
                Ok(Some(message)) => message.message,
                Ok(None) => return self.end("the controller ended the stream".into()),
                Err(status) => return self.end(status_words(&status, &self.alert)),
            };
            // The first message shows that the controller took this engine in; a stream alone does not.
            if !self.was_good {
                self.was_good = true;
                tracing::info!(controller = self.controller, "connected to the controller");
                let controller = self.controller.to_owned();
                self.shared.state.send_replace(LinkState::Connected { controller });
            }
            match message {
                Some(from_controller::Message::Begin(begin)) => self.take(Part::Begin(begin)).await,
                Some(from_controller::Message::Chunk(chunk)) => self.take(Part::Chunk(chunk)).await,
                Some(from_controller::Message::Commit(commit)) => self.take(Part::Commit(commit)).await,
                Some(from_controller::Message::MemberStates(part)) => match states.take(part) {
                    Ok(None) => {}
                    Ok(Some(states)) => {
                        let mut states = Arc::new(states);
                        if !is_complete {
                            told = Some(Arc::clone(&states));
                            let before = Arc::clone(&self.shared.member_states.borrow().states);
                            Arc::make_mut(&mut states).keep_voices(&before);
                        }
                        let engine = Some(Arc::clone(&self.engine));
                        self.shared.member_states.send_replace(ToldStates { states, is_complete, engine });
                    }
                    Err(error) => return self.end(format!("the controller sent malformed states: {error}")),
                },
                Some(from_controller::Message::ExplainRequest(request)) => self.answer(request).await,
                Some(from_controller::Message::LogRequest(request)) => self.logs.begin(request),
                Some(from_controller::Message::CertificateIssued(issued)) => {
                    // One that was not asked for is of no use.
                    self.certificates.try_send(issued).unwrap_or_default();
                }
                // Of a newer controller.
                None => {}
            }
        }
    }

    fn end(&self, reason: String) -> End {
        End { reason, was_good: self.was_good }
    }

    async fn take(&mut self, part: Part) {
        let offered = match &part {
            Part::Commit(commit) => commit.stamp.as_ref().and_then(|stamp| stamp.version.clone()),
            Part::Begin(_) | Part::Chunk(_) => None,
        };
        let before = self.assembler.current().map(|current| current.version().clone());
        match self.assembler.take(part) {
            Ok(None) => {}
            Ok(Some(stamped)) => {
                let version = stamped.version();
                if before.is_some_and(|before| before.incarnation != version.incarnation) {
                    tracing::info!(
                        revision = %version,
                        reason = "the controller has another object store than before",
                        "snapshot replaced as a whole"
                    );
                }
                let stamp = stamped.stamp();
                self.shared.snapshots.send_replace(Some(Arc::clone(stamped.snapshot())));
                self.shared.stamped.send_replace(Some(stamped));
                self.reply(from_engine::Message::Applied(Applied { stamp: Some((&stamp).into()) })).await;
            }
            Err(refusal) => {
                let reason = chain(&refusal);
                tracing::warn!(reason, "snapshot refused, the one before stays");
                self.reply(from_engine::Message::Refused(Refused { version: offered, reason })).await;
            }
        }
    }

    async fn answer(&self, ExplainRequest { id, question }: ExplainRequest) {
        let question = question.map(se_protocol::explain::DnsQuestion::try_from);
        let outcome = match question {
            Some(Ok(question)) => (self.explain)(&question),
            Some(Err(error)) => Err(se_protocol::explain::ExplainRefusal::Question(error.to_string())),
            None => Err(se_protocol::explain::ExplainRefusal::Question("there is no question".into())),
        };
        let answer = ExplainAnswer { id, outcome: Some((&outcome).into()) };
        self.reply(from_engine::Message::ExplainAnswer(answer)).await;
    }

    async fn reply(&self, message: from_engine::Message) {
        // The writer is gone only together with this reader.
        self.replies.send(message).await.unwrap_or_default();
    }
}

/// Searches for logs, beside everything else; they end with the connection.
struct LogSearches {
    search: SearchLogs,
    found: mpsc::Sender<from_engine::Message>,
    running: JoinSet<()>,
}

impl LogSearches {
    fn begin(&mut self, LogRequest { id, query }: LogRequest) {
        while self.running.try_join_next().is_some() {}
        let is_busy = self.running.len() >= LOG_SEARCHES_MAX;
        let (search, found) = (Arc::clone(&self.search), self.found.clone());
        // One that is refused waits for the writer too, so these are bounded as well.
        if self.running.len() >= 2 * LOG_SEARCHES_MAX {
            return;
        }
        self.running.spawn(async move {
            let query = query.ok_or(ConvertError::Missing("query")).and_then(LogQuery::try_from);
            let outcome = match query {
                _ if is_busy => Err(LogRefusal("it is busy with other searches: try again".to_owned())),
                Ok(query) => tokio::task::spawn_blocking(move || search(&query))
                    .await
                    .unwrap_or_else(|_| Err(LogRefusal("the search ended badly".to_owned()))),
                Err(error) => Err(LogRefusal(error.to_string())),
            };
            for part in logs::parts(id, outcome) {
                if found.send(from_engine::Message::LogPart(part)).await.is_err() {
                    return;
                }
            }
        });
    }
}

struct Writer<'a> {
    config: &'a ClientConfig,
    identity: Arc<Identity>,
    outbound: mpsc::Sender<FromEngine>,
    /// Key of the certificate that was asked for.
    pending: Option<KeyPair>,
}

impl Writer<'_> {
    /// Sends until the connection is lost; says why it ended.
    async fn run(
        mut self,
        mut reports: watch::Receiver<Option<Arc<Report>>>,
        mut answers: mpsc::Receiver<from_engine::Message>,
        mut issued: mpsc::Receiver<CertificateIssued>,
        mut log_parts: mpsc::Receiver<from_engine::Message>,
    ) -> String {
        reports.mark_changed();
        let mut reported: Option<Arc<Report>> = None;
        let mut next_report = Instant::now();
        let mut next_renewal = Instant::now();
        loop {
            let sent = tokio::select! {
                // Verdicts and explanations are waited for.
                biased;
                Some(reply) = answers.recv() => self.send(reply).await,
                Some(issued) = issued.recv() => {
                    self.adopt(issued).await;
                    Ok(())
                }
                () = sleep_until(next_renewal) => {
                    next_renewal = Instant::now() + RENEW_SPACING;
                    self.renew().await
                }
                Ok(()) = changed_after(&mut reports, next_report) => {
                    next_report = Instant::now() + REPORT_SPACING;
                    let newest = reports.borrow_and_update().clone();
                    match newest {
                        Some(newest) => {
                            let sent = self.report(reported.as_deref(), &newest).await;
                            reported = Some(newest);
                            sent
                        }
                        None => Ok(()),
                    }
                }
                // Last: many logs must not hold up anything else.
                Some(part) = log_parts.recv() => self.send(part).await,
            };
            if let Err(reason) = sent {
                return reason;
            }
        }
    }

    async fn report(&self, base: Option<&Report>, report: &Report) -> Result<(), String> {
        for part in report_delta::parts(base, report) {
            self.send(from_engine::Message::Report(part)).await?;
        }
        Ok(())
    }

    async fn renew(&mut self) -> Result<(), String> {
        let now = wall_now();
        let remaining = self.identity.not_after().duration_since(now).unwrap_or_default();
        if remaining > self.config.renew_before {
            return Ok(());
        }
        match request(&self.identity.name) {
            Ok((key, certificate_request)) => {
                self.pending = Some(key);
                let certificate_request = certificate_request.into();
                self.send(from_engine::Message::CertificateRequest(CertificateRequest { certificate_request })).await
            }
            Err(error) => {
                tracing::error!(reason = %error, "no key for a new certificate could be made");
                Ok(())
            }
        }
    }

    /// Keeps the new certificate; the next connection uses it.
    async fn adopt(&mut self, issued: CertificateIssued) {
        let Some(key) = self.pending.take() else { return };
        let same_authority = fingerprint(&issued.authority) == fingerprint(&self.identity.authority);
        let renewed = Identity::new(
            self.identity.name.clone(),
            self.identity.controllers.clone(),
            issued.certificate.to_vec(),
            key.serialize_der(),
            issued.authority.to_vec(),
        )
        .filter(|renewed| same_authority && renewed.engine_uuid == self.identity.engine_uuid)
        .map(|renewed| renewed.got_with(&self.identity.token_id));
        let Some(renewed) = renewed.map(Arc::new) else {
            tracing::warn!("the controller sent a certificate that is not for this engine; the old one stays");
            return;
        };
        let (dir, keep) = (self.config.dir.clone(), Arc::clone(&renewed));
        match tokio::task::spawn_blocking(move || keep.save(&dir)).await {
            Ok(Ok(())) => {
                tracing::info!("certificate renewed");
                self.identity = renewed;
            }
            Ok(Err(error)) => tracing::warn!(reason = chain(&error), "new certificate not kept"),
            Err(error) => tracing::error!(reason = %error, "keeping the new certificate ended badly"),
        }
    }

    async fn send(&self, content: from_engine::Message) -> Result<(), String> {
        match tokio::time::timeout(SEND_WITHIN, self.outbound.send(message(content))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err("the connection was lost".into()),
            Err(_) => Err("the controller takes no messages".into()),
        }
    }
}

/// A new report, not before `earliest`. An engine that reports no more is waited for in vain.
async fn changed_after(
    reports: &mut watch::Receiver<Option<Arc<Report>>>,
    earliest: Instant,
) -> Result<(), watch::error::RecvError> {
    sleep_until(earliest).await;
    reports.changed().await
}
