//! What one DNS virtual service knows, compiled for lookup by the lower-cased wire form of a name.

use std::collections::HashMap;
use std::sync::Arc;

use dns_wire::{Name, OwnedName, Soa};
use gslb::Service;
use model::DomainName;
use model::dns::{DnsVirtualService, ErrorResponse, Zone as ZoneModel};
use model::gslb::GslbService;
use rustc_hash::FxBuildHasher;

use crate::policy::Rule;

/// Names, zones and profile of one DNS virtual service. Immutable; a change of configuration makes a new one.
#[derive(Debug)]
pub struct Table {
    /// Object uuid of the virtual service.
    pub uuid: String,
    /// Object name of the virtual service.
    pub name: String,
    pub(crate) profile: Profile,
    pub(crate) services: Vec<Arc<Service>>,
    names: Arc<Names>,
    /// What it was compiled over.
    configs: Vec<Arc<GslbService>>,
}

/// What the names are. Shared with the next table when all that changes is how services are answered.
#[derive(Debug)]
struct Names {
    zones: Vec<Zone>,
    nodes: HashMap<Box<[u8]>, Node, FxBuildHasher>,
    /// Places of the table's services among those it was compiled from.
    served: Vec<usize>,
    problems: Vec<TableProblem>,
    pub(crate) rules: Box<[Rule]>,
    pub(crate) topology: Box<[Rule]>,
    /// What they were made from.
    virtual_service: DnsVirtualService,
    gslb_domains: Vec<DomainName>,
}

/// The parts of the DNS profile that an answer needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile {
    pub(crate) num_dns_ip: u8,
    pub(crate) ttl: u32,
    pub(crate) on_error: ErrorResponse,
    pub(crate) aaaa_empty_response: bool,
    pub(crate) edns: bool,
}

/// A zone the service is authoritative for.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) apex: OwnedName,
    pub(crate) soa: Soa,
    /// Time to live of the SOA record, and its minimum (RFC 2308 §3).
    pub(crate) negative_ttl: u32,
}

/// What is known of one name.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Node {
    /// Index of the GSLB service with exactly this name.
    pub(crate) service: Option<u32>,
    /// Index of the GSLB service that answers every name below this one.
    pub(crate) below: Option<u32>,
    /// Index of the zone whose apex this is.
    pub(crate) apex: Option<u32>,
}

/// What a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameKind {
    /// A GSLB service answers it; whether through a wildcard.
    Service { index: u32, by_wildcard: bool },
    /// The apex of a zone.
    Apex,
    /// It has no records of its own, but names below it exist (RFC 8020 §2, RFC 4592 §2.2.2).
    EmptyNonTerminal,
    /// It does not exist.
    Absent,
}

/// A name, zone or SOA field that cannot be used, and is left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("DNS virtual service {virtual_service}: {what}")]
pub struct TableProblem {
    /// Object name of the virtual service.
    pub virtual_service: String,
    /// What is left out, and why.
    pub what: String,
}

impl Table {
    /// Compiles `virtual_service` over the `services` it may serve: pairs of configuration and compiled service.
    /// Disabled services and names outside its GSLB sub-domains are left out. The names of `previous` are taken over
    /// when they are the same; the result does not depend on it.
    #[must_use]
    pub fn compile(
        virtual_service: &DnsVirtualService,
        gslb_domains: &[DomainName],
        services: &[(&Arc<GslbService>, &Arc<Service>)],
        previous: Option<&Table>,
    ) -> (Self, Vec<TableProblem>) {
        let names = match previous.filter(|known| known.has_names_of(virtual_service, gslb_domains, services)) {
            Some(known) => Arc::clone(&known.names),
            None => Arc::new(Names::compile(virtual_service, gslb_domains, services)),
        };
        let served = names.served.iter().filter_map(|place| services.get(*place));
        let table = Self {
            uuid: virtual_service.uuid.clone(),
            name: virtual_service.name.clone(),
            profile: Profile {
                num_dns_ip: virtual_service.profile.num_dns_ip,
                ttl: virtual_service.profile.ttl.get(),
                on_error: virtual_service.profile.on_error,
                aaaa_empty_response: virtual_service.profile.aaaa_empty_response,
                edns: virtual_service.profile.edns,
            },
            services: served.map(|(_, compiled)| Arc::clone(compiled)).collect(),
            names,
            configs: services.iter().map(|(service, _)| Arc::clone(service)).collect(),
        };
        let problems = table.names.problems.clone();
        (table, problems)
    }

    /// Whether the same names would be compiled from this.
    fn has_names_of(
        &self,
        virtual_service: &DnsVirtualService,
        gslb_domains: &[DomainName],
        services: &[(&Arc<GslbService>, &Arc<Service>)],
    ) -> bool {
        let has_same_names = |one: &GslbService, other: &GslbService| {
            (one.enabled, one.wildcard_match) == (other.enabled, other.wildcard_match)
                && one.domain_names == other.domain_names
        };
        self.names.virtual_service == *virtual_service
            && self.names.gslb_domains == gslb_domains
            && self.configs.len() == services.len()
            && (self.configs.iter().zip(services))
                .all(|(known, (service, _))| Arc::ptr_eq(known, service) || has_same_names(known, service))
    }

