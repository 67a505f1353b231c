//! A question in words to every step of its answer, by the resolution that answers.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use dns_wire::{OwnedName, Rcode, Rtype};
use gslb::{By, Client, Decision, Network, Outcome, Peek, Service, Whereabouts, verdicts};
use model::dns::{DnsAction, RecordData};
use model::gslb::{MemberAlgorithm, PoolAlgorithm};
use se_protocol::explain::{DnsAnswerText, DnsExplanation, DnsQuestion, MemberVerdict, Step};

use crate::records::{RecordSet, Source};
use crate::resolve::{Content, Dropped, Empty, NameError, Reached, Resolution, resolve};
use crate::table::Zone;
use crate::view::View;

/// A question that cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// The name is no domain name.
    #[error("`{name}` is not a domain name: {why}")]
    Name {
        /// As given.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The type is unknown.
    #[error("`{0}` is not a record type; write A, AAAA, SOA, NS, ANY … or TYPE followed by a number")]
    Type(String),
}

/// What the engine's books tell beyond the view.
pub trait Knowledge {
    /// Why a member of a GSLB service (uuid, pool, address) is up or not.
    fn of_member(&self, service: &str, pool: &str, ip: IpAddr) -> Option<String>;

    /// State of a virtual service (uuid) that owns a record, and why: `web is down: no server of its pool is up`.
    fn of_virtual_service(&self, uuid: &str) -> Option<String>;
}

/// Explains what `view` would answer to `question` now. No turn is used up, so the next real query gets this answer.
/// A question without client is answered as one from 0.0.0.0 would be.
///
/// # Errors
/// When the name or the type makes no question.
pub fn explain(
    view: &View,
    question: &DnsQuestion,
    knowledge: &impl Knowledge,
) -> Result<DnsExplanation, ExplainError> {
    let qname = OwnedName::from_text(&question.name)
        .map_err(|error| ExplainError::Name { name: question.name.clone(), why: error.to_string() })?;
    let qtype: Rtype = question.qtype.parse().map_err(|_| ExplainError::Type(question.qtype.clone()))?;
    let client = question.client.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let resolution = resolve(view, qname.as_name(), qtype, &Client::from(client), false, &mut Peek::default());

    let mut steps = Steps(Vec::new());
    steps.client(question.client, &resolution);
    steps.place(view, &resolution);
    steps.policy(view, &resolution);
    steps.zone(view.table.zone_of(qname.as_name()));
    steps.lookup(&resolution);
    if let Some(reached) = &resolution.service {
        steps.pool(reached);
        steps.member(reached);
    }
    if let Some(set) = resolution.record {
        steps.registrations(view, set, knowledge);
        steps.order(&resolution);
    }
    steps.answer(&resolution);
    Ok(DnsExplanation {
        question: DnsQuestion { name: qname.to_string(), qtype: qtype.to_string(), client: question.client },
        dns_service: format!("{} ({})", view.table.name, view.table.uuid),
        version: view.version.clone(),
        steps: steps.0,
        members: resolution.service.as_ref().map(|reached| members(view, reached, knowledge)).unwrap_or_default(),
        answer: answer_text(&qname, &resolution),
    })
}

fn members(view: &View, reached: &Reached<'_>, knowledge: &impl Knowledge) -> Vec<MemberVerdict> {
    verdicts(reached.service, &reached.decision, &*view.slots)
        .into_iter()
        .map(|verdict| {
            let mut reason = verdict.why.to_string();
            if let Some(health) = knowledge.of_member(&reached.service.uuid, &verdict.pool.name, verdict.member.ip) {
                let _ = write!(reason, " ({health})");
            }
            MemberVerdict {
                pool: verdict.pool.name.clone(),
                ip: verdict.member.ip,
                weight: verdict.member.weight.get(),
                chosen: verdict.why.is_chosen(),
                reason,
            }
        })
        .collect()
}

/// Whether the order of a record's addresses depends on who asks.
fn hashes_the_client(resolution: &Resolution<'_>) -> bool {
    match &resolution.content {
        Content::Addresses(picked) => picked.turn.is_none() && picked.of > 1,
        Content::Alias { then: Some(then), .. } => hashes_the_client(then),
        _ => false,
    }
}

