//! The port to the service engines: what the API asks them, and what they last said.

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use model::Version;
use objects::Object;
use se_protocol::{
    Report, Reports,
    explain::{DnsExplanation, DnsQuestion},
    logs::{EngineLogs, LogQuery},
};

/// What the API needs of the service engines; the app wires it.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Every engine that connected since the controller started, in an order that stays.
    fn engines(&self) -> Vec<EngineInfo>;

    /// The last report of each engine that is connected.
    fn reports(&self) -> Reports {
        self.engines().into_iter().filter(|engine| engine.connected).filter_map(|engine| engine.report).collect()
    }

    /// What the engine would answer now, and why.
    async fn explain_dns(&self, question: DnsQuestion) -> Result<DnsExplanation, ExplainError>;

    /// What each engine logged; of one that is away the outcome says so. Nothing where there is no engine.
    async fn logs(&self, _query: LogQuery) -> Vec<EngineLogs> {
        Vec::new()
    }
}

/// A service engine.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineInfo {
    /// Uuid that the controller gave it, `se-…`.
    pub uuid: String,
    /// What people call it.
    pub name: String,
    /// Its service engine group, by name or uuid.
    pub group: String,
    /// Version of its software.
    pub software: String,
    /// Where it connected from; `None` for one in the controller's own process.
    pub address: Option<SocketAddr>,
    /// Whether it is connected now.
    pub connected: bool,
    /// Version of the configuration it runs, as it last said.
    pub running: Option<Version>,
    /// Why it refused the last configuration it refused; `None` once it took one.
    pub refusal: Option<String>,
    /// Its last report; of an engine that is not connected it may be out of date.
    pub report: Option<Arc<Report>>,
}

impl EngineInfo {
    /// Whether it belongs to this service engine group.
    pub(crate) fn is_in(&self, group: &Object) -> bool {
        self.group == group.name || self.group == group.uuid
    }
}

/// Why a question was not explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// The question makes no sense; the text says why and what to do.
    #[error("{0}")]
    Question(String),
    /// No engine can be asked now.
    #[error("no service engine can explain this now: {0}")]
    Unavailable(String),
}

/// Stands where no engine is connected.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEngine;

#[async_trait]
impl Engine for NoEngine {
    fn engines(&self) -> Vec<EngineInfo> {
        Vec::new()
    }

    async fn explain_dns(&self, _question: DnsQuestion) -> Result<DnsExplanation, ExplainError> {
        Err(ExplainError::Unavailable("none is connected to this controller".into()))
    }
}
