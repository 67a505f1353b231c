//! From a name and a type to what is to be answered: the decision, before it becomes bytes or words.
//!
//! ```text
//! rules of DNS policies ──> no packet │ an answer without records │ sites ─┐
//! name ──> service ──> decide ──> members │ other family only ──> empty │ down ──> down response
//!      ├─> record that is published, inside a zone ──> addresses │ CNAME │ empty
//!      ├─> apex ─────> SOA asked ──> SOA  │ else empty with SOA
//!      ├─> empty non-terminal ──────────> empty with SOA
//!      └─> absent ──> inside a zone ────> NXDOMAIN with SOA (or no packet)
//!                └──> outside ──────────> NXDOMAIN without SOA (or no packet)
//! ```

use std::net::IpAddr;
use std::sync::Arc;

use dns_wire::{Name, OwnedName, Rtype};
use gslb::{Ask, Client, Decision, Draw, Family, Outcome, Selected, Service, SiteSelection, Whereabouts, decide_for};
use model::dns::{DnsAction, ErrorResponse};
use model::gslb::DownResponse;

use crate::policy::{Asked, Rule, first_match};
use crate::records::{Picked, RecordSet};
use crate::table::{NameKind, Zone};
use crate::view::View;

/// What is to be answered.
#[derive(Debug)]
pub(crate) struct Resolution<'v> {
    pub(crate) content: Content<'v>,
    /// The GSLB service that was reached, and what it decided.
    pub(crate) service: Option<Reached<'v>>,
    /// The rule of a DNS policy that matched, or of topology where the service asks for that.
    pub(crate) rule: Option<&'v Rule>,
    /// Leading bits of the client's subnet that rules looked at.
    pub(crate) rule_scope: u8,
    /// What virtual services registered for the name, where no GSLB service has it; published or not.
    pub(crate) record: Option<&'v Arc<RecordSet>>,
}

/// A GSLB service that was reached.
#[derive(Debug)]
pub(crate) struct Reached<'v> {
    pub(crate) service: &'v Arc<Service>,
    pub(crate) decision: Decision,
    pub(crate) by_wildcard: bool,
}

/// Sections of the answer.
#[derive(Debug)]
pub(crate) enum Content<'v> {
    /// Addresses of the members that the reached service decided on.
    Members { ttl: u32 },
    /// The name of the member that the reached service decided on, and its address where that goes along.
    Name { target: OwnedName, address: Option<IpAddr>, ttl: u32 },
    /// Every address of the reached service, because it is down.
    AllRecords { ttl: u32 },
    /// The fallback address of the reached service, because it is down.
    Fallback { ip: IpAddr, ttl: u32 },
    /// The fallback name of the reached service, because it is down.
    Cname { target: OwnedName, ttl: u32 },
    /// Addresses that virtual services registered.
    Addresses(Picked),
    /// The name that one registered, and what is known of that.
    Alias { target: &'v OwnedName, ttl: u32, then: Option<Box<Resolution<'v>>> },
    /// The SOA record in the answer section.
    Soa { zone: &'v Zone },
    /// NOERROR and nothing, with the SOA in the authority section when a zone is given.
    Empty { zone: Option<&'v Zone>, why: Empty },
    /// NXDOMAIN, with the SOA in the authority section when a zone is given.
    NameError { zone: Option<&'v Zone>, why: NameError },
    /// What a rule of a DNS policy says, without records.
    Policy { rcode: u8, authoritative: bool, truncated: bool },
    /// REFUSED: a transfer of the zone was asked for.
    Refused,
    /// No packet.
    Drop { why: Dropped },
}

/// Why an answer is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    OtherFamilyOnly,
    OutsideSites,
    RecordOfOtherFamily,
    OtherTypeOnly,
    ApexWithoutType,
    NonTerminal,
    DownResponse,
    DownResponseOfOtherFamily,
}

/// Why a name does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameError {
    Absent,
    /// Virtual services registered it, but none of them is up.
    Withdrawn,
    OutsideEveryZone,
    ServiceDown,
}

/// Why a query gets no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropped {
    Absent,
    Withdrawn,
    OutsideEveryZone,
    ServiceDown,
    OtherFamilyOnly,
    OutsideSites,
    Policy,
    RecordOfOtherFamily,
    OtherTypeOnly,
    Transfer,
}

impl<'v> Resolution<'v> {
    /// Without service and record.
    fn of(content: Content<'v>) -> Self {
        Self { content, service: None, rule: None, rule_scope: 0, record: None }
    }

