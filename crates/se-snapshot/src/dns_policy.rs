//! `DnsPolicy`: rules that come before the answer (avi-api 2.24).
//!
//! A rule that cannot be expressed is left out as a whole: without one of its matches it would take queries that it is
//! not for.

use model::{
    dns::{ClientMatch, DnsAction, DnsRule, LocationMatch, NameMatch},
    http::{Membership, StringCriterion},
};

use crate::{
    Problem, World,
    field::Message,
    http::request_match::{addresses, membership},
    reading::Reading,
    site::Site,
};

/// Members of a match that are expressed.
const KNOWN: [&str; 5] = ["client_ip_address", "query_name", "query_type", "protocol", "geo_location"];

/// Rules of the policies in `field` of a DNS virtual service, policies and rules by their index.
pub(crate) fn read(
    service: &Message<'_>,
    field: &str,
    world: &World<'_>,
    site: &Site<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<DnsRule> {
    let mut policies = service.messages(field);
    policies.sort_by_key(|policy| policy.number("index"));
    let mut found = Vec::new();
    for entry in policies {
        let uuid = entry.reference("dns_policy_ref").unwrap_or_default();
        let Some(object) = world.get("dnspolicy", uuid) else {
            problems.push(entry.problem("dns_policy_ref", format!("there is no {uuid}; skipped")));
            continue;
        };
        let label = format!("DnsPolicy {}", object.name);
        let mut rules = Message::root(&label, object.fields).messages("rule");
        rules.sort_by_key(|rule| rule.number("index"));
        for rule in rules.iter().filter(|rule| rule.flag("enable", true)) {
            match Reading::run(world, |reading| read_rule(object.name, rule, site, reading)).value {
                Ok(rule) => found.push(rule),
                Err(problem) => problems.push(problem.then("the rule is left out")),
            }
        }
    }
    found
}

fn read_rule(
    policy: &str,
    rule: &Message<'_>,
    site: &Site<'_>,
    reading: &mut Reading<'_, '_>,
) -> Result<DnsRule, Problem> {
    let matches = rule.message("match");
    if let Some(other) = matches.names().find(|name| !KNOWN.contains(name)) {
        return Err(matches.problem(other, "cannot be matched by this release"));
    }
    Ok(DnsRule {
        policy: policy.to_owned(),
        name: rule.text("name").unwrap_or_default().to_owned(),
        client: matches.some("client_ip_address").map(|it| client(&it, reading)).transpose()?,
        query_name: matches.some("query_name").map(|it| query_name(&it, reading)).transpose()?,
        query_type: matches.some("query_type").map(|it| query_type(&it)).transpose()?,
        over_tcp: matches.some("protocol").map(|it| over_tcp(&it)).transpose()?,
        location: matches.some("geo_location").map(|it| location(&it)).transpose()?,
        action: action(&rule.message("action"), site)?,
    })
}

fn client(entry: &Message<'_>, reading: &mut Reading<'_, '_>) -> Result<ClientMatch, Problem> {
    let addresses = addresses(&entry.message("client_ip"), reading)?;
    Ok(ClientMatch { addresses, use_subnet: entry.flag("use_edns_client_subnet_ip", true) })
}

fn query_name(entry: &Message<'_>, reading: &mut Reading<'_, '_>) -> Result<NameMatch, Problem> {
    let criteria = entry.text("match_criteria").unwrap_or_default();
    let (criterion, negated) = match criteria {
        "BEGINS_WITH" => (StringCriterion::BeginsWith, false),
        "DOES_NOT_BEGIN_WITH" => (StringCriterion::BeginsWith, true),
        "CONTAINS" => (StringCriterion::Contains, false),
        "DOES_NOT_CONTAIN" => (StringCriterion::Contains, true),
        "ENDS_WITH" => (StringCriterion::EndsWith, false),
        "DOES_NOT_END_WITH" => (StringCriterion::EndsWith, true),
        "EQUALS" => (StringCriterion::Equals, false),
        "DOES_NOT_EQUAL" => (StringCriterion::Equals, true),
        other => return Err(entry.problem("match_criteria", format!("`{other}` cannot be matched by this release"))),
    };
    let mut values: Vec<String> = entry.texts("query_domain_names").map(str::to_owned).collect();
    for uuid in entry.references("string_group_refs") {
        let group = reading.get("stringgroup", uuid);
        let group = group.ok_or_else(|| entry.problem("string_group_refs", format!("there is no {uuid}")))?;
        let pairs = Message::root("", group.fields).messages("kv");
        values.extend(pairs.iter().filter_map(|pair| pair.text("key")).map(str::to_owned));
    }
    let values = values.iter().map(|value| value.trim_end_matches('.').to_ascii_lowercase()).collect();
    Ok(NameMatch { criterion, negated, values })
}

fn query_type(entry: &Message<'_>) -> Result<(Membership, Vec<u16>), Problem> {
    let number = |name: &str| {
        let known = RECORD_TYPES.iter().find(|(known, _)| Some(*known) == name.strip_prefix("DNS_RECORD_"));
        known.map(|(_, number)| *number).ok_or_else(|| entry.problem("query_type", format!("`{name}` is unknown")))
    };
    Ok((membership(entry)?, entry.texts("query_type").map(number).collect::<Result<_, _>>()?))
}

/// Numbers of types (IANA, DNS parameters).
const RECORD_TYPES: [(&str, u16); 16] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("HINFO", 13),
    ("MX", 15),
    ("TXT", 16),
    ("RP", 17),
    ("AAAA", 28),
    ("SRV", 33),
    ("DNAME", 39),
    ("DS", 43),
    ("DNSKEY", 48),
    ("AXFR", 252),
    ("ANY", 255),
];