/// The network of the client that was hashed to choose members, and for which service.
fn hashed<'r>(resolution: &'r Resolution<'_>) -> Option<(Network, &'r Service)> {
    match (&resolution.service, &resolution.content) {
        (Some(Reached { service, decision, .. }), _) => match decision.outcome {
            Outcome::Members { by: By::Hash { network, .. }, .. } => Some((network, service)),
            _ => None,
        },
        (None, Content::Alias { then: Some(then), .. }) => hashed(then),
        (None, _) => None,
    }
}

/// What one VsVip registered, whether it is published, and why.
fn registration(source: &Source, is_published: bool, knowledge: &impl Knowledge) -> String {
    let registration = &source.registration;
    let data = match &registration.data {
        RecordData::Addresses(ips) => ips.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", "),
        RecordData::Name(target) => format!("CNAME {target}"),
    };
    let owners = registration.virtual_services.iter();
    let owners = owners.map(|uuid| knowledge.of_virtual_service(uuid).unwrap_or_else(|| format!("{uuid} is unknown")));
    let owners = owners.collect::<Vec<_>>().join("; ");
    let why = match (is_published, registration.only_while_up) {
        (true, true) => format!("published: {owners}"),
        (false, _) => format!("not published: {owners}"),
        (true, false) => "published, whatever the state of its virtual services".to_owned(),
    };
    format!("VsVip {}, {data}, {why}", registration.vs_vip)
}

struct Steps(Vec<Step>);

impl Steps {
    fn push(&mut self, step: &str, outcome: impl Into<String>) {
        self.0.push(Step { step: step.to_owned(), outcome: outcome.into() });
    }

    fn client(&mut self, client: Option<IpAddr>, resolution: &Resolution<'_>) {
        if let Some((network, service)) = hashed(resolution) {
            let client = match client {
                Some(client) => format!("{client}, of which {network} is hashed"),
                None => format!("any; shown is the answer to 0.0.0.0, since a hash of the client gives it ({network})"),
            };
            let subnet = match service.use_client_subnet {
                true => "the client subnet of a query (EDNS), where it has one, stands for its address",
                false => "the client subnet of a query (EDNS) is not looked at: use_edns_client_subnet is off",
            };
            return self.push("client", format!("{client}; {subnet}"));
        }
        if resolution.looks_at_the_client() {
            let client = client.map_or_else(|| "any; shown is the answer to 0.0.0.0".to_owned(), |ip| ip.to_string());
            return self.push("client", format!("{client}; the answer depends on it"));
        }
        let outcome = match (client, hashes_the_client(resolution)) {
            (Some(client), true) => format!("{client}; its hash gives the order of the addresses"),
            (None, true) => "any; shown is the order for 0.0.0.0, since a hash of the client gives it".to_owned(),
            (Some(client), false) => {
                format!("{client}; no algorithm in use looks at the client, so every client gets this")
            }
            (None, false) => "any; no algorithm in use looks at the client".to_owned(),
        };
        self.push("client", outcome);
    }

    /// Where the client is, if that counts.
    fn place(&mut self, view: &View, resolution: &Resolution<'_>) {
        let Some(reached) = &resolution.service else { return };
        let outcome = match reached.decision.client {
            Whereabouts::NotAsked => return,
            Whereabouts::Unknown(ip) if view.geo.is_empty() => {
                format!("where {ip} is, is not known: there is no geo database")
            }
            Whereabouts::Unknown(ip) => format!("where {ip} is, no geo database says"),
            Whereabouts::At { ip, .. } => match view.geo.find(ip).place {
                Some(place) => format!("{ip} is in {} ({})", place.name, place.location),
                None => format!("where {ip} is, no geo database says any more"),
            },
        };
        self.push("location", outcome);
    }

    /// What rules of policies say, if there are any.
    fn policy(&mut self, view: &View, resolution: &Resolution<'_>) {
        let asks_topology = resolution.service.as_ref().is_some_and(|reached| reached.service.asks_topology());
        let has_rules = !view.table.rules().is_empty() || asks_topology && !view.table.topology().is_empty();
        if !has_rules {
            return;
        }
        let Some(rule) = resolution.rule else { return self.push("policy", "no rule matches") };
        let what = match &rule.rule.action {
            DnsAction::Allow => "lets it be answered".to_owned(),
            DnsAction::Drop => "gives it no packet".to_owned(),
            DnsAction::Respond { .. } => "answers it".to_owned(),
            DnsAction::SelectSites { names, is_preferred, .. } => {
                let chosen = resolution.service.as_ref().and_then(|reached| reached.decision.site);
                let chosen = chosen.and_then(|place| names.get(usize::from(place)));
                let others = if *is_preferred { ", or any other" } else { " and no other" };
                let taken = chosen.map_or_else(String::new, |name| format!("; {name} answers"));
                format!("selects {}{others}{taken}", names.join(", else "))
            }
        };
        self.push("policy", format!("{} {what}", rule.label()));
    }