    /// Addresses of the members or of the record that were chosen, in the order of the answer.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let of_members = self.service.iter().flat_map(|Reached { service, decision, .. }| {
            decision.chosen(service).map(|member| member.address(decision.to_public))
        });
        let of_record = self.record.iter().flat_map(|set| {
            let picked = if let Content::Addresses(picked) = &self.content { Some(picked) } else { None };
            picked.into_iter().flat_map(|picked| set.addresses(picked))
        });
        of_members.chain(of_record)
    }

    /// Whether where the client is, or whether it is public, or a rule about clients made the answer.
    pub(crate) fn looks_at_the_client(&self) -> bool {
        let of_service = self.service.as_ref().is_some_and(|reached| {
            reached.service.looks_at_addresses() || reached.decision.client != Whereabouts::NotAsked
        });
        of_service || self.rule.is_some_and(|rule| rule.rule.client.is_some() || rule.rule.location.is_some())
    }

    /// Leading bits of the client's subnet that the answer depends on (RFC 7871 §7.2.1); 0: it holds for everyone.
    pub(crate) fn subnet_scope(&self) -> u8 {
        let of_answer = match (&self.service, &self.content) {
            (Some(reached), _) => reached.decision.subnet_scope(),
            (None, Content::Alias { then: Some(then), .. }) => then.subnet_scope(),
            (None, _) => 0,
        };
        of_answer.max(self.rule_scope)
    }

    /// Time to live of the records in the answer section but the SOA, 0 without any.
    pub(crate) fn ttl(&self) -> u32 {
        match &self.content {
            Content::Members { ttl }
            | Content::Name { ttl, .. }
            | Content::AllRecords { ttl }
            | Content::Fallback { ttl, .. }
            | Content::Cname { ttl, .. }
            | Content::Alias { ttl, .. } => *ttl,
            Content::Addresses(picked) => picked.ttl,
            Content::Soa { .. }
            | Content::Empty { .. }
            | Content::NameError { .. }
            | Content::Policy { .. }
            | Content::Refused
            | Content::Drop { .. } => 0,
        }
    }
}

/// Resolves a name in lower case for a client.
pub(crate) fn resolve<'v>(
    view: &'v View,
    qname: Name<'_>,
    qtype: Rtype,
    client: &Client,
    over_tcp: bool,
    draw: &mut impl Draw,
) -> Resolution<'v> {
    let asked = Asked { qname, qtype, client, over_tcp };
    let rules = view.table.rules();
    if rules.is_empty() {
        return resolve_after_rules(view, asked, None, draw);
    }
    let (rule, scope) = first_match(rules, &asked, &view.geo);
    let mut resolution = match rule.map(|rule| (&rule.rule.action, &rule.selection)) {
        Some((DnsAction::Drop, _)) => Resolution::of(Content::Drop { why: Dropped::Policy }),
        Some((&DnsAction::Respond { rcode, authoritative, truncated }, _)) => {
            Resolution::of(Content::Policy { rcode, authoritative, truncated })
        }
        Some((_, selection)) => resolve_after_rules(view, asked, selection.as_ref(), draw),
        None => resolve_after_rules(view, asked, None, draw),
    };
    resolution.rule = rule.or(resolution.rule);
    resolution.rule_scope = resolution.rule_scope.max(scope);
    resolution
}

fn resolve_after_rules<'v>(
    view: &'v View,
    asked: Asked<'_>,
    sites: Option<&SiteSelection>,
    draw: &mut impl Draw,
) -> Resolution<'v> {
    let qtype = asked.qtype;
    // An empty answer would look like a transfer that broke off (RFC 5936 §2.2.1, RFC 1995 §4). Nobody else holds a
    // copy of what is decided anew at each query.
    if qtype == Rtype::AXFR || qtype == Rtype::IXFR {
        return Resolution::of(match view.table.profile.on_error {
            ErrorResponse::Respond => Content::Refused,
            ErrorResponse::Drop => Content::Drop { why: Dropped::Transfer },
        });
    }
    let mut resolution = resolve_name(view, asked, sites, draw);
    if let Content::Alias { target, then, .. } = &mut resolution.content
        && qtype != Rtype::CNAME
    {
        // One step: what is behind another alias is for the resolver to ask.
        let found = resolve_name(view, Asked { qname: target.as_name(), ..asked }, sites, draw);
        if matches!(found.content, Content::Members { .. } | Content::Addresses(_)) {
            *then = Some(Box::new(found));
        }
    }
    resolution
}

