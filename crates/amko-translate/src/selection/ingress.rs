//! Ingress to records, one per host (amko 3.4).

use std::net::IpAddr;

use k8s_openapi::api::networking::v1::{Ingress, IngressRule};

use super::{Candidate, Reason, Record, Rejected, Traffic, identifiers, single_host};
use crate::ObjectRef;

const ENABLE_TLS_ANNOTATION: &str = "ako.vmware.com/enable-tls";

/// One record per entry of the status; an entry for a host that was there already is left out.
pub(super) fn records(whole: &ObjectRef, ingress: &Ingress) -> Vec<Record> {
    let entries = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let entries = entries.and_then(|balancer| balancer.ingress.as_deref()).unwrap_or_default();
    if entries.is_empty() {
        return vec![Err(Box::new(Rejected { object: whole.clone(), reason: Reason::NoStatus }))];
    }
    let mut records: Vec<Record> = Vec::new();
    for entry in entries {
        let host = entry.hostname.as_deref().filter(|host| !host.is_empty());
        let of_host = ObjectRef { host: host.map(str::to_owned), ..whole.clone() };
        let is_repeated = |record: &Record| record.as_ref().is_ok_and(|r| r.object == of_host);
        if records.iter().any(is_repeated) {
            continue;
        }
        records.push(
            record(of_host.clone(), host, entry.ip.as_deref(), ingress)
                .map_err(|reason| Box::new(Rejected { object: of_host, reason })),
        );
    }
    records
}

fn record(object: ObjectRef, host: Option<&str>, ip: Option<&str>, ingress: &Ingress) -> Result<Candidate, Reason> {
    let host = single_host(host)?;
    let address: IpAddr = ip.and_then(|ip| ip.parse().ok()).ok_or(Reason::NoAddress)?;
    let rules = ingress.spec.as_ref().and_then(|spec| spec.rules.as_deref()).unwrap_or_default();
    let rule = rules.iter().find(|rule| rule.host.as_deref() == Some(host)).ok_or_else(|| not_in_rules(rules, host))?;
    Ok(Candidate {
        object,
        host: host.to_owned(),
        address,
        tenant: String::new(),
        traffic: Traffic::Paths { paths: paths(rule), tls: has_tls(ingress, host) },
        identifiers: identifiers(&ingress.metadata, host),
        is_held: false,
    })
}

/// A wildcard can stand in a rule, but in no status: an API server refuses it there.
fn not_in_rules(rules: &[IngressRule], host: &str) -> Reason {
    let covers = |rule: &str| host.split_once('.').is_some_and(|(_, parent)| rule.strip_prefix("*.") == Some(parent));
    match rules.iter().filter_map(|rule| rule.host.as_deref()).find(|rule| covers(rule)) {
        Some(wildcard) => Reason::WildcardHost(wildcard.to_owned()),
        None => Reason::HostNotInRules(host.to_owned()),
    }
}

/// Paths of a rule, each once; type and back end do not matter.
fn paths(rule: &IngressRule) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for path in rule.http.iter().flat_map(|http| &http.paths) {
        let path = path.path.clone().filter(|path| !path.is_empty()).unwrap_or_else(|| "/".to_owned());
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        paths.push("/".to_owned());
    }
    paths
}

fn has_tls(ingress: &Ingress, host: &str) -> bool {
    let annotations = ingress.metadata.annotations.as_ref();
    let tls = ingress.spec.as_ref().and_then(|spec| spec.tls.as_deref()).unwrap_or_default();
    annotations.is_some_and(|annotations| annotations.contains_key(ENABLE_TLS_ANNOTATION))
        || tls.iter().any(|tls| tls.hosts.iter().flatten().any(|listed| listed == host))
}
