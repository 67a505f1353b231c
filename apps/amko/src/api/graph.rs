//! Services as they should be (amko 8.1, 5.1).

use std::collections::BTreeMap;

use amko_translate::{
    Candidate, DownResponse, GslbService, HealthMonitor, Member, MemberKind, MonitorPolicy, MonitorRefs, ObjectName,
    ObjectRef, Outcome, Policy, PoolAlgorithm, Probe, Traffic, VsRef, effective,
};
use serde_json::{Value, json};

use super::{Picture, records};

/// Tries that a service has left; here they never run out (amko 1.5).
const RETRIES: u32 = 5;

/// All models, or the one of a name; `null` where there is none. The tenant is the default one where none is given.
pub(super) fn models(picture: &Picture, name: Option<&str>, tenant: Option<&str>) -> Value {
    let Some(outcome) = &picture.outcome else {
        return if name.is_some() { Value::Null } else { json!([]) };
    };
    let candidates: BTreeMap<&ObjectRef, &Candidate> =
        outcome.selection.accepted.iter().map(|candidate| (&candidate.object, candidate)).collect();
    let monitors = monitors(outcome);
    let model = |service: &GslbService| {
        let monitors = monitors.get(&service.name).map_or(&[][..], Vec::as_slice);
        model(outcome, service, &candidates, monitors)
    };
    let Some(name) = name else { return outcome.desired.services.values().map(model).collect() };
    let default = picture.config.as_ref().map_or("admin", |config| config.tenant.as_str());
    let key = ObjectName { tenant: tenant.unwrap_or(default).to_owned(), name: name.to_owned() };
    outcome.desired.services.get(&key).map_or(Value::Null, model)
}

/// Generated monitors by service.
fn monitors(outcome: &Outcome) -> BTreeMap<ObjectName, Vec<&HealthMonitor>> {
    let mut monitors: BTreeMap<ObjectName, Vec<&HealthMonitor>> = BTreeMap::new();
    for monitor in outcome.desired.monitors.values() {
        let service = ObjectName { tenant: monitor.name.tenant.clone(), name: monitor.service.clone() };
        monitors.entry(service).or_default().push(monitor);
    }
    monitors
}

fn model(
    outcome: &Outcome,
    service: &GslbService,
    candidates: &BTreeMap<&ObjectRef, &Candidate>,
    monitors: &[&HealthMonitor],
) -> Value {
    let policy = outcome.policy.as_ref().map(|policy| effective(policy, outcome.rules.get(&service.name)));
    let policy = policy.as_deref();
    let objects = service.objects.iter().map(|object| {
        let candidate = candidates.get(object).copied();
        let address = candidate.map(|candidate| candidate.address);
        let shares = |(_, member): &(u32, &Member)| Some(member.address) == address;
        let found = service.members().find(|(_, m)| m.object == *object).or_else(|| service.members().find(shares));
        member(service, policy, object, candidate, found)
    });
    let outside = service.members().filter(|(_, member)| member.object.kind == MemberKind::ThirdParty);
    let outside = outside.map(|found| member(service, policy, &found.1.object, None, Some(found)));
    let refs = match &service.monitors {
        MonitorRefs::Explicit(names) => names.as_slice(),
        MonitorRefs::None | MonitorRefs::Generated(_) => &[],
    };
    let template = policy.and_then(|policy| match &policy.monitors {
        MonitorPolicy::Template(template) => Some(template.name.as_str()),
        MonitorPolicy::Generated | MonitorPolicy::Refs(_) => None,
    });
    let persistence = service.persistence.as_ref();
    let mut model = json!({
        "Name": service.name.name,
        "Tenant": service.name.tenant,
        "DomainNames": service.domain_names,
        "MemberObjs": objects.chain(outside).collect::<Vec<_>>(),
        "RetryCount": RETRIES,
        "Hm": monitor(monitors),
        "HmRefs": refs,
        "HmTemplate": template,
        "SitePersistenceRef": persistence.map(|persistence| &persistence.profile),
        "PkiProfileRef": persistence.and_then(|persistence| persistence.pki_profile.as_ref()),
        "TTL": service.ttl,
        "GslbPoolAlgorithm": algorithm(service.algorithm),
        "GslbDownResponse": service.down_response.map(down_response),
        "ControlPlaneHmOnly": service.monitors == MonitorRefs::None,
    });
    model["GraphChecksum"] = service.checksum().into();
    model["Lock"] = json!({});
    model
}