fn resolve_name<'v>(
    view: &'v View,
    asked: Asked<'_>,
    sites: Option<&SiteSelection>,
    draw: &mut impl Draw,
) -> Resolution<'v> {
    let Asked { qname, qtype, client, .. } = asked;
    let table = &view.table;
    let kind = table.find(qname);
    if let NameKind::Service { index, by_wildcard: false } = kind
        && let Some(service) = table.services.get(index as usize)
    {
        return resolve_service(view, service, false, asked, sites, draw);
    }
    // Records outside every zone are for others to answer.
    let found = view.records.find(qname).filter(|_| table.zone_of(qname).is_some());
    let record = found.and_then(|found| found.set);
    if let Some(set) = record
        && set.published(&view.records).next().is_some()
    {
        let content = resolve_record(view, set, qname, qtype, client, draw);
        return Resolution { record, ..Resolution::of(content) };
    }
    let has_names_below = found.is_some_and(|found| found.has_names_below);
    let content = match kind {
        NameKind::Apex => {
            let zone = table.zone_of(qname);
            match zone {
                Some(zone) if qtype == Rtype::SOA || qtype == Rtype::ANY => Content::Soa { zone },
                _ => Content::Empty { zone, why: Empty::ApexWithoutType },
            }
        }
        NameKind::EmptyNonTerminal => Content::Empty { zone: table.zone_of(qname), why: Empty::NonTerminal },
        _ if has_names_below => Content::Empty { zone: table.zone_of(qname), why: Empty::NonTerminal },
        NameKind::Service { index, by_wildcard } => match table.services.get(index as usize) {
            Some(service) => return resolve_service(view, service, by_wildcard, asked, sites, draw),
            None => absent(view, qname, record.is_some()),
        },
        NameKind::Absent => absent(view, qname, record.is_some()),
    };
    Resolution { record, ..Resolution::of(content) }
}

fn absent<'v>(view: &'v View, qname: Name<'_>, is_withdrawn: bool) -> Content<'v> {
    let zone = view.table.zone_of(qname);
    match (view.table.profile.on_error, zone.is_some()) {
        (ErrorResponse::Respond, _) if is_withdrawn => Content::NameError { zone, why: NameError::Withdrawn },
        (ErrorResponse::Drop, _) if is_withdrawn => Content::Drop { why: Dropped::Withdrawn },
        (ErrorResponse::Respond, true) => Content::NameError { zone, why: NameError::Absent },
        (ErrorResponse::Respond, false) => Content::NameError { zone: None, why: NameError::OutsideEveryZone },
        (ErrorResponse::Drop, true) => Content::Drop { why: Dropped::Absent },
        (ErrorResponse::Drop, false) => Content::Drop { why: Dropped::OutsideEveryZone },
    }
}

/// The name is registered and published.
fn resolve_record<'v>(
    view: &'v View,
    set: &'v RecordSet,
    qname: Name<'_>,
    qtype: Rtype,
    client: &Client,
    draw: &mut impl Draw,
) -> Content<'v> {
    if let Some((target, ttl)) = set.alias(&view.records) {
        return Content::Alias { target, ttl, then: None };
    }
    let Some(family) = family_of(qtype) else {
        return other_type(view, qname, qtype);
    };
    let mut pick = |family| set.pick(family, client.source, view.table.profile.num_dns_ip, &view.records, draw);
    let other = if qtype == Rtype::ANY { Some(Family::V6) } else { None };
    match pick(family).or_else(|| pick(other?)) {
        Some(picked) => Content::Addresses(picked),
        None => other_family(view, Empty::RecordOfOtherFamily, Dropped::RecordOfOtherFamily),
    }
}

fn resolve_service<'v>(
    view: &'v View,
    service: &'v Arc<Service>,
    by_wildcard: bool,
    asked: Asked<'_>,
    sites: Option<&SiteSelection>,
    draw: &mut impl Draw,
) -> Resolution<'v> {
    let profile = &view.table.profile;
    let wanted = service.num_dns_ip.unwrap_or(profile.num_dns_ip);
    let ttl = service.ttl.map_or(profile.ttl, model::Ttl::get);
    let asks_for_name = asked.qtype == Rtype::CNAME && service.has_names();
    let family = if asks_for_name { Some(Family::V4) } else { family_of(asked.qtype) };
    let Some(family) = family else {
        return Resolution::of(other_type(view, asked.qname, asked.qtype));
    };
    let (rule, rule_scope) = match service.asks_topology() {
        true => first_match(view.table.topology(), &asked, &view.geo),
        false => (None, 0),
    };
    let topology = rule.and_then(|rule| rule.selection.as_ref());
    let sites = sites.or(topology.filter(|_| service.topology_policies));
    let ask = Ask { family, wanted, client: *asked.client, selected: Selected { sites, topology } };
    let mut decision = decide_for(service, &ask, &*view.slots, draw);
    if asked.qtype == Rtype::ANY && decision.outcome == Outcome::OtherFamilyOnly {
        decision = decide_for(service, &Ask { family: Family::V6, ..ask }, &*view.slots, draw);
    }
    let content = match decision.outcome {
        Outcome::Members { .. } => match name_of(service, &decision, ttl) {
            Some(name) => name,
            None if asks_for_name => other_type(view, asked.qname, asked.qtype),
            None => Content::Members { ttl },
        },
        Outcome::OtherFamilyOnly => other_family(view, Empty::OtherFamilyOnly, Dropped::OtherFamilyOnly),
        Outcome::OutsideSites => match profile.on_error {
            ErrorResponse::Respond => Content::Empty { zone: None, why: Empty::OutsideSites },
            ErrorResponse::Drop => Content::Drop { why: Dropped::OutsideSites },
        },
        Outcome::Down => down(view, service, decision.family, asked.qname, ttl),
    };
    let service = Some(Reached { service, decision, by_wildcard });
    Resolution { content, service, rule, rule_scope, record: None }
}

