//! Reports on their way: what changed since the last one of the connection, closed by a last part.
//!
//! Services are in the order of their uuids at the other end, as they are in a snapshot.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::{
    DnsServiceState, GslbServiceState, Report, pack,
    wire::{self, ConvertError, ReportPart},
};

/// The messages that turn `base` into `to`, in chunks; there is always one.
#[must_use]
pub fn parts(base: Option<&Report>, to: &Report) -> Vec<ReportPart> {
    let (dns_base, gslb_base) =
        base.map_or((&[][..], &[][..]), |base| (&base.dns_services[..], &base.gslb_services[..]));
    let (dns, dns_services_gone) =
        changes(dns_base.iter().collect(), to.dns_services.iter().collect(), |service| &service.uuid);
    // Most are the same, at the same place.
    let is_same = |place: usize| match (gslb_base.get(place), to.gslb_services.get(place)) {
        (Some(before), Some(now)) => Arc::ptr_eq(before, now),
        _ => false,
    };
    let (gslb, gslb_services_gone) =
        changes(others(gslb_base, is_same), others(&to.gslb_services, is_same), |service| &service.uuid);
    let mut parts: Vec<ReportPart> = Vec::new();
    for dns_services in pack(dns) {
        parts.push(ReportPart { dns_services, ..Default::default() });
    }
    for gslb_services in pack(gslb) {
        parts.push(ReportPart { gslb_services, ..Default::default() });
    }
    for dns_services_gone in pack(dns_services_gone) {
        parts.push(ReportPart { dns_services_gone, ..Default::default() });
    }
    for gslb_services_gone in pack(gslb_services_gone) {
        parts.push(ReportPart { gslb_services_gone, ..Default::default() });
    }
    parts.push(ReportPart { version: Some((&to.version).into()), last: true, ..Default::default() });
    parts
}

fn others(services: &[Arc<GslbServiceState>], is_same: impl Fn(usize) -> bool) -> Vec<&GslbServiceState> {
    services.iter().enumerate().filter(|(place, _)| !is_same(*place)).map(|(_, service)| &**service).collect()
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
}

impl ReportAssembler {
    /// Takes a part; `Some` when it was the last.
    ///
    /// # Errors
    /// When the message is malformed.
    pub fn take(&mut self, part: ReportPart) -> Result<Option<Report>, ConvertError> {
        let ReportPart { version, dns_services, gslb_services, dns_services_gone, gslb_services_gone, last } = part;
        for service in dns_services {
            self.dns_services.insert(service.uuid.clone(), service.try_into()?);
        }
        for service in gslb_services {
            self.gslb_services.insert(service.uuid.clone(), Arc::new(service.try_into()?));
        }
        for uuid in dns_services_gone {
            self.dns_services.remove(&uuid);
        }
        for uuid in gslb_services_gone {
            self.gslb_services.remove(&uuid);
        }
        if !last {
            return Ok(None);
        }
        Ok(Some(Report {
            version: wire::version(version)?,
            dns_services: self.dns_services.values().cloned().collect(),
            gslb_services: self.gslb_services.values().cloned().collect(),
            http_services: Vec::new(),
            http_pools: Vec::new(),
        }))
    }
}
