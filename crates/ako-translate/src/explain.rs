//! Why something is as it is, and what changed, in words for the person at the terminal.

use std::collections::BTreeMap;

use crate::desired::{Desired, HttpRule, Object, ObjectType, Pool, Role, Server, Spec, UnitName};
use crate::left_out::{LeftOut, Source};
use crate::{Outcome, Site};

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeReason {
    /// What it concerns.
    pub unit: UnitName,
    /// What changed: `server 10.1.1.5:8080 joined the pool of Ingress default/shop, path /`.
    pub text: String,
}

/// What became of a Kubernetes object: one line for each host that it serves, and for each thing that is left out.
/// Empty when it is not known or nothing is made for its kind.
#[must_use]
pub fn explain(outcome: &Outcome, object: &Source) -> Vec<String> {
    let mut lines = match object {
        Source::Ingress(name) => outcome.ingresses.get(name).into_iter().flatten().map(|served| {
            let names = &outcome.desired.site.names;
            let secure = if is_secure(&outcome.desired, &served.tenant, &served.host) {
                "port 443, and port 80 redirects to it"
            } else {
                "port 80, and port 443 without a certificate of its own"
            };
            format!(
                "{} is served by virtual service {} of parent {} (shard {} of {}, by a hash of the host) in tenant {}: \
                 {secure}",
                served.host,
                names.host(&served.host),
                names.parent(served.shard),
                served.shard,
                outcome.desired.site.settings.shards,
                served.tenant
            )
        })
        .collect(),
        Source::Service(name) => outcome.services.get(name).into_iter().map(|served| {
            let fqdn = served.fqdn.as_deref().unwrap_or("no name");
            format!("virtual service {} in tenant {}, {fqdn}", served.name, served.tenant)
        })
        .collect(),
        Source::Node(_) => Vec::new(),
    };
    lines.extend(outcome.left_out.iter().filter(|left_out| left_out.object == *object).map(described));
    lines
}

/// Explains the difference between two translations, unit by unit. Empty when nothing changed.
#[must_use]
pub fn explain_change(old: &Outcome, new: &Outcome) -> Vec<ChangeReason> {
    let mut reasons = Vec::new();
    for unit in new.desired.changed_units(&old.desired) {
        let before = old.desired.units.get(&unit).map(|objects| objects.as_slice());
        let after = new.desired.units.get(&unit).map(|objects| objects.as_slice());
        let lines = match (before, after) {
            (None, Some(_)) => vec![format!("{unit} added{}", by(new, &unit))],
            (Some(_), None) => vec![format!("{unit} removed{}", why_gone(old, new, &unit))],
            (Some(before), Some(after)) => changes(before, after, &new.desired.site),
            (None, None) => Vec::new(),
        };
        reasons.extend(lines.into_iter().map(|text| ChangeReason { unit: unit.clone(), text }));
    }
    reasons
}

fn is_secure(desired: &Desired, tenant: &str, host: &str) -> bool {
    let unit = desired.units.get(&UnitName::Host { tenant: tenant.to_owned(), host: host.to_owned() });
    let redirects = |object: &Object| match &object.spec {
        Spec::HttpPolicySet(set) => set.rules.iter().any(|rule| matches!(rule, HttpRule::RedirectToHttps { .. })),
        _ => false,
    };
    unit.is_some_and(|objects| objects.iter().any(redirects))
}

fn described(left_out: &LeftOut) -> String {
    match (&left_out.host, &left_out.path) {
        (Some(host), path) => format!("{host}{}: {}", path.as_deref().unwrap_or_default(), left_out.reason),
        (None, _) => left_out.reason.to_string(),
    }
}

/// Ingresses that a host is for.
fn by(outcome: &Outcome, unit: &UnitName) -> String {
    let UnitName::Host { tenant, host } = unit else { return String::new() };
    let serves = |served: &&crate::Served| served.host == *host && served.tenant == *tenant;
    let ingresses = outcome.ingresses.iter().filter(|(_, hosts)| hosts.iter().any(|served| serves(&served)));
    let names: Vec<String> = ingresses.map(|(name, _)| name.to_string()).collect();
    format!(", of Ingress {}", names.join(", "))
}