    /// Looks up a name in lower case.
    pub(crate) fn find(&self, qname: Name<'_>) -> NameKind {
        match self.names.nodes.get(qname.as_wire()) {
            Some(Node { service: Some(index), .. }) => NameKind::Service { index: *index, by_wildcard: false },
            Some(Node { apex: Some(_), .. }) => NameKind::Apex,
            Some(_) => NameKind::EmptyNonTerminal,
            None => match qname.suffixes().skip(1).find_map(|suffix| self.names.nodes.get(suffix.as_wire())?.below) {
                Some(index) => NameKind::Service { index, by_wildcard: true },
                None => NameKind::Absent,
            },
        }
    }

    /// Rules that come before the answer.
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.names.rules
    }

    /// Rules that say which sites answer, where a service asks for that.
    pub(crate) fn topology(&self) -> &[Rule] {
        &self.names.topology
    }

    /// The longest zone that holds the name.
    pub(crate) fn zone_of(&self, qname: Name<'_>) -> Option<&Zone> {
        self.names.zone_of(qname)
    }
}

impl Names {
    fn compile(
        virtual_service: &DnsVirtualService,
        gslb_domains: &[DomainName],
        services: &[(&Arc<GslbService>, &Arc<Service>)],
    ) -> Self {
        let mut names = Self {
            zones: Vec::new(),
            nodes: HashMap::default(),
            served: Vec::new(),
            problems: Vec::new(),
            rules: virtual_service.rules.iter().map(Rule::compile).collect(),
            topology: virtual_service.topology.iter().map(Rule::compile).collect(),
            virtual_service: virtual_service.clone(),
            gslb_domains: gslb_domains.to_vec(),
        };
        let served = virtual_service.gslb_domains.as_deref().unwrap_or_default();
        let mut zones = virtual_service.profile.zones.clone();
        for domain in gslb_domains.iter().filter(|domain| served.contains(domain)) {
            if !zones.iter().any(|zone| domain.is_within(&zone.apex)) {
                let zone = ZoneModel { apex: domain.clone(), name_server: None, admin_email: "hostmaster".into() };
                zones.push(zone);
            }
        }
        for zone in &zones {
            let added = names.add_zone(zone, virtual_service.profile.negative_ttl.get());
            names.tell(added);
        }
        for (place, (service, _)) in services.iter().enumerate().filter(|(_, (service, _))| service.enabled) {
            let answered: Vec<&DomainName> =
                service.domain_names.iter().filter(|name| served.iter().any(|domain| name.is_within(domain))).collect();
            if answered.is_empty() {
                continue;
            }
            let index = u32::try_from(names.served.len()).unwrap_or(u32::MAX);
            names.served.push(place);
            for name in answered {
                let added = names.add_service(name, index, service.wildcard_match);
                names.tell(added);
            }
        }
        names
    }

    fn tell(&mut self, added: Result<(), String>) {
        if let Err(what) = added {
            self.problems.push(TableProblem { virtual_service: self.virtual_service.name.clone(), what });
        }
    }

    fn zone_of(&self, qname: Name<'_>) -> Option<&Zone> {
        let index = qname.suffixes().find_map(|suffix| self.nodes.get(suffix.as_wire())?.apex)?;
        self.zones.get(index as usize)
    }

    fn add_zone(&mut self, zone: &ZoneModel, negative_ttl: u32) -> Result<(), String> {
        let rname = zone.rname().map_err(|error| format!("zone {} is left out: admin_email: {error}", zone.apex))?;
        let wire = |name: &DomainName| {
            OwnedName::from_text(name.as_str()).map_err(|error| format!("zone {} is left out: {error}", zone.apex))
        };
        let apex = wire(&zone.apex)?;
        let mname = wire(zone.name_server.as_ref().unwrap_or(&zone.apex))?;
        let rname = wire(&rname)?;
        let index = u32::try_from(self.zones.len()).unwrap_or(u32::MAX);
        let node = self.nodes.entry(apex.as_wire().into()).or_default();
        if node.apex.is_some() {
            return Err(format!("zone {} is configured twice, the first one counts", zone.apex));
        }
        node.apex = Some(index);
        // Serial and timers as avi-api 4.6 has them.
        let soa = Soa { mname, rname, serial: 1, refresh: 10_800, retry: 3_600, expire: 86_400, minimum: negative_ttl };
        self.zones.push(Zone { apex, soa, negative_ttl });
        Ok(())
    }

    fn add_service(&mut self, name: &DomainName, index: u32, wildcard: bool) -> Result<(), String> {
        let wire = OwnedName::from_text(name.as_str()).map_err(|error| format!("name {name} is left out: {error}"))?;
        let node = self.nodes.entry(wire.as_wire().into()).or_default();
        if node.service.is_some() {
            return Err(format!("name {name} belongs to two GSLB services, the first one answers"));
        }
        node.service = Some(index);
        if wildcard {
            node.below = Some(index);
        }
        self.add_empty_non_terminals(wire.as_name());
        Ok(())
    }

    /// Names between `name` and its zone's apex exist, though they have no records.
    fn add_empty_non_terminals(&mut self, name: Name<'_>) {
        let Some(apex_length) = self.zone_of(name).map(|zone| zone.apex.as_wire().len()) else {
            return;
        };
        for suffix in name.suffixes().skip(1).take_while(|suffix| suffix.as_wire().len() > apex_length) {
            self.nodes.entry(suffix.as_wire().into()).or_default();
        }
    }
}

#[cfg(test)]
mod tests;
