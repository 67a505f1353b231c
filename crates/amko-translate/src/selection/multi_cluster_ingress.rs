//! MultiClusterIngress to a record (amko 3.1).

use std::net::IpAddr;

use k8s_crds::{AddressEntry, MultiClusterIngress};

use super::{Candidate, Reason, Record, Rejected, Traffic, identifiers, single_host};
use crate::ObjectRef;
use crate::source::Marks;

/// One record, of the first entry of the status: an object has one host.
pub(super) fn records(whole: &ObjectRef, ingress: &MultiClusterIngress) -> Vec<Record> {
    let entry = ingress.status.as_ref().and_then(|status| status.load_balancer.ingress.first());
    let host = entry.and_then(|entry| entry.hostname.as_deref()).filter(|host| !host.is_empty());
    let object = whole.with_host(host);
    let record = match entry {
        None => Err(Reason::NoStatus),
        Some(entry) => record(object.clone(), entry, ingress),
    };
    vec![record.map_err(|reason| Box::new(Rejected { object, reason }))]
}

fn record(object: ObjectRef, entry: &AddressEntry, ingress: &MultiClusterIngress) -> Result<Candidate, Reason> {
    let host = single_host(object.host.as_deref())?.to_owned();
    let address: IpAddr = entry.ip.as_deref().and_then(|ip| ip.parse().ok()).ok_or(Reason::NoAddress)?;
    Ok(Candidate {
        object,
        identifiers: identifiers(Marks::Whole(&ingress.metadata), &host),
        host,
        address,
        tenant: String::new(),
        traffic: Traffic::Paths { paths: paths(ingress), tls: has_tls(ingress) },
        is_held: false,
    })
}

/// Paths of the back ends, each once.
fn paths(ingress: &MultiClusterIngress) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for backend in &ingress.spec.config {
        let path = backend.path.clone().filter(|path| !path.is_empty()).unwrap_or_else(|| "/".to_owned());
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        paths.push("/".to_owned());
    }
    paths
}

fn has_tls(ingress: &MultiClusterIngress) -> bool {
    ingress.spec.secret_name.as_deref().is_some_and(|name| !name.is_empty())
}
