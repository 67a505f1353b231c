//! Objects that are members, and objects that are not (amko 8.1).

use amko_translate::{Candidate, MemberKind, ObjectRef, Protocol, Reason, Traffic, records_of};
use serde_json::{Map, Value, json};

use super::{Filter, Picture};

/// What is selected.
pub(super) fn accepted(picture: &Picture, kind: MemberKind, filter: &Filter) -> Value {
    let Some(outcome) = &picture.outcome else { return json!([]) };
    let candidates = outcome.selection.accepted.iter();
    let asked = candidates.filter(|candidate| candidate.object.kind == kind && filter.takes(&candidate.object));
    asked.map(|candidate| record(picture, candidate)).collect()
}

/// What is not, each with the reason. Services that are none of load balancers are left out: they were never meant.
pub(super) fn rejected(picture: &Picture, kind: MemberKind, filter: &Filter) -> Value {
    let Some(outcome) = &picture.outcome else { return json!([]) };
    let mut listed = Vec::new();
    let of_kind = outcome.selection.rejected.iter().filter(|rejected| rejected.object.kind == kind);
    for rejected in of_kind.filter(|rejected| rejected.reason != Reason::NotLoadBalancer) {
        let records = records_of(&picture.index, &rejected.object, outcome.policy.as_ref());
        let mut of_object: Vec<_> = records
            .iter()
            .filter(|record| rejected.object.host.is_none() || record.object.host == rejected.object.host)
            .map(|candidate| (candidate.object.clone(), record(picture, candidate)))
            .collect();
        if of_object.is_empty() {
            of_object.push((rejected.object.clone(), unserved(picture, &rejected.object)));
        }
        for (object, mut body) in of_object {
            if filter.takes(&object) {
                body["Reason"] = rejected.reason.to_string().into();
                listed.push(body);
            }
        }
    }
    listed.into()
}

/// `<object>/<host>` for kinds that have one record per host.
pub(super) fn name(object: &ObjectRef) -> String {
    match &object.host {
        Some(host) => format!("{}/{host}", object.name),
        None => object.name.clone(),
    }
}

/// `TCP` or `UDP`.
pub(super) fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
    }
}

fn record(picture: &Picture, candidate: &Candidate) -> Value {
    let identifiers = candidate.identifiers.as_ref();
    let mut body = head(picture, &candidate.object);
    // The name within the cluster, where the object tells it apart from the global one.
    let host = candidate.object.host.as_deref().unwrap_or(&candidate.host);
    body.insert("Hostname".to_owned(), host.into());
    body.insert("IPAddr".to_owned(), candidate.address.to_string().into());
    body.insert("VirtualServiceUUID".to_owned(), identifiers.map_or("", |it| it.vs_uuid.as_str()).into());
    body.insert("ControllerUUID".to_owned(), identifiers.map_or("", |it| it.cluster_uuid.as_str()).into());
    body.insert("Tenant".to_owned(), candidate.tenant.as_str().into());
    let (is_passthrough, paths, tls) = match &candidate.traffic {
        Traffic::Paths { paths, tls } => (false, json!(paths), *tls),
        Traffic::Port { port, protocol: of_port } => {
            body.insert("Port".to_owned(), (*port).into());
            body.insert("Protocol".to_owned(), protocol(*of_port).into());
            (false, json!([]), false)
        }
        Traffic::Passthrough => {
            body.insert("Port".to_owned(), 443.into());
            body.insert("Protocol".to_owned(), "TCP".into());
            (true, json!([]), false)
        }
    };
    body.insert("Paths".to_owned(), paths);
    body.insert("TLS".to_owned(), tls.into());
    body.insert("Passthrough".to_owned(), is_passthrough.into());
    body.into()
}

/// An object that cannot be a member whatever the policy says.
fn unserved(picture: &Picture, object: &ObjectRef) -> Value {
    let mut body = head(picture, object);
    body.insert("Hostname".to_owned(), object.host.as_deref().unwrap_or_default().into());
    body.insert("IPAddr".to_owned(), "".into());
    body.into()
}

fn head(picture: &Picture, object: &ObjectRef) -> Map<String, Value> {
    let labels = picture.index.labels(object);
    let body = json!({
        "Cluster": object.cluster,
        "Namespace": object.namespace,
        "IngName": object.name,
        "ObjName": name(object),
        "Labels": labels,
    });
    match body {
        Value::Object(body) => body,
        _ => Map::new(),
    }
}
