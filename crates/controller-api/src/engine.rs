//! The port to the service engine: what the API asks it, and what it last said.

use async_trait::async_trait;
use se_protocol::{
    Reports,
    explain::{DnsExplanation, DnsQuestion},
    logs::{EngineLogs, LogQuery},
};

/// What the API needs of a service engine; the app wires it.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// The last report of each engine that is connected.
    fn reports(&self) -> Reports;

    /// What the engine would answer now, and why.
    async fn explain_dns(&self, question: DnsQuestion) -> Result<DnsExplanation, ExplainError>;

    /// What each engine logged; of one that is away the outcome says so. Nothing where there is no engine.
    async fn logs(&self, _query: LogQuery) -> Vec<EngineLogs> {
        Vec::new()
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
    fn reports(&self) -> Reports {
        Reports::default()
    }

    async fn explain_dns(&self, _question: DnsQuestion) -> Result<DnsExplanation, ExplainError> {
        Err(ExplainError::Unavailable("none is connected to this controller".into()))
    }
}