/// The name of the chosen member, if that is what it is answered by (avi-api 5.6 step 6).
fn name_of<'v>(service: &Service, decision: &Decision, ttl: u32) -> Option<Content<'v>> {
    if !service.has_names() {
        return None;
    }
    let member = decision.chosen(service).next()?;
    let target = OwnedName::from_text(member.fqdn.as_ref()?.as_str()).ok()?;
    let address = member.address(decision.to_public);
    let address = Some(address).filter(|ip| service.resolve_cname && Family::of(*ip) == decision.family);
    Some(Content::Name { target, address, ttl })
}

/// Family that a type asks for; ANY is answered with the A records if there are any, else AAAA (RFC 8482 §4.1).
fn family_of(qtype: Rtype) -> Option<Family> {
    match qtype {
        Rtype::A | Rtype::ANY => Some(Family::V4),
        Rtype::AAAA => Some(Family::V6),
        _ => None,
    }
}

/// The name exists, but not with this type (avi-api 4.6).
fn other_type<'v>(view: &'v View, qname: Name<'_>, qtype: Rtype) -> Content<'v> {
    let zone = view.table.zone_of(qname);
    // A service at the apex of a zone does not hide the zone's SOA.
    if qtype == Rtype::SOA
        && let Some(zone) = zone
        && zone.apex.as_wire() == qname.as_wire()
    {
        return Content::Soa { zone };
    }
    match view.table.profile.on_error {
        ErrorResponse::Respond => Content::Empty { zone, why: Empty::OtherTypeOnly },
        ErrorResponse::Drop => Content::Drop { why: Dropped::OtherTypeOnly },
    }
}

/// No authority section: that is what clients of the original see for AAAA of a name with A only (avi-api 4.6).
fn other_family<'v>(view: &View, empty: Empty, dropped: Dropped) -> Content<'v> {
    let profile = &view.table.profile;
    if profile.on_error == ErrorResponse::Respond || profile.aaaa_empty_response {
        Content::Empty { zone: None, why: empty }
    } else {
        Content::Drop { why: dropped }
    }
}

/// No pool is usable (avi-api 5.6 step 8).
fn down<'v>(view: &'v View, service: &Service, family: Family, qname: Name<'_>, ttl: u32) -> Content<'v> {
    let other_family = Content::Empty { zone: None, why: Empty::DownResponseOfOtherFamily };
    match &service.down_response {
        DownResponse::None => match view.table.profile.on_error {
            ErrorResponse::Respond => {
                Content::NameError { zone: view.table.zone_of(qname), why: NameError::ServiceDown }
            }
            ErrorResponse::Drop => Content::Drop { why: Dropped::ServiceDown },
        },
        DownResponse::AllRecords => match gslb::all_records(service, family).next() {
            Some(_) => Content::AllRecords { ttl },
            None => other_family,
        },
        DownResponse::FallbackIp { v4, v6 } => {
            let ip = match family {
                Family::V4 => v4.map(IpAddr::V4),
                Family::V6 => v6.map(IpAddr::V6),
            };
            ip.map_or(other_family, |ip| Content::Fallback { ip, ttl })
        }
        DownResponse::Empty => Content::Empty { zone: None, why: Empty::DownResponse },
        DownResponse::Cname(target) => match OwnedName::from_text(target.as_str()) {
            Ok(target) => Content::Cname { target, ttl },
            Err(_) => Content::Empty { zone: None, why: Empty::DownResponse },
        },
    }
}
