//! Reports on their way: what changed since the last one of the connection, closed by a last part.
//!
//! Services are in the order of their uuids at the other end, as they are in a snapshot.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::{
    DnsServiceState, GslbServiceState, HttpPoolState, HttpServiceState, Report, pack,
    wire::{self, ConvertError, ReportPart},
};

/// The messages that turn `base` into `to`, in chunks; there is always one.
#[must_use]
pub fn parts(base: Option<&Report>, to: &Report) -> Vec<ReportPart> {
    let nothing = Report {
        version: to.version.clone(),
        dns_services: Vec::new(),
        gslb_services: Vec::new(),
        http_services: Vec::new(),
        http_pools: Vec::new(),
    };
    let base = base.unwrap_or(&nothing);
    let (dns, dns_gone) =
        changes(base.dns_services.iter().collect(), to.dns_services.iter().collect(), |service| &service.uuid);
    let (gslb, gslb_gone) = shared_changes(&base.gslb_services, &to.gslb_services, |service| &service.uuid);
    let (http, http_gone) = shared_changes(&base.http_services, &to.http_services, |service| &service.uuid);
    let (pools, pools_gone) = shared_changes(&base.http_pools, &to.http_pools, |pool| &pool.uuid);
    let mut parts = Parts::default();
    parts.add(dns, |part, some| part.dns_services = some);
    parts.add(gslb, |part, some| part.gslb_services = some);
    parts.add(http, |part, some| part.http_services = some);
    parts.add(pools, |part, some| part.http_pools = some);
    parts.add(dns_gone, |part, some| part.dns_services_gone = some);
    parts.add(gslb_gone, |part, some| part.gslb_services_gone = some);
    parts.add(http_gone, |part, some| part.http_services_gone = some);
    parts.add(pools_gone, |part, some| part.http_pools_gone = some);
    parts.0.push(ReportPart { version: Some((&to.version).into()), last: true, ..Default::default() });
    parts.0
}

#[derive(Default)]
struct Parts(Vec<ReportPart>);

impl Parts {
    /// As many parts as `items` need; `set` puts some of them into one.
    fn add<T: prost::Message>(&mut self, items: Vec<T>, set: impl Fn(&mut ReportPart, Vec<T>)) {
        for some in pack(items) {
            let mut part = ReportPart::default();
            set(&mut part, some);
            self.0.push(part);
        }
    }
}

/// [`changes`] of lists whose unchanged entries are shared.
fn shared_changes<'a, T: PartialEq, M: From<&'a T>>(
    base: &'a [Arc<T>],
    to: &'a [Arc<T>],
    uuid: impl Fn(&'a T) -> &'a String,
) -> (Vec<M>, Vec<String>) {
    // Most are the same, at the same place.
    let is_same = |place: usize| match (base.get(place), to.get(place)) {
        (Some(before), Some(now)) => Arc::ptr_eq(before, now),
        _ => false,
    };
    let others = |entries: &'a [Arc<T>]| {
        entries.iter().enumerate().filter(|(place, _)| !is_same(*place)).map(|(_, entry)| &**entry).collect()
    };
    changes(others(base), others(to), uuid)
}

/// What is new or different, and the uuids of what is gone.
fn changes<'a, T: PartialEq, M: From<&'a T>>(
    base: Vec<&'a T>,
    to: Vec<&'a T>,
    uuid: impl Fn(&'a T) -> &'a String,
) -> (Vec<M>, Vec<String>) {
    let known: HashMap<&String, &T> = base.into_iter().map(|entry| (uuid(entry), entry)).collect();
    let mut gone = known.clone();
    let mut changed = Vec::new();
    for entry in to {
        gone.remove(uuid(entry));
        if known.get(uuid(entry)) != Some(&entry) {
            changed.push(M::from(entry));
        }
    }
    (changed, gone.into_keys().cloned().collect())
}

/// Puts the parts together; half of a report never shows.
#[derive(Debug, Default)]
pub struct ReportAssembler {
    dns_services: BTreeMap<String, DnsServiceState>,
    gslb_services: BTreeMap<String, Arc<GslbServiceState>>,
    http_services: BTreeMap<String, Arc<HttpServiceState>>,
    http_pools: BTreeMap<String, Arc<HttpPoolState>>,
}

impl ReportAssembler {
    /// Takes a part; `Some` when it was the last.
    ///
    /// # Errors
    /// When the message is malformed.
    pub fn take(&mut self, part: ReportPart) -> Result<Option<Report>, ConvertError> {
        let ReportPart {
            version,
            dns_services,
            gslb_services,
            http_services,
            http_pools,
            dns_services_gone,
            gslb_services_gone,
            http_services_gone,
            http_pools_gone,
            last,
        } = part;
        for service in dns_services {
            self.dns_services.insert(service.uuid.clone(), service.try_into()?);
        }
        for service in gslb_services {
            self.gslb_services.insert(service.uuid.clone(), Arc::new(service.try_into()?));
        }
        for service in http_services {
            self.http_services.insert(service.uuid.clone(), Arc::new(service.try_into()?));
        }
        for pool in http_pools {
            self.http_pools.insert(pool.uuid.clone(), Arc::new(pool.try_into()?));
        }
        remove(&mut self.dns_services, dns_services_gone);
        remove(&mut self.gslb_services, gslb_services_gone);
        remove(&mut self.http_services, http_services_gone);
        remove(&mut self.http_pools, http_pools_gone);
        if !last {
            return Ok(None);
        }
        Ok(Some(Report {
            version: wire::version(version)?,
            dns_services: self.dns_services.values().cloned().collect(),
            gslb_services: self.gslb_services.values().cloned().collect(),
            http_services: self.http_services.values().cloned().collect(),
            http_pools: self.http_pools.values().cloned().collect(),
        }))
    }
}

fn remove<T>(entries: &mut BTreeMap<String, T>, gone: Vec<String>) {
    for uuid in gone {
        entries.remove(&uuid);
    }
}

#[cfg(test)]
mod tests;