fn over_tcp(entry: &Message<'_>) -> Result<bool, Problem> {
    let is_in = membership(entry)? == Membership::In;
    match entry.text("protocol") {
        Some("DNS_OVER_TCP") => Ok(is_in),
        Some("DNS_OVER_UDP") => Ok(!is_in),
        other => Err(entry.problem("protocol", format!("`{}` is unknown", other.unwrap_or_default()))),
    }
}

fn location(entry: &Message<'_>) -> Result<LocationMatch, Problem> {
    let text = |field| entry.text(field).map(str::to_owned);
    let (name, tag) = (text("geolocation_name"), text("geolocation_tag"));
    if name.is_none() && tag.is_none() {
        return Err(entry.problem("geolocation_name", "neither a name nor a tag is given"));
    }
    let use_subnet = entry.flag("use_edns_client_subnet_ip", true);
    Ok(LocationMatch { membership: membership(entry)?, name, tag, use_subnet })
}

fn action(action: &Message<'_>, site: &Site<'_>) -> Result<DnsAction, Problem> {
    if let Some(selection) = action.some("gslb_site_selection") {
        let wanted = selection.text("site_name").into_iter().map(|name| ("site_name", name));
        let fallbacks = selection.texts("fallback_site_names").map(|name| ("fallback_site_names", name));
        let (mut sites, mut names) = (Vec::new(), Vec::new());
        for (field, name) in wanted.chain(fallbacks) {
            let uuid = site.sites.uuid_of(name);
            let uuid = uuid.ok_or_else(|| selection.problem(field, format!("the Gslb has no site `{name}`")))?;
            sites.push(uuid.to_owned());
            names.push(name.to_owned());
        }
        return Ok(DnsAction::SelectSites { sites, names, is_preferred: selection.flag("is_site_preferred", true) });
    }
    if let Some(response) = action.some("response") {
        if response.is_set("resource_record_sets") {
            return Err(response.problem("resource_record_sets", "cannot be answered by this release"));
        }
        let name = response.text("rcode").unwrap_or("DNS_RCODE_NOERROR");
        let rcode = RCODES.iter().position(|known| Some(*known) == name.strip_prefix("DNS_RCODE_"));
        let rcode = rcode.and_then(|rcode| u8::try_from(rcode).ok());
        return Ok(DnsAction::Respond {
            rcode: rcode.ok_or_else(|| response.problem("rcode", format!("`{name}` is unknown")))?,
            authoritative: response.flag("authoritative", true),
            truncated: response.flag("truncation", false),
        });
    }
    // An empty `allow` is one.
    if action.has("allow") {
        let is_allowed = action.message("allow").flag("allow", true);
        return Ok(if is_allowed { DnsAction::Allow } else { DnsAction::Drop });
    }
    let other = action.names().next().unwrap_or_default();
    Err(action.problem(other, "cannot be done by this release"))
}

/// By their numbers (RFC 1035 §4.1.1, RFC 2136 §2.2).
const RCODES: [&str; 11] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
    "NOTZONE",
];
