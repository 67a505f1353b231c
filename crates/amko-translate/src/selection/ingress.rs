//! Ingress to records, one per host (amko 3.4).

use std::net::IpAddr;

use k8s_crds::ObjectKey;
use k8s_openapi::api::networking::v1::{Ingress, IngressRule};

use super::{Candidate, Reason, Record, Rejected, Traffic, identifiers, single_host};
use crate::source::{IngressEntry, IngressPart, Marks, Rule, Slim, whole};
use crate::{MemberKind, ObjectRef};

pub(crate) const ENABLE_TLS_ANNOTATION: &str = "ako.vmware.com/enable-tls";

/// What is read of an Ingress beside its labels and annotations.
pub(crate) fn part(cluster: &str, key: &ObjectKey, ingress: &Ingress) -> IngressPart {
    let whole = whole(cluster, key, MemberKind::Ingress);
    let entries = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let entries = entries.and_then(|balancer| balancer.ingress.as_deref()).unwrap_or_default();
    let rules = ingress.spec.as_ref().and_then(|spec| spec.rules.as_deref()).unwrap_or_default();
    let tls = ingress.spec.as_ref().and_then(|spec| spec.tls.as_deref()).unwrap_or_default();
    IngressPart {
        entries: entries
            .iter()
            .map(|entry| {
                let host = entry.hostname.as_deref().filter(|host| !host.is_empty());
                IngressEntry { object: whole.with_host(host), ip: entry.ip.as_deref().map(Into::into) }
            })
            .collect(),
        rules: rules
            .iter()
            .map(|rule| Rule { host: rule.host.as_deref().map(Into::into), paths: paths(rule) })
            .collect(),
        tls: tls.iter().flat_map(|tls| tls.hosts.iter().flatten()).map(|host| host.as_str().into()).collect(),
    }
}

/// One record per entry of the status; an entry for a host that was there already is left out.
pub(super) fn records(whole: &ObjectRef, ingress: &Slim<IngressPart>) -> Vec<Record> {
    let entries = &ingress.part.entries;
    if entries.is_empty() {
        return vec![Err(Box::new(Rejected { object: whole.clone(), reason: Reason::NoStatus }))];
    }
    let mut records: Vec<Record> = Vec::new();
    for entry in entries {
        let of_host = entry.object.clone();
        let is_repeated = |record: &Record| record.as_ref().is_ok_and(|r| r.object == of_host);
        if records.iter().any(is_repeated) {
            continue;
        }
        records.push(
            record(of_host.clone(), entry.ip.as_deref(), ingress)
                .map_err(|reason| Box::new(Rejected { object: of_host, reason })),
        );
    }
    records
}

fn record(object: ObjectRef, ip: Option<&str>, ingress: &Slim<IngressPart>) -> Result<Candidate, Reason> {
    let host = single_host(object.host.as_deref())?.to_owned();
    let host = host.as_str();
    let address: IpAddr = ip.and_then(|ip| ip.parse().ok()).ok_or(Reason::NoAddress)?;
    let rules = &ingress.part.rules;
    let marks = Marks::Slim(&ingress.marks);
    let has_tls = marks.any_annotation(ENABLE_TLS_ANNOTATION).is_some()
        || ingress.part.tls.iter().any(|listed| **listed == *host);
    let rule = rules.iter().find(|rule| rule.host.as_deref() == Some(host)).ok_or_else(|| not_in_rules(rules, host))?;
    Ok(Candidate {
        object,
        host: host.to_owned(),
        address,
        tenant: String::new(),
        traffic: Traffic::Paths { paths: rule.paths.iter().map(ToString::to_string).collect(), tls: has_tls },
        identifiers: identifiers(marks, host),
        is_held: false,
    })
}

/// A wildcard can stand in a rule, but in no status: an API server refuses it there.
fn not_in_rules(rules: &[Rule], host: &str) -> Reason {
    let covers = |rule: &str| host.split_once('.').is_some_and(|(_, parent)| rule.strip_prefix("*.") == Some(parent));
    match rules.iter().filter_map(|rule| rule.host.as_deref()).find(|rule| covers(rule)) {
        Some(wildcard) => Reason::WildcardHost(wildcard.to_owned()),
        None => Reason::HostNotInRules(host.to_owned()),
    }
}

/// Paths of a rule, each once; type and back end do not matter.
fn paths(rule: &IngressRule) -> Box<[Box<str>]> {
    let mut paths: Vec<Box<str>> = Vec::new();
    for path in rule.http.iter().flat_map(|http| &http.paths) {
        let path = path.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
        if !paths.iter().any(|known| **known == *path) {
            paths.push(path.into());
        }
    }
    if paths.is_empty() {
        paths.push("/".into());
    }
    paths.into()
}
