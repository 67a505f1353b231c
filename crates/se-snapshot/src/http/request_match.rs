//! `MatchTarget`: which requests a rule is for (avi-api 2.9, 10.4).
//!
//! All members of a match have to hold, so that one which cannot be expressed makes the whole match impossible: without
//! it, the rule would take requests that it is not for.

use std::net::IpAddr;

use model::http::{HeaderMatch, IpMatch, Membership, PathMatch, RequestMatch, StringCriterion};

use crate::{Problem, field::Message, reading::Reading};

/// Members of a match that are expressed.
const KNOWN: [&str; 8] = ["client_ip", "source_ip", "vs_port", "protocol", "method", "path", "host_hdr", "hdrs"];

/// The match, or the first thing in it that cannot be expressed.
pub(super) fn read(target: &Message<'_>, reading: &mut Reading<'_, '_>) -> Result<RequestMatch, Problem> {
    if let Some(other) = target.names().find(|name| !KNOWN.contains(name)) {
        return Err(target.problem(other, "cannot be matched by this release"));
    }
    if target.has("client_ip") && target.has("source_ip") {
        return Err(target.problem("source_ip", "is the client's address too: only one of both can be matched"));
    }
    let client_ip = if target.has("client_ip") { target.some("client_ip") } else { target.some("source_ip") };
    Ok(RequestMatch {
        client_ip: client_ip.map(|ip| addresses(&ip, reading)).transpose()?,
        port: target.some("vs_port").map(|port| ports(&port)).transpose()?,
        https: target.some("protocol").map(|protocol| is_https(&protocol)).transpose()?,
        method: target.some("method").map(|method| methods(&method)).transpose()?,
        path: target.some("path").map(|path| self::path(&path, reading)).transpose()?,
        host: target.some("host_hdr").map(|host| header(&host, "Host")).transpose()?,
        headers: target
            .messages("hdrs")
            .iter()
            .map(|entry| header(entry, entry.text("hdr").unwrap_or_default()))
            .collect::<Result<_, _>>()?,
    })
}

/// Avi: `PathMatch`.
pub(super) fn path(path: &Message<'_>, reading: &mut Reading<'_, '_>) -> Result<PathMatch, Problem> {
    let criteria = path.text("match_criteria").unwrap_or("CONTAINS");
    let (criterion, negated) = match criteria {
        "BEGINS_WITH" => (StringCriterion::BeginsWith, false),
        "DOES_NOT_BEGIN_WITH" => (StringCriterion::BeginsWith, true),
        "CONTAINS" => (StringCriterion::Contains, false),
        "DOES_NOT_CONTAIN" => (StringCriterion::Contains, true),
        "ENDS_WITH" => (StringCriterion::EndsWith, false),
        "DOES_NOT_END_WITH" => (StringCriterion::EndsWith, true),
        "EQUALS" => (StringCriterion::Equals, false),
        "DOES_NOT_EQUAL" => (StringCriterion::Equals, true),
        "REGEX_MATCH" => (StringCriterion::Regex, false),
        "REGEX_DOES_NOT_MATCH" => (StringCriterion::Regex, true),
        other => return Err(path.problem("match_criteria", format!("`{other}` is unknown"))),
    };
    let mut values: Vec<String> = path.texts("match_str").map(str::to_owned).collect();
    for uuid in path.references("string_group_refs") {
        let group = reading.get("stringgroup", uuid);
        let group = group.ok_or_else(|| path.problem("string_group_refs", format!("there is no {uuid}")))?;
        let entries = Message::root("", group.fields).messages("kv");
        values.extend(entries.iter().filter_map(|entry| entry.text("key")).map(str::to_owned));
    }
    Ok(PathMatch {
        criterion,
        negated,
        case_sensitive: is_case_sensitive(path),
        decoded: path.flag("match_decoded_string", true),
        values,
    })
}