    fn zone(&mut self, zone: Option<&Zone>) {
        self.push(
            "zone",
            match zone {
                Some(zone) => format!("inside {}, for which this service is authoritative", zone.apex),
                None => "outside every zone of this service".to_owned(),
            },
        );
    }

    fn lookup(&mut self, resolution: &Resolution<'_>) {
        let outcome = match (&resolution.service, &resolution.content) {
            (Some(Reached { service, by_wildcard: true, .. }), _) => {
                format!("GSLB service {}, which also answers the names below its own", service.name)
            }
            (Some(Reached { service, .. }), _) => format!("GSLB service {}", service.name),
            (None, _) if resolution.record.is_some_and(|set| !set.sources.is_empty()) => {
                let sources = resolution.record.map(|set| &*set.sources).unwrap_or_default();
                match sources {
                    [one] => format!("a name of VsVip {}", one.registration.vs_vip),
                    several => format!("a name of {} VsVips", several.len()),
                }
            }
            (None, Content::Soa { .. }) => "the apex of the zone".to_owned(),
            (None, Content::Empty { why: Empty::ApexWithoutType, .. }) => "the apex of the zone".to_owned(),
            (None, Content::Empty { why: Empty::NonTerminal, .. }) => "no records, but names below it".to_owned(),
            (None, Content::Empty { .. } | Content::Drop { why: Dropped::OtherTypeOnly }) => {
                "a GSLB service, which has addresses only".to_owned()
            }
            (None, Content::Refused | Content::Drop { why: Dropped::Transfer }) => "not looked up".to_owned(),
            (None, _) => "no such name".to_owned(),
        };
        self.push("lookup", outcome);
    }

    fn pool(&mut self, reached: &Reached<'_>) {
        let outcome = match &reached.decision.outcome {
            Outcome::Members { pool, .. } => {
                let pool = &reached.service.pools[*pool];
                match reached.service.pools.len() - 1 {
                    0 => format!("{}, priority {}: the only one", pool.name, pool.priority),
                    others => {
                        format!(
                            "{}, priority {}: the highest that is usable, of {}",
                            pool.name,
                            pool.priority,
                            others + 1
                        )
                    }
                }
            }
            Outcome::OutsideSites => "no pool has a member that is up at a site that a policy selects".to_owned(),
            Outcome::OtherFamilyOnly => "no pool has an address of this type, but the service is up".to_owned(),
            Outcome::Down => "no pool is usable".to_owned(),
        };
        let shared = match &reached.decision.outcome {
            Outcome::Members { shared, .. } if *shared > 1 => {
                format!(", which shares queries with {} more, for min_members", shared - 1)
            }
            _ => String::new(),
        };
        let by = match (reached.service.pool_algorithm, &reached.decision.client) {
            (PoolAlgorithm::Priority, _) => "",
            (PoolAlgorithm::Geo, Whereabouts::At { .. }) => {
                " (by distance, GSLB_SERVICE_ALGORITHM_GEO, as far as it is known)"
            }
            (PoolAlgorithm::Geo, _) => {
                " (by priority: where the client is, is not known to GSLB_SERVICE_ALGORITHM_GEO)"
            }
        };
        let outcome = format!("{outcome}{shared}{by}");
        self.push("pool", outcome);
    }

