//! Rules that come before the answer, compiled; the first that matches counts (avi-api 2.24, 4.5 step 2).

use std::net::IpAddr;

use dns_wire::{NAME_SIZE_MAX, Name, Rtype};
use geo::Database;
use gslb::{AddressRanges, Client, SiteSelection};
use model::dns::{DnsAction, DnsRule, LocationMatch, NameMatch};
use model::http::{Membership, StringCriterion};

/// A compiled rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) rule: DnsRule,
    /// Sites, where its action selects some.
    pub(crate) selection: Option<SiteSelection>,
    addresses: Option<AddressRanges>,
}

/// What rules look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) qname: Name<'a>,
    pub(crate) qtype: Rtype,
    pub(crate) client: &'a Client,
    pub(crate) over_tcp: bool,
}

impl Rule {
    pub(crate) fn compile(rule: &DnsRule) -> Self {
        let selection = match &rule.action {
            DnsAction::SelectSites { sites, is_preferred, .. } => {
                let sites = sites.iter().map(|site| site.as_str().into()).collect();
                Some(SiteSelection { sites, is_preferred: *is_preferred })
            }
            _ => None,
        };
        let addresses = rule.client.as_ref().map(|client| AddressRanges::compile(&client.addresses.ranges));
        Self { rule: rule.clone(), selection, addresses }
    }

    /// Name of the policy and of the rule.
    pub(crate) fn label(&self) -> String {
        format!("rule {} of policy {}", self.rule.name, self.rule.policy)
    }

    /// Whether it matches; `scope` becomes as long as what of the client's subnet was looked at.
    fn matches(&self, asked: &Asked<'_>, geo: &Database, scope: &mut u8) -> bool {
        let DnsRule { client, query_name, query_type, over_tcp, location, .. } = &self.rule;
        let mut address = |use_subnet: bool| -> IpAddr {
            let told = asked.client.subnet.filter(|_| use_subnet);
            *scope = told.map_or(*scope, |told| told.prefix().max(*scope));
            told.map_or(asked.client.source.to_canonical(), gslb::Network::ip)
        };
        over_tcp.is_none_or(|over_tcp| over_tcp == asked.over_tcp)
            && query_type.as_ref().is_none_or(|(membership, types)| holds(*membership, types.contains(&asked.qtype.0)))
            && query_name.as_ref().is_none_or(|names| is_named(names, asked.qname))
            && client.as_ref().zip(self.addresses.as_ref()).is_none_or(|(client, ranges)| {
                holds(client.addresses.membership, ranges.contains(address(client.use_subnet)))
            })
            && location.as_ref().is_none_or(|there| is_located(there, address(there.use_subnet), geo))
    }
}

/// The first rule that matches, and how much of the client's subnet that depends on.
pub(crate) fn first_match<'r>(rules: &'r [Rule], asked: &Asked<'_>, geo: &Database) -> (Option<&'r Rule>, u8) {
    let mut scope = 0;
    let rule = rules.iter().find(|rule| rule.matches(asked, geo, &mut scope));
    (rule, scope)
}

fn holds(membership: Membership, is_in: bool) -> bool {
    is_in == (membership == Membership::In)
}

fn is_located(there: &LocationMatch, ip: IpAddr, geo: &Database) -> bool {
    let is_in = geo.find(ip).place.is_some_and(|place| {
        there.name.as_ref().is_none_or(|name| place.is_in(name))
            && there.tag.as_ref().is_none_or(|tag| place.tag.eq_ignore_ascii_case(tag))
    });
    holds(there.membership, is_in)
}

/// Compares with the name in lower case, without the dot at the end.
fn is_named(names: &NameMatch, qname: Name<'_>) -> bool {
    let mut buffer = [0_u8; NAME_SIZE_MAX];
    let name = text(qname, &mut buffer);
    let is_one = names.values.iter().map(String::as_bytes).any(|value| match names.criterion {
        StringCriterion::BeginsWith => name.starts_with(value),
        StringCriterion::EndsWith => name.ends_with(value),
        StringCriterion::Equals => name == value,
        StringCriterion::Contains => value.is_empty() || name.windows(value.len()).any(|part| part == value),
        // Not read from a policy.
        StringCriterion::Regex | StringCriterion::Exists => false,
    });
    is_one != names.negated
}

/// Labels with dots between them: the wire form without its first length and its end, and dots in place of lengths.
fn text<'b>(name: Name<'_>, buffer: &'b mut [u8; NAME_SIZE_MAX]) -> &'b [u8] {
    let wire = name.as_wire();
    let Some(copy) = buffer.get_mut(..wire.len()) else { return &[] };
    copy.copy_from_slice(wire);
    let mut at = 0;
    while let Some(length) = wire.get(at).copied().filter(|length| *length > 0) {
        copy[at] = b'.';
        at += usize::from(length) + 1;
    }
    copy.get(1..at).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use dns_wire::OwnedName;

    use super::*;

    #[track_caller]
    fn check(criterion: StringCriterion, value: &str, name: &str, expected: bool) {
        let name = OwnedName::from_text(name).unwrap();
        for negated in [false, true] {
            let names = NameMatch { criterion, negated, values: vec!["never".into(), value.into()] };
            assert_eq!(is_named(&names, name.as_name()), expected != negated);
        }
    }

    #[test]
    fn names_are_compared_as_texts() {
        check(StringCriterion::Equals, "app.example.com", "app.example.com", true);
        check(StringCriterion::Equals, "app.example.com", "app.example.co", false);
        check(StringCriterion::BeginsWith, "app", "app.example.com", true);
        check(StringCriterion::EndsWith, ".example.com", "app.example.com", true);
        check(StringCriterion::EndsWith, ".example.com", "example.com", false);
        check(StringCriterion::Contains, "p.ex", "app.example.com", true);
        check(StringCriterion::Contains, "x.p", "app.example.com", false);
        check(StringCriterion::Equals, "", ".", true);
    }
}
