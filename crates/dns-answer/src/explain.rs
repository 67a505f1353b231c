//! A question in words to every step of its answer, by the resolution that answers.

use std::fmt::Write;
use std::net::IpAddr;

use dns_wire::{OwnedName, Rtype};
use gslb::{Decision, Outcome, Peek, verdicts};
use se_protocol::explain::{DnsAnswerText, DnsExplanation, DnsQuestion, MemberVerdict, Step};

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

/// Explains what `view` would answer to `question` now. No turn is used up, so the next real query gets this answer.
///
/// `health_of` tells why a member of a service (uuid, pool, address) is up or not, from the engine's books.
///
/// # Errors
/// When the name or the type makes no question.
pub fn explain(
    view: &View,
    question: &DnsQuestion,
    health_of: impl Fn(&str, &str, IpAddr) -> Option<String>,
) -> Result<DnsExplanation, ExplainError> {
    let qname = OwnedName::from_text(&question.name)
        .map_err(|error| ExplainError::Name { name: question.name.clone(), why: error.to_string() })?;
    let qtype: Rtype = question.qtype.parse().map_err(|_| ExplainError::Type(question.qtype.clone()))?;
    let resolution = resolve(view, qname.as_name(), qtype, &mut Peek::default());

    let mut steps = Steps(Vec::new());
    steps.client(question.client);
    steps.zone(view.table.zone_of(qname.as_name()));
    steps.lookup(&resolution);
    if let Some(reached) = &resolution.service {
        steps.pool(reached);
        steps.member(reached);
    }
    steps.answer(&resolution);
    Ok(DnsExplanation {
        question: DnsQuestion { name: qname.to_string(), qtype: qtype.to_string(), client: question.client },
        dns_service: format!("{} ({})", view.table.name, view.table.uuid),
        version: view.version.clone(),
        steps: steps.0,
        members: resolution.service.as_ref().map(|reached| members(view, reached, health_of)).unwrap_or_default(),
        answer: answer_text(&qname, &resolution),
    })
}

fn members(
    view: &View,
    reached: &Reached<'_>,
    health_of: impl Fn(&str, &str, IpAddr) -> Option<String>,
) -> Vec<MemberVerdict> {
    verdicts(reached.service, &reached.decision, &*view.slots)
        .into_iter()
        .map(|verdict| {
            let mut reason = verdict.why.to_string();
            if let Some(health) = health_of(&reached.service.uuid, &verdict.pool.name, verdict.member.ip) {
                let _ = write!(reason, " ({health})");
            }
            MemberVerdict {
                pool: verdict.pool.name.clone(),
                ip: verdict.member.ip,
                weight: verdict.member.weight.get(),
                chosen: matches!(verdict.why, gslb::Why::Chosen(_)),
                reason,
            }
        })
        .collect()
}

struct Steps(Vec<Step>);

impl Steps {
    fn push(&mut self, step: &str, outcome: impl Into<String>) {
        self.0.push(Step { step: step.to_owned(), outcome: outcome.into() });
    }

    fn client(&mut self, client: Option<IpAddr>) {
        self.push(
            "client",
            match client {
                Some(client) => format!("{client}; no algorithm in use looks at the client, so every client gets this"),
                None => "any; no algorithm in use looks at the client".to_owned(),
            },
        );
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
            Outcome::OtherFamilyOnly => "no pool has an address of this type, but the service is up".to_owned(),
            Outcome::Down => "no pool is usable".to_owned(),
        };
        self.push("pool", outcome);
    }

    fn member(&mut self, reached: &Reached<'_>) {
        let Decision { family, outcome } = &reached.decision;
        let Outcome::Members { pool, turn, skipped, .. } = outcome else { return };
        let pool = &reached.service.pools[*pool];
        let ring = pool.ring(*family);
        let length = ring.sequence.len() as u64;
        let first = reached.decision.members().first().and_then(|&index| pool.members.get(usize::from(index)));
        let Some(member) = first else { return };
        let mut outcome = format!(
            "weighted round robin: turn {} of {length} is {}'s",
            (turn + u64::from(*skipped)) % length + 1,
            member.ip
        );
        if *skipped > 0 {
            let _ = write!(outcome, ", after {skipped} turns of members that are not up");
        }
        if pool.algorithm != model::gslb::MemberAlgorithm::RoundRobin {
            let _ = write!(outcome, " (instead of {}, which this release does not have yet)", pool.algorithm.as_avi());
        }
        self.push("member", outcome);
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
            Content::AllRecords { .. } => "all addresses: the down response of the service".to_owned(),
            Content::Fallback { .. } => "the fallback address: the down response of the service".to_owned(),
            Content::Cname { .. } => "the fallback name: the down response of the service".to_owned(),
            Content::Soa { .. } => "the SOA record".to_owned(),
            Content::Empty { why, zone } => {
                let why = match why {
                    Empty::OtherFamilyOnly => "no member that is up has an address of this type",
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
                NameError::OutsideEveryZone => "not authoritative for the name, so no SOA".to_owned(),
                NameError::ServiceDown => "the service is down and has no down response".to_owned(),
            },
            Content::Refused => "refused: zones are not transferred".to_owned(),
            Content::Drop { why } => {
                let why = match why {
                    Dropped::Absent => "the name does not exist",
                    Dropped::OutsideEveryZone => "not authoritative for the name",
                    Dropped::ServiceDown => "the service is down and has no down response",
                    Dropped::OtherFamilyOnly => "no member that is up has an address of this type",
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
        Content::Drop { .. } => "no packet",
        _ => "NOERROR",
    };
    let address = |ip: IpAddr, ttl: u32| {
        let rtype = if ip.is_ipv4() { Rtype::A } else { Rtype::AAAA };
        format!("{qname} {ttl} IN {rtype} {ip}")
    };
    let mut answer = Vec::new();
    let mut authority = Vec::new();
    match &resolution.content {
        Content::Members { ttl } => {
            if let Some(Reached { service, decision, .. }) = &resolution.service
                && let Outcome::Members { pool, .. } = decision.outcome
            {
                let members = &service.pools[pool].members;
                answer.extend(decision.members().iter().map(|&index| address(members[usize::from(index)].ip, *ttl)));
            }
        }
        Content::AllRecords { ttl } => {
            if let Some(Reached { service, decision, .. }) = &resolution.service {
                answer.extend(gslb::all_records(service, decision.family).map(|member| address(member.ip, *ttl)));
            }
        }
        Content::Fallback { ip, ttl } => answer.push(address(*ip, *ttl)),
        Content::Cname { target, ttl } => answer.push(format!("{qname} {ttl} IN CNAME {target}")),
        Content::Soa { zone } => answer.push(soa_text(zone)),
        Content::Empty { zone, .. } | Content::NameError { zone, .. } => authority.extend(zone.map(soa_text)),
        Content::Refused | Content::Drop { .. } => {}
    }
    DnsAnswerText { rcode: rcode.to_owned(), answer, authority }
}

fn soa_text(zone: &Zone) -> String {
    let Zone { apex, soa, negative_ttl } = zone;
    format!(
        "{apex} {negative_ttl} IN SOA {} {} {} {} {} {} {}",
        soa.mname, soa.rname, soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum
    )
}
