//! Engines as the API sees them: one in this process, or those that are connected to it.

use std::sync::Arc;

use async_trait::async_trait;
use controller_api::{Engine, EngineInfo, ExplainError};
use parking_lot::RwLock;
use se_link::{EngineStatus, Engines, Explainer, LogReader};
use se_protocol::{
    DEFAULT_GROUP, Report,
    explain::{DnsExplanation, DnsQuestion, ExplainRefusal},
    logs::{EngineLogs, LogPage, LogQuery, LogRefusal},
};
use tokio::sync::watch;

/// Name of an engine in the controller's own process.
const HERE: &str = "here";

/// What an engine would answer to a question, and why.
pub type Explain = Arc<dyn Fn(&DnsQuestion) -> Result<DnsExplanation, ExplainError> + Send + Sync>;

/// The logs of an engine that match a question; called on a thread that may wait.
pub type SearchLogs = Arc<dyn Fn(&LogQuery) -> Result<LogPage, LogRefusal> + Send + Sync>;

/// What an engine gives its controller.
#[derive(Clone)]
pub struct EngineLink {
    /// Its reports, latest wins.
    pub reports: watch::Receiver<Option<Arc<Report>>>,
    /// What it would answer, and why; must be quick.
    pub explain: Explain,
    /// What it logged.
    pub logs: SearchLogs,
}

/// The place where an engine is plugged in, after the controller started.
#[derive(Default)]
pub(crate) struct EngineSocket(RwLock<Plugged>);

#[derive(Default, Clone)]
enum Plugged {
    #[default]
    Nobody,
    Here(EngineLink),
    Apart(watch::Receiver<Arc<Engines>>, Explainer, LogReader),
}

impl EngineSocket {
    /// Connects an engine in place of any before it.
    pub(crate) fn connect(&self, link: EngineLink) {
        *self.0.write() = Plugged::Here(link);
    }

    /// Listens to engines of other processes.
    pub(crate) fn connect_apart(&self, engines: watch::Receiver<Arc<Engines>>, explainer: Explainer, logs: LogReader) {
        *self.0.write() = Plugged::Apart(engines, explainer, logs);
    }
}

#[async_trait]
impl Engine for EngineSocket {
    fn engines(&self) -> Vec<EngineInfo> {
        match &*self.0.read() {
            Plugged::Nobody => Vec::new(),
            Plugged::Here(link) => vec![here(link.reports.borrow().clone())],
            Plugged::Apart(engines, ..) => engines.borrow().list().map(apart).collect(),
        }
    }

    async fn explain_dns(&self, question: DnsQuestion) -> Result<DnsExplanation, ExplainError> {
        let plugged = self.0.read().clone();
        match plugged {
            Plugged::Here(link) => (link.explain)(&question),
            Plugged::Apart(_, explainer, _) => {
                explainer.explain_dns(None, question).await.map_err(|error| match error {
                    ExplainRefusal::Question(reason) => ExplainError::Question(reason),
                    ExplainRefusal::Unavailable(reason) => ExplainError::Unavailable(reason),
                })
            }
            Plugged::Nobody => Err(ExplainError::Unavailable("none is connected to this controller".into())),
        }
    }

    async fn logs(&self, query: LogQuery) -> Vec<EngineLogs> {
        let plugged = self.0.read().clone();
        match plugged {
            Plugged::Here(link) => {
                let searched = tokio::task::spawn_blocking(move || (link.logs)(&query)).await;
                let outcome = searched.unwrap_or_else(|_| Err(LogRefusal("the search ended badly".into())));
                vec![EngineLogs { engine: HERE.into(), outcome }]
            }
            Plugged::Apart(.., logs) => logs.logs(query).await,
            Plugged::Nobody => Vec::new(),
        }
    }
}

fn here(report: Option<Arc<Report>>) -> EngineInfo {
    EngineInfo {
        uuid: format!("se-{HERE}"),
        name: HERE.to_owned(),
        group: DEFAULT_GROUP.to_owned(),
        software: env!("CARGO_PKG_VERSION").to_owned(),
        address: None,
        connected: true,
        running: report.as_ref().map(|report| report.version.clone()),
        refusal: None,
        report,
    }
}

fn apart(engine: &EngineStatus) -> EngineInfo {
    EngineInfo {
        uuid: engine.uuid.clone(),
        name: engine.name.clone(),
        group: engine.group.clone(),
        software: engine.software.clone(),
        address: engine.address,
        connected: engine.connected,
        running: engine.running.clone(),
        refusal: engine.refusal.clone(),
        report: engine.report.clone(),
    }
}