/// One object behind a service, or a member outside of clusters.
fn member(
    service: &GslbService,
    policy: Option<&Policy>,
    object: &ObjectRef,
    candidate: Option<&Candidate>,
    found: Option<(u32, &Member)>,
) -> Value {
    let vip_only = policy.and_then(|policy| policy.clusters.get(&object.cluster)).copied().unwrap_or_default();
    let identifiers = match (candidate, found) {
        _ if vip_only => None,
        (Some(candidate), _) => candidate.identifiers.clone(),
        (None, Some((_, Member { vs: Some(VsRef::Known(identifiers)), .. }))) => Some(identifiers.clone()),
        (None, _) => None,
    };
    let address = candidate.map(|candidate| candidate.address).or(found.map(|(_, member)| member.address));
    let (port, protocol, tls, paths) = match candidate.map(|candidate| &candidate.traffic) {
        Some(Traffic::Paths { paths, tls }) => (0, "", *tls, paths.as_slice()),
        Some(Traffic::Port { port, protocol }) => (*port, records::protocol(*protocol), false, &[][..]),
        Some(Traffic::Passthrough) => (443, "TCP", false, &[][..]),
        None => (0, "", false, &[][..]),
    };
    json!({
        "Cluster": object.cluster,
        "ObjType": if object.kind == MemberKind::ThirdParty { "ThirdPartyMember" } else { object.kind.word() },
        "Name": records::name(object),
        "Namespace": object.namespace,
        "IPAddr": address.map(|address| address.to_string()),
        "Weight": found.map(|(_, member)| member.ratio),
        "Priority": found.map(|(priority, _)| priority),
        "IsPassthrough": candidate.is_some_and(|candidate| candidate.traffic == Traffic::Passthrough),
        "PublicIP": found.and_then(|(_, member)| member.public_ip).map_or_else(String::new, |ip| ip.to_string()),
        "Port": port,
        "Proto": protocol,
        "TLS": tls,
        "Paths": paths,
        "VirtualServiceUUID": identifiers.as_ref().map_or("", |it| it.vs_uuid.as_str()),
        "ControllerUUID": identifiers.as_ref().map_or("", |it| it.cluster_uuid.as_str()),
        "SyncVIPOnly": vip_only,
        "Tenant": service.name.tenant,
    })
}

/// The generated monitors of a service, as one.
fn monitor(monitors: &[&HealthMonitor]) -> Value {
    let empty = json!({"Name": "", "HMProtocol": "", "Port": 0, "Type": "", "PathHM": []});
    let Some(first) = monitors.first() else { return empty };
    match &first.probe {
        Probe::Http { tls, .. } => {
            let paths = monitors.iter().map(|monitor| {
                let Probe::Http { request, .. } = &monitor.probe else { return Value::Null };
                let path = request.split_whitespace().nth(1).unwrap_or_default();
                json!({"Name": monitor.name.name, "IngressProtocol": if *tls { "https" } else { "http" }, "Path": path})
            });
            json!({
                "Name": "",
                "HMProtocol": first.kind(),
                "Port": if *tls { 443 } else { 80 },
                "Type": "PathHM",
                "PathHM": paths.collect::<Vec<_>>(),
            })
        }
        Probe::Port { port, .. } => json!({
            "Name": first.name.name,
            "HMProtocol": first.kind(),
            "Port": port,
            "Type": "NonPathHM",
            "PathHM": [],
        }),
    }
}

/// With the names of the custom resource (amko 2.4).
pub(super) fn algorithm(algorithm: PoolAlgorithm) -> Value {
    let name = algorithm.name();
    match algorithm {
        PoolAlgorithm::RoundRobin | PoolAlgorithm::Topology => json!({"lbAlgorithm": name}),
        PoolAlgorithm::ConsistentHash { mask } => json!({"lbAlgorithm": name, "hashMask": mask}),
        PoolAlgorithm::Geo { fallback_mask: None } => {
            json!({"lbAlgorithm": name, "geoFallback": {"lbAlgorithm": PoolAlgorithm::RoundRobin.name()}})
        }
        PoolAlgorithm::Geo { fallback_mask: Some(mask) } => {
            let fallback = PoolAlgorithm::ConsistentHash { mask };
            json!({"lbAlgorithm": name, "geoFallback": {"lbAlgorithm": fallback.name(), "hashMask": mask}})
        }
    }
}

/// With the names of the custom resource (amko 2.5).
pub(super) fn down_response(response: DownResponse) -> Value {
    match response {
        DownResponse::FallbackIp(address) => json!({"type": response.name(), "fallbackIP": address.to_string()}),
        DownResponse::None | DownResponse::AllRecords | DownResponse::Empty => json!({"type": response.name()}),
    }
}