    fn member(&mut self, reached: &Reached<'_>) {
        let Decision { family, outcome, .. } = &reached.decision;
        let Outcome::Members { pool, by, .. } = outcome else { return };
        let pool = &reached.service.pools[*pool];
        let first = reached.decision.members().first().and_then(|&index| pool.members.get(usize::from(index)));
        let Some(member) = first else { return };
        let (ip, ring) = (member.ip, pool.ring(*family));
        let mut outcome = match (pool.algorithm, by, &reached.decision.client) {
            (MemberAlgorithm::Geo, By::Distance, _) => String::new(),
            (MemberAlgorithm::Geo, _, Whereabouts::At { .. }) => {
                "GSLB_ALGORITHM_GEO knows of no member where it is, so its fallback: ".to_owned()
            }
            (MemberAlgorithm::Geo, ..) => "GSLB_ALGORITHM_GEO does not find the client, so its fallback: ".to_owned(),
            (MemberAlgorithm::Topology, ..) => "GSLB_ALGORITHM_TOPOLOGY, then: ".to_owned(),
            _ => String::new(),
        };
        let _ = match by {
            By::Turn { turn, skipped } => {
                let length = ring.sequence.len() as u64;
                let number = (turn + u64::from(*skipped)) % length + 1;
                let after = match skipped {
                    0 => String::new(),
                    _ => format!(", after {skipped} turns of members that are not up"),
                };
                write!(outcome, "weighted round robin: turn {number} of {length} is {ip}'s{after}")
            }
            By::Hash { network, .. } => {
                let of = ring.sequence.len();
                write!(
                    outcome,
                    "consistent hash of {network} over {of} members: {ip} ranks highest of those that are up"
                )
            }
            By::Distance => {
                let km = gslb::distance_km(&reached.decision.client, member).unwrap_or_default();
                write!(outcome, "distance: {ip} is nearest of those that are up, {km} km away")
            }
            By::Preference => {
                let order = member.preference_order;
                write!(outcome, "preference order: {ip} has the lowest of those that are up, {order}")
            }
        };
        self.push("member", outcome);
    }

    /// Whether each VsVip's part of the name is published, and why.
    fn registrations(&mut self, view: &View, set: &RecordSet, knowledge: &impl Knowledge) {
        for source in &set.sources {
            let is_published = view.records.is_published(source.slot);
            self.push("record", registration(source, is_published, knowledge));
        }
    }

    /// How the addresses of a record come into their order.
    fn order(&mut self, resolution: &Resolution<'_>) {
        let Content::Addresses(picked) = &resolution.content else { return };
        if picked.of < 2 {
            return;
        }
        let of = picked.of;
        self.push(
            "order",
            match picked.turn {
                Some(turn) => format!("round robin: turn {} of {of} addresses", turn % of as u64 + 1),
                None => format!("consistent hash of the client over {of} addresses"),
            },
        );
    }

    fn answer(&mut self, resolution: &Resolution<'_>) {
        let outcome = match &resolution.content {
            Content::Members { ttl } => {
                let count = resolution.service.as_ref().map_or(0, |reached| reached.decision.members().len());
                let whose = match resolution.service.as_ref().and_then(|reached| reached.service.ttl) {
                    Some(_) => "the service's own",
                    None => "the DNS profile's",
                };
                let addresses = if count == 1 { "address" } else { "addresses" };
                format!("{count} {addresses}, TTL {ttl} ({whose})")
            }
            Content::Addresses(picked) => {
                let addresses = if picked.count() == 1 { "address" } else { "addresses" };
                format!("{} of {} {addresses}, TTL {} (the record's)", picked.count(), picked.of, picked.ttl)
            }
            Content::Alias { then: None, .. } => "the name that this one stands for".to_owned(),
            Content::Alias { .. } => "the name that this one stands for, and its addresses".to_owned(),
            Content::Name { address: None, .. } => "the name of the member".to_owned(),
            Content::Name { .. } => "the name of the member, with its address in the additional section".to_owned(),
            Content::Policy { .. } => "what the policy says, without records".to_owned(),
            Content::AllRecords { .. } => "all addresses: the down response of the service".to_owned(),
            Content::Fallback { .. } => "the fallback address: the down response of the service".to_owned(),
            Content::Cname { .. } => "the fallback name: the down response of the service".to_owned(),
            Content::Soa { .. } => "the SOA record".to_owned(),
            Content::Empty { why, zone } => {
                let why = match why {
                    Empty::OutsideSites => "no site that a policy selects has a member that is up",
                    Empty::OtherFamilyOnly => "no member that is up has an address of this type",
                    Empty::RecordOfOtherFamily => "the name has no address of this type",
                    Empty::OtherTypeOnly => "the name has no record of this type",
                    Empty::ApexWithoutType => "the apex has no record of this type",
                    Empty::NonTerminal => "the name has no records",
                    Empty::DownResponse => "the down response of the service is empty",
                    Empty::DownResponseOfOtherFamily => "the down response has no address of this type",
                };
                format!("empty: {why}{}", if zone.is_some() { "; SOA for negative caching" } else { "" })
            }
            Content::NameError { why, .. } => match why {
                NameError::Absent => "the name does not exist; SOA for negative caching".to_owned(),
                NameError::Withdrawn => "none of its virtual services is up, so the name is withdrawn".to_owned(),
                NameError::OutsideEveryZone => "not authoritative for the name, so no SOA".to_owned(),
                NameError::ServiceDown => "the service is down and has no down response".to_owned(),
            },
            Content::Refused => "refused: zones are not transferred".to_owned(),
            Content::Drop { why: Dropped::Policy } => "no packet: the policy says so".to_owned(),
            Content::Drop { why } => {
                let why = match why {
                    Dropped::Absent => "the name does not exist",
                    Dropped::Withdrawn => "none of its virtual services is up, so the name is withdrawn",
                    Dropped::OutsideEveryZone => "not authoritative for the name",
                    Dropped::ServiceDown => "the service is down and has no down response",
                    Dropped::OutsideSites => "no site that a policy selects has a member that is up",
                    Dropped::Policy => "a policy says so",
                    Dropped::OtherFamilyOnly => "no member that is up has an address of this type",
                    Dropped::RecordOfOtherFamily => "the name has no address of this type",
                    Dropped::OtherTypeOnly => "the name has no record of this type",
                    Dropped::Transfer => "zones are not transferred",
                };
                format!("no packet: {why}, and the profile says DNS_ERROR_RESPONSE_NONE")
            }
        };
        self.push("answer", outcome);
    }
}

