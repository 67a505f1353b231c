//! Explanations from the views that answer.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use dns_answer::View;
use se_protocol::Report;
use se_protocol::explain::{DnsExplanation, DnsQuestion};
use tokio::sync::watch;

/// An explanation that could not be given.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// Nothing answers.
    #[error("no DNS virtual service runs on this engine")]
    NoDnsService,
    /// The question makes no sense.
    #[error(transparent)]
    Question(#[from] dns_answer::ExplainError),
}

/// Holds what an explanation is made from: the views in force, and the last report for the reasons of health.
#[derive(Debug, Clone)]
pub(crate) struct Explainer {
    views: Arc<ArcSwap<Vec<Arc<View>>>>,
    reports: watch::Receiver<Option<Arc<Report>>>,
}

impl Explainer {
    pub(crate) fn new(views: Arc<ArcSwap<Vec<Arc<View>>>>, reports: watch::Receiver<Option<Arc<Report>>>) -> Self {
        Self { views, reports }
    }

    /// Asks the first DNS virtual service; every one on this engine has the same GSLB services and health.
    pub(crate) fn explain(&self, question: &DnsQuestion) -> Result<DnsExplanation, ExplainError> {
        let views = self.views.load();
        let view = views.first().ok_or(ExplainError::NoDnsService)?;
        let report = self.reports.borrow().clone();
        let health_of = |service: &str, pool: &str, ip: IpAddr| health_reason(report.as_deref()?, service, pool, ip);
        Ok(dns_answer::explain(view, question, health_of)?)
    }
}

fn health_reason(report: &Report, service: &str, pool: &str, ip: IpAddr) -> Option<String> {
    let service = report.gslb_services.iter().find(|known| known.uuid == service)?;
    let pool = service.pools.iter().find(|known| known.name == pool)?;
    pool.members.iter().find(|member| member.ip == ip).map(|member| member.reason.clone())
}
