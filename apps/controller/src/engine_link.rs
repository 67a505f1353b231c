//! The engine that runs in this process, as the API sees it.

use std::sync::Arc;

use async_trait::async_trait;
use controller_api::{Engine, ExplainError};
use parking_lot::RwLock;
use se_protocol::{
    Report,
    explain::{DnsExplanation, DnsQuestion},
};
use tokio::sync::watch;

/// What an engine would answer to a question, and why.
pub type Explain = Arc<dyn Fn(&DnsQuestion) -> Result<DnsExplanation, ExplainError> + Send + Sync>;

/// What an engine gives its controller.
#[derive(Clone)]
pub struct EngineLink {
    /// Its reports, latest wins.
    pub reports: watch::Receiver<Option<Arc<Report>>>,
    /// What it would answer, and why; must be quick.
    pub explain: Explain,
}

/// The place where an engine is plugged in, after the controller started.
#[derive(Default)]
pub(crate) struct EngineSocket(RwLock<Option<EngineLink>>);

impl EngineSocket {
    /// Connects an engine in place of any before it.
    pub(crate) fn connect(&self, link: EngineLink) {
        *self.0.write() = Some(link);
    }
}

#[async_trait]
impl Engine for EngineSocket {
    fn report(&self) -> Option<Arc<Report>> {
        self.0.read().as_ref()?.reports.borrow().clone()
    }

    async fn explain_dns(&self, question: DnsQuestion) -> Result<DnsExplanation, ExplainError> {
        let explain = self.0.read().as_ref().map(|link| link.explain.clone());
        match explain {
            Some(explain) => explain(&question),
            None => Err(ExplainError::Unavailable("none is connected to this controller".into())),
        }
    }
}
