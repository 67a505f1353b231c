//! From a name and a type to what is to be answered: the decision, before it becomes bytes or words.
//!
//! ```text
//! name ──> service ──> decide ──> members │ other family only ──> empty │ down ──> down response
//!      ├─> apex ─────> SOA asked ──> SOA  │ else empty with SOA
//!      ├─> empty non-terminal ──────────> empty with SOA
//!      └─> absent ──> inside a zone ────> NXDOMAIN with SOA (or no packet)
//!                └──> outside ──────────> NXDOMAIN without SOA (or no packet)
//! ```

use std::net::IpAddr;
use std::sync::Arc;

use dns_wire::{Name, OwnedName, Rtype};
use gslb::{Decision, Draw, Family, Outcome, Service, decide};
use model::dns::ErrorResponse;
use model::gslb::DownResponse;

use crate::table::{NameKind, Zone};
use crate::view::View;

/// What is to be answered.
#[derive(Debug)]
pub(crate) struct Resolution<'v> {
    pub(crate) content: Content<'v>,
    /// The GSLB service that was reached, and what it decided.
    pub(crate) service: Option<Reached<'v>>,
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
    /// Every address of the reached service, because it is down.
    AllRecords { ttl: u32 },
    /// The fallback address of the reached service, because it is down.
    Fallback { ip: IpAddr, ttl: u32 },
    /// The fallback name of the reached service, because it is down.
    Cname { target: OwnedName, ttl: u32 },
    /// The SOA record in the answer section.
    Soa { zone: &'v Zone },
    /// NOERROR and nothing, with the SOA in the authority section when a zone is given.
    Empty { zone: Option<&'v Zone>, why: Empty },
    /// NXDOMAIN, with the SOA in the authority section when a zone is given.
    NameError { zone: Option<&'v Zone>, why: NameError },
    /// REFUSED: a transfer of the zone was asked for.
    Refused,
    /// No packet.
    Drop { why: Dropped },
}

/// Why an answer is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    OtherFamilyOnly,
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
    OutsideEveryZone,
    ServiceDown,
}

/// Why a query gets no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropped {
    Absent,
    OutsideEveryZone,
    ServiceDown,
    OtherFamilyOnly,
    OtherTypeOnly,
    Transfer,
}

/// Resolves a name in lower case.
pub(crate) fn resolve<'v>(view: &'v View, qname: Name<'_>, qtype: Rtype, draw: &mut impl Draw) -> Resolution<'v> {
    let table = &view.table;
    // An empty answer would look like a transfer that broke off (RFC 5936 §2.2.1, RFC 1995 §4). Nobody else holds a
    // copy of what is decided anew at each query.
    if qtype == Rtype::AXFR || qtype == Rtype::IXFR {
        let content = match table.profile.on_error {
            ErrorResponse::Respond => Content::Refused,
            ErrorResponse::Drop => Content::Drop { why: Dropped::Transfer },
        };
        return Resolution { content, service: None };
    }
    match table.find(qname) {
        NameKind::Service { index, by_wildcard } => match table.services.get(index as usize) {
            Some(service) => resolve_service(view, service, by_wildcard, qname, qtype, draw),
            None => Resolution { content: absent(view, qname), service: None },
        },
        NameKind::Apex => {
            let zone = table.zone_of(qname);
            let content = match zone {
                Some(zone) if qtype == Rtype::SOA || qtype == Rtype::ANY => Content::Soa { zone },
                _ => Content::Empty { zone, why: Empty::ApexWithoutType },
            };
            Resolution { content, service: None }
        }
        NameKind::EmptyNonTerminal => {
            let content = Content::Empty { zone: table.zone_of(qname), why: Empty::NonTerminal };
            Resolution { content, service: None }
        }
        NameKind::Absent => Resolution { content: absent(view, qname), service: None },
    }
}

fn absent<'v>(view: &'v View, qname: Name<'_>) -> Content<'v> {
    let zone = view.table.zone_of(qname);
    match (view.table.profile.on_error, zone.is_some()) {
        (ErrorResponse::Respond, true) => Content::NameError { zone, why: NameError::Absent },
        (ErrorResponse::Respond, false) => Content::NameError { zone: None, why: NameError::OutsideEveryZone },
        (ErrorResponse::Drop, true) => Content::Drop { why: Dropped::Absent },
        (ErrorResponse::Drop, false) => Content::Drop { why: Dropped::OutsideEveryZone },
    }
}

fn resolve_service<'v>(
    view: &'v View,
    service: &'v Arc<Service>,
    by_wildcard: bool,
    qname: Name<'_>,
    qtype: Rtype,
    draw: &mut impl Draw,
) -> Resolution<'v> {
    let profile = &view.table.profile;
    let wanted = service.num_dns_ip.unwrap_or(profile.num_dns_ip);
    let ttl = service.ttl.map_or(profile.ttl, model::Ttl::get);
    let Some(family) = family_of(qtype) else {
        return Resolution { content: other_type(view, qname, qtype), service: None };
    };
    let mut decision = decide(service, family, wanted, &*view.slots, draw);
    if qtype == Rtype::ANY && decision.outcome == Outcome::OtherFamilyOnly {
        decision = decide(service, Family::V6, wanted, &*view.slots, draw);
    }
    let content = match decision.outcome {
        Outcome::Members { .. } => Content::Members { ttl },
        Outcome::OtherFamilyOnly => other_family(view),
        Outcome::Down => down(view, service, decision.family, qname, ttl),
    };
    Resolution { content, service: Some(Reached { service, decision, by_wildcard }) }
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
fn other_family<'v>(view: &View) -> Content<'v> {
    let profile = &view.table.profile;
    if profile.on_error == ErrorResponse::Respond || profile.aaaa_empty_response {
        Content::Empty { zone: None, why: Empty::OtherFamilyOnly }
    } else {
        Content::Drop { why: Dropped::OtherFamilyOnly }
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