fn answer_text(qname: &OwnedName, resolution: &Resolution<'_>) -> DnsAnswerText {
    let rcode = match &resolution.content {
        Content::NameError { .. } => "NXDOMAIN",
        Content::Refused => "REFUSED",
        Content::Policy { rcode, .. } => return policy_text(*rcode),
        Content::Drop { .. } => "no packet",
        _ => "NOERROR",
    };
    let address_of = |owner: &OwnedName, ip: IpAddr, ttl: u32| {
        let rtype = if ip.is_ipv4() { Rtype::A } else { Rtype::AAAA };
        format!("{owner} {ttl} IN {rtype} {ip}")
    };
    let address = |ip: IpAddr, ttl: u32| address_of(qname, ip, ttl);
    let mut answer = Vec::new();
    let mut authority = Vec::new();
    match &resolution.content {
        Content::Members { .. } | Content::Addresses(_) => {
            answer.extend(resolution.addresses().map(|ip| address(ip, resolution.ttl())));
        }
        Content::Alias { target, ttl, then } => {
            answer.push(format!("{qname} {ttl} IN CNAME {target}"));
            for then in then.iter() {
                answer.extend(then.addresses().map(|ip| address_of(target, ip, then.ttl())));
            }
        }
        Content::AllRecords { ttl } => {
            if let Some(Reached { service, decision, .. }) = &resolution.service {
                answer.extend(gslb::all_records(service, decision.family).map(|member| address(member.ip, *ttl)));
            }
        }
        Content::Fallback { ip, ttl } => answer.push(address(*ip, *ttl)),
        Content::Name { target, ttl, .. } => answer.push(format!("{qname} {ttl} IN CNAME {target}")),
        Content::Policy { .. } => {}
        Content::Cname { target, ttl } => answer.push(format!("{qname} {ttl} IN CNAME {target}")),
        Content::Soa { zone } => answer.push(soa_text(zone)),
        Content::Empty { zone, .. } | Content::NameError { zone, .. } => authority.extend(zone.map(soa_text)),
        Content::Refused | Content::Drop { .. } => {}
    }
    DnsAnswerText { rcode: rcode.to_owned(), answer, authority }
}

fn policy_text(rcode: u8) -> DnsAnswerText {
    let rcode = Rcode(rcode.into()).to_string();
    DnsAnswerText { rcode, answer: Vec::new(), authority: Vec::new() }
}

fn soa_text(zone: &Zone) -> String {
    let Zone { apex, soa, negative_ttl } = zone;
    format!(
        "{apex} {negative_ttl} IN SOA {} {} {} {} {} {} {}",
        soa.mname, soa.rname, soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum
    )
}