fn why_gone(old: &Outcome, new: &Outcome, unit: &UnitName) -> String {
    let left_out = |object: &Source, host: Option<&str>| {
        let concerns = |left_out: &&LeftOut| {
            left_out.object == *object && (left_out.host.is_none() || left_out.host.as_deref() == host)
        };
        new.left_out.iter().find(concerns).map(|left_out| format!(": {}, {}", object, left_out.reason))
    };
    match unit {
        UnitName::Service { service, .. } => left_out(&Source::Service(service.clone()), None)
            .unwrap_or_else(|| ": it is gone, or of another type".to_owned()),
        UnitName::Host { host, tenant } => {
            let served = |hosts: &[crate::Served]| hosts.iter().any(|of| of.host == *host && of.tenant == *tenant);
            let ingresses = || old.ingresses.iter().filter(|(_, hosts)| served(hosts)).map(|(name, _)| name);
            let why = ingresses().find_map(|name| left_out(&Source::Ingress(name.clone()), Some(host)));
            why.unwrap_or_else(|| {
                let names: Vec<String> = ingresses().map(ToString::to_string).collect();
                format!(": Ingress {} does not ask for it any more", names.join(", "))
            })
        }
        UnitName::Parent { .. } | UnitName::DefaultCertificate { .. } => ": no host needs it".to_owned(),
    }
}

fn changes(before: &[Object], after: &[Object], site: &Site) -> Vec<String> {
    let by_key = |objects: &'_ [Object]| -> BTreeMap<_, _> {
        objects.iter().map(|object| (object.key.clone(), object.clone())).collect()
    };
    let (before, after) = (by_key(before), by_key(after));
    let mut lines = Vec::new();
    for (key, old) in &before {
        match after.get(key) {
            None if key.kind == ObjectType::Pool => lines.push(format!("{} removed", spoken(old))),
            None if key.kind == ObjectType::SslKeyAndCertificate => lines.push("certificate removed".to_owned()),
            Some(new) if old != new => lines.extend(change(old, new)),
            _ => {}
        }
    }
    for (key, new) in &after {
        if !before.contains_key(key) {
            match key.kind {
                ObjectType::Pool => lines.push(format!("{} added", spoken(new))),
                ObjectType::SslKeyAndCertificate => lines.push("certificate added".to_owned()),
                _ => {}
            }
        }
    }
    if lines.is_empty() {
        lines.push(format!("settings of {} changed", site.settings.cluster));
    }
    lines
}

fn change(old: &Object, new: &Object) -> Vec<String> {
    match (&old.spec, &new.spec) {
        (Spec::Pool(before), Spec::Pool(after)) => servers(before, after, &spoken(new)),
        (Spec::VsVip(before), Spec::VsVip(after)) => {
            let added = after.fqdns.iter().filter(|fqdn| !before.fqdns.contains(fqdn));
            let removed = before.fqdns.iter().filter(|fqdn| !after.fqdns.contains(fqdn));
            let added = added.map(|fqdn| format!("name {fqdn} added"));
            added.chain(removed.map(|fqdn| format!("name {fqdn} removed"))).collect()
        }
        (Spec::Certificate(_), Spec::Certificate(_)) => vec!["certificate replaced".to_owned()],
        (Spec::HttpPolicySet(_), Spec::HttpPolicySet(_)) => vec!["rules changed".to_owned()],
        (Spec::VirtualService(before), Spec::VirtualService(after)) => match (&before.role, &after.role) {
            (Role::Parent { certificates: a }, Role::Parent { certificates: b }) if a != b => {
                vec!["certificates of its hosts changed".to_owned()]
            }
            (Role::Child { policies: a, .. }, Role::Child { policies: b, .. }) if a != b => {
                vec!["policies changed".to_owned()]
            }
            (a, b) if a != b => vec!["ports or profile changed".to_owned()],
            _ => vec!["Ingresses that share it changed".to_owned()],
        },
        _ => vec![format!("{} changed", new.key.name)],
    }
}

fn servers(before: &Pool, after: &Pool, pool: &str) -> Vec<String> {
    let named = |server: &Server| format!("{}:{}", server.address, server.port);
    let find = |pool: &'_ Pool, server: &Server| {
        pool.servers.iter().find(|of| (of.address, of.port) == (server.address, server.port)).cloned()
    };
    let mut lines = Vec::new();
    for server in &before.servers {
        match find(after, server) {
            None => lines.push(format!("server {} left {pool}", named(server))),
            Some(now) if now.enabled != server.enabled => {
                let what = if now.enabled { "is ready" } else { "is not ready, or about to go" };
                lines.push(format!("server {} of {pool} {what}", named(server)));
            }
            Some(_) => {}
        }
    }
    let joined = after.servers.iter().filter(|server| find(before, server).is_none());
    lines.extend(joined.map(|server| format!("server {} joined {pool}", named(server))));
    lines
}

/// The pool in words.
fn spoken(pool: &Object) -> String {
    let Spec::Pool(spec) = &pool.spec else { return pool.key.name.clone() };
    match (&spec.metadata.ingress, pool.markers.port) {
        (Some(ingress), _) => {
            let path = pool.markers.paths.first().map_or("no path", String::as_str);
            format!("the pool of Ingress {ingress}, {path}")
        }
        (None, Some(port)) => format!("the pool of port {port}"),
        (None, None) => format!("pool {}", pool.key.name),
    }
}
