//! OpenShift Route to a record (amko 3.5).

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_crds::{Route, RouteIngress, RouteSpec};

use super::{
    CLUSTER_UUID_ANNOTATION, Candidate, Reason, Record, Rejected, TENANT_ANNOTATION, Traffic, VS_UUID_MAP_ANNOTATION,
    identifiers, identifiers_of, single_host,
};
use crate::ObjectRef;
use crate::source::Marks;

/// How the name of a router begins that is an AKO.
const AKO_ROUTER: &str = "ako-";
const PASSTHROUGH: &str = "passthrough";

/// What AKO says of a route, in the reason of a condition: the annotations that it puts on other kinds.
type Told = BTreeMap<String, String>;

pub(super) fn records(whole: &ObjectRef, route: &Route, default_domain: Option<&str>) -> Vec<Record> {
    vec![record(whole, route, default_domain).map_err(|reason| Box::new(Rejected { object: whole.clone(), reason }))]
}

fn record(object: &ObjectRef, route: &Route, default_domain: Option<&str>) -> Result<Candidate, Reason> {
    let spec = &route.spec;
    let host = host(spec, default_domain)?;
    single_host(Some(&host))?;
    let entries = route.status.as_ref().map(|status| status.ingress.as_slice()).unwrap_or_default();
    if entries.is_empty() {
        return Err(Reason::NoStatus);
    }
    let of_host = || entries.iter().filter(|entry| entry.host == host);
    let by_ako = of_host().find(|entry| entry.router_name.starts_with(AKO_ROUTER));
    let by_ako = by_ako.ok_or_else(|| Reason::NoEntryOfAko(host.clone()))?;
    let address = by_ako.conditions.iter().find_map(|condition| condition.message.parse::<IpAddr>().ok());
    let told = of_host().find_map(told);
    let told_identifiers = told
        .as_ref()
        .and_then(|told| identifiers_of(told.get(VS_UUID_MAP_ANNOTATION)?, told.get(CLUSTER_UUID_ANNOTATION)?, &host));
    Ok(Candidate {
        object: object.clone(),
        address: address.ok_or(Reason::NoAddress)?,
        tenant: told.and_then(|mut told| told.remove(TENANT_ANNOTATION)).unwrap_or_default(),
        traffic: traffic(spec),
        identifiers: told_identifiers.or_else(|| identifiers(Marks::Whole(&route.metadata), &host)),
        host,
        is_held: false,
    })
}

/// The host, or the sub-domain within the policy's domain.
fn host(spec: &RouteSpec, default_domain: Option<&str>) -> Result<String, Reason> {
    if !spec.host.is_empty() {
        return Ok(spec.host.clone());
    }
    if spec.subdomain.is_empty() {
        return Err(Reason::NoHost);
    }
    match default_domain.map(|domain| domain.strip_prefix('.').unwrap_or(domain)) {
        None | Some("") => Err(Reason::NoDefaultDomain(spec.subdomain.clone())),
        Some(domain) => Ok(format!("{}.{domain}", spec.subdomain)),
    }
}

/// The annotations in the reason of the first condition, when it is a JSON object with them.
fn told(entry: &RouteIngress) -> Option<Told> {
    let told: Told = serde_json::from_str(&entry.conditions.first()?.reason).ok()?;
    told.contains_key(VS_UUID_MAP_ANNOTATION).then_some(told)
}

fn traffic(spec: &RouteSpec) -> Traffic {
    if spec.tls.as_ref().is_some_and(|tls| tls.termination == PASSTHROUGH) {
        return Traffic::Passthrough;
    }
    let path = if spec.path.is_empty() { "/" } else { &spec.path };
    Traffic::Paths { paths: vec![path.to_owned()], tls: spec.tls.is_some() }
}