/// Avi: `HdrMatch`, `HostHdrMatch`.
fn header(entry: &Message<'_>, name: &str) -> Result<HeaderMatch, Problem> {
    let (criterion, negated) = match entry.text("match_criteria").unwrap_or_default() {
        "HDR_EXISTS" => (StringCriterion::Exists, false),
        "HDR_DOES_NOT_EXIST" => (StringCriterion::Exists, true),
        "HDR_BEGINS_WITH" => (StringCriterion::BeginsWith, false),
        "HDR_DOES_NOT_BEGIN_WITH" => (StringCriterion::BeginsWith, true),
        "HDR_CONTAINS" => (StringCriterion::Contains, false),
        "HDR_DOES_NOT_CONTAIN" => (StringCriterion::Contains, true),
        "HDR_ENDS_WITH" => (StringCriterion::EndsWith, false),
        "HDR_DOES_NOT_END_WITH" => (StringCriterion::EndsWith, true),
        "HDR_EQUALS" => (StringCriterion::Equals, false),
        "HDR_DOES_NOT_EQUAL" => (StringCriterion::Equals, true),
        other => return Err(entry.problem("match_criteria", format!("`{other}` is unknown"))),
    };
    if name.is_empty() {
        return Err(entry.problem("hdr", "no header given"));
    }
    Ok(HeaderMatch {
        header: name.to_owned(),
        criterion,
        negated,
        case_sensitive: is_case_sensitive(entry),
        values: entry.texts("value").map(str::to_owned).collect(),
    })
}

fn is_case_sensitive(entry: &Message<'_>) -> bool {
    entry.text("match_case") == Some("SENSITIVE")
}

pub(crate) fn membership(entry: &Message<'_>) -> Result<Membership, Problem> {
    match entry.text("match_criteria") {
        Some("IS_IN") => Ok(Membership::In),
        Some("IS_NOT_IN") => Ok(Membership::NotIn),
        other => Err(entry.problem("match_criteria", format!("`{}` is unknown", other.unwrap_or_default()))),
    }
}

fn ports(entry: &Message<'_>) -> Result<(Membership, Vec<u16>), Problem> {
    Ok((membership(entry)?, entry.numbers("ports").filter_map(|port| u16::try_from(port).ok()).collect()))
}

fn is_https(entry: &Message<'_>) -> Result<bool, Problem> {
    let is_in = membership(entry)? == Membership::In;
    match entry.text("protocols") {
        Some("HTTPS") => Ok(is_in),
        Some("HTTP") => Ok(!is_in),
        other => Err(entry.problem("protocols", format!("`{}` is unknown", other.unwrap_or_default()))),
    }
}

fn methods(entry: &Message<'_>) -> Result<(Membership, Vec<String>), Problem> {
    let methods = entry.texts("methods").map(|name| name.strip_prefix("HTTP_METHOD_").unwrap_or(name).to_owned());
    Ok((membership(entry)?, methods.collect()))
}

pub(crate) fn addresses(entry: &Message<'_>, reading: &mut Reading<'_, '_>) -> Result<IpMatch, Problem> {
    let mut ranges = ranges(entry)?;
    for uuid in entry.references("group_refs") {
        let group = reading.get("ipaddrgroup", uuid);
        let group = group.ok_or_else(|| entry.problem("group_refs", format!("there is no {uuid}")))?;
        let label = format!("IpAddrGroup {}", group.name);
        let group = Message::root(&label, group.fields);
        if group.texts("country_codes").next().is_some() {
            return Err(group.problem("country_codes", "countries cannot be matched by this release"));
        }
        ranges.extend(self::ranges(&group)?);
    }
    Ok(IpMatch { membership: membership(entry)?, ranges })
}

/// `addrs`, `prefixes` and `ranges` of a match or a group.
pub(crate) fn ranges(entry: &Message<'_>) -> Result<Vec<(IpAddr, IpAddr)>, Problem> {
    let mut found = Vec::new();
    for element in entry.messages("addrs") {
        let address = parse(&element)?;
        found.push((address, address));
    }
    for element in entry.messages("prefixes") {
        let address = parse(&element.message("ip_addr"))?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let mask = element.number("mask").and_then(|mask| u32::try_from(mask).ok()).filter(|mask| *mask <= bits);
        let mask = mask.ok_or_else(|| element.problem("mask", "is no length of a prefix"))?;
        found.push(prefix(address, mask));
    }
    for element in entry.messages("ranges") {
        found.push((parse(&element.message("begin"))?, parse(&element.message("end"))?));
    }
    Ok(found)
}

fn parse(address: &Message<'_>) -> Result<IpAddr, Problem> {
    let text = address.text("addr").unwrap_or_default();
    text.parse().map_err(|_| address.problem("addr", format!("`{text}` is not an IP address")))
}

/// First and last address of a prefix.
fn prefix(address: IpAddr, mask: u32) -> (IpAddr, IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(mask).unwrap_or(0);
            let bits = address.to_bits();
            (IpAddr::V4((bits & !host).into()), IpAddr::V4((bits | host).into()))
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(mask).unwrap_or(0);
            let bits = address.to_bits();
            (IpAddr::V6((bits & !host).into()), IpAddr::V6((bits | host).into()))
        }
    }
}
