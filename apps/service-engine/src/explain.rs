//! Explanations from the views that answer.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use dns_answer::{Knowledge, View};
use se_protocol::explain::{DnsExplanation, DnsQuestion};
use se_protocol::{Report, Snapshot, State, ToldStates};
use tokio::sync::watch;

use crate::run::word;

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

/// Holds what an explanation is made from: the views in force, and for the reasons of health the last report, what the
/// controller told, and what people call the virtual services.
#[derive(Debug, Clone)]
pub(crate) struct Explainer {
    pub(crate) views: Arc<ArcSwap<Vec<Arc<View>>>>,
    pub(crate) reports: watch::Receiver<Option<Arc<Report>>>,
    pub(crate) told: watch::Receiver<ToldStates>,
    pub(crate) snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
}

/// The books at one moment.
struct Books {
    report: Option<Arc<Report>>,
    told: ToldStates,
    snapshot: Option<Arc<Snapshot>>,
}

impl Explainer {
    /// Asks the DNS virtual service whose zone it is, else the first one; every one on this engine has the same GSLB
    /// services and health.
    pub(crate) fn explain(&self, question: &DnsQuestion) -> Result<DnsExplanation, ExplainError> {
        let views = self.views.load();
        let responsible = views.iter().find(|view| view.is_authoritative_for(&question.name));
        let view = responsible.or(views.first()).ok_or(ExplainError::NoDnsService)?;
        let books = Books {
            report: self.reports.borrow().clone(),
            told: self.told.borrow().clone(),
            snapshot: self.snapshots.borrow().clone(),
        };
        Ok(dns_answer::explain(view, question, &books)?)
    }
}

impl Knowledge for Books {
    fn of_member(&self, service: &str, pool: &str, ip: IpAddr) -> Option<String> {
        let service = self.report.as_ref()?.gslb_services.iter().find(|known| known.uuid == service)?;
        let pool = service.pools.iter().find(|known| known.name == pool)?;
        pool.members.iter().find(|member| member.ip == ip).map(|member| member.reason.clone())
    }

    fn of_virtual_service(&self, uuid: &str) -> Option<String> {
        let snapshot = self.snapshot.as_ref()?;
        let services = &snapshot.http.services;
        let parents = services.iter().map(|service| &service.host);
        let hosts = parents.chain(services.iter().flat_map(|service| &service.children).map(|child| &child.host));
        let name = hosts.into_iter().find(|host| host.uuid == uuid).map(|host| format!("{} ({uuid})", host.name));
        let name = name.unwrap_or_else(|| uuid.to_owned());
        let own = self.report.iter().flat_map(|report| &report.http_services).find(|known| known.uuid == uuid);
        Some(match own.filter(|own| own.state != State::Unknown) {
            Some(own) if own.reason.is_empty() => format!("{name} is {}", word(own.state)),
            Some(own) => format!("{name} is {}, {}", word(own.state), own.reason),
            None => match self.told.get(&snapshot.cluster_uuid, uuid) {
                State::Unknown if self.told.is_complete => format!("{name} is unknown, no engine tells of it"),
                State::Unknown => format!("{name} is not known yet"),
                state => format!("{name} is {}, says the controller", word(state)),
            },
        })
    }
}
