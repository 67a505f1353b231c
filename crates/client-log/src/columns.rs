//! The columns of logs, and what a log has there.

mod dns;
mod http;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use se_protocol::logs::{Log, LogKind};
use serde_json::{Value, json};

/// A column: its name, and what a log has there; null where this release knows nothing.
type Column<L> = (&'static str, fn(&L) -> Value);

/// Columns of a kind of logs, in the order of the export.
#[must_use]
pub fn columns(kind: LogKind) -> Vec<&'static str> {
    match kind {
        LogKind::Dns => dns::COLUMNS.iter().map(|(name, _)| *name).collect(),
        LogKind::Http => http::COLUMNS.iter().map(|(name, _)| *name).collect(),
    }
}

/// Whether a filter or a list of columns may name this: a column, what documents have beside the columns, or a member of
/// `dns_request` or `dns_response`.
#[must_use]
pub fn is_field(kind: LogKind, name: &str) -> bool {
    Field::find(kind, name).is_some()
}

/// A field of one kind of logs: a column, or a member of one.
#[derive(Debug)]
pub(crate) struct Field {
    /// Among the columns and what is beside them.
    place: usize,
    members: Vec<String>,
}

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    Address,
    Flag,
    Moment,
    Number,
    Text,
}

impl Field {
    pub(crate) fn find(kind: LogKind, name: &str) -> Option<Self> {
        let (column, members) = name.split_once('.').unwrap_or((name, ""));
        let is_message = kind == LogKind::Dns && matches!(column, "dns_request" | "dns_response");
        if !members.is_empty() && !is_message {
            return None;
        }
        let place = names(kind).position(|known| known == column)?;
        let members = members.split('.').filter(|member| !member.is_empty()).map(str::to_owned).collect();
        Some(Self { place, members })
    }

    /// Its value in a log of its kind.
    pub(crate) fn value(&self, log: &Log) -> Value {
        self.members.iter().fold(at(log, self.place), |value, member| match value {
            Value::Array(items) => items.iter().filter_map(|item| item.get(member).cloned()).collect(),
            other => other.get(member).cloned().unwrap_or(Value::Null),
        })
    }

    /// What its values are, as a log has them; text where no log has one.
    pub(crate) fn values(&self, kind: LogKind) -> Values {
        let name = self.members.last().map(String::as_str).or_else(|| names(kind).nth(self.place)).unwrap_or_default();
        match name {
            "start_timestamp" | "report_timestamp" => return Values::Moment,
            "vs_ip" | "vs_ip6" | "client_ip" | "client_ip6" | "dns_ips" | "server_ip" | "server_ip6" => {
                return Values::Address;
            }
            "server_conn_src_ip" | "server_conn_src_ip6" | "addr_ip" | "addr6_ip_str" | "subnet_ip" => {
                return Values::Address;
            }
            _ => {}
        }
        let found = self.value(&match kind {
            LogKind::Dns => dns::full().into(),
            LogKind::Http => http::full().into(),
        });
        match found.get(0).unwrap_or(&found) {
            Value::Bool(_) => Values::Flag,
            Value::Number(_) => Values::Number,
            _ => Values::Text,
        }
    }
}

/// All that documents have, the columns of the export first.
pub(crate) fn names(kind: LogKind) -> impl Iterator<Item = &'static str> {
    fn of<L>(
        columns: &'static [Column<L>],
        beside: &'static [Column<L>],
        wanted: bool,
    ) -> impl Iterator<Item = &'static str> {
        columns.iter().chain(beside).map(|(name, _)| *name).filter(move |_| wanted)
    }
    of(&dns::COLUMNS, &dns::BESIDE, kind == LogKind::Dns).chain(of(
        &http::COLUMNS,
        &http::BESIDE,
        kind == LogKind::Http,
    ))
}

/// What a log has at a place of [`names`].
pub(crate) fn at(log: &Log, place: usize) -> Value {
    fn of<L>(columns: &[Column<L>], beside: &[Column<L>], place: usize, log: &L) -> Value {
        let found = columns.get(place).or_else(|| beside.get(place - columns.len()));
        found.map_or(Value::Null, |(_, of)| of(log))
    }
    match log {
        Log::Dns(log) => of(&dns::COLUMNS, &dns::BESIDE, place, log),
        Log::Http(log) => of(&http::COLUMNS, &http::BESIDE, place, log),
    }
}

/// A moment as clients read it: with microseconds and offset.
#[must_use]
pub fn timestamp(at_us: i64) -> String {
    let at = Timestamp::from_microsecond(at_us).unwrap_or_default().to_zoned(TimeZone::UTC);
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string()
}

/// Reads a moment, in microseconds since the epoch; without an offset it is in UTC. A `+` that nobody escaped in an
/// address arrives as a blank.
#[must_use]
pub fn moment(text: &str) -> Option<i64> {
    let offset_lost = text.contains('T').then(|| text.replace(' ', "+"));
    let text = offset_lost.as_deref().unwrap_or(text);
    let in_utc = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    text.parse::<Timestamp>().ok().or_else(in_utc).map(Timestamp::as_microsecond)
}

fn nothing<L>(_: &L) -> Value {
    Value::Null
}

fn known(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

fn of_family(ip: &str, v6: bool) -> Value {
    if !ip.is_empty() && ip.contains(':') == v6 { json!(ip) } else { Value::Null }
}

fn version(version: Option<&se_protocol::wire::Version>) -> Value {
    version.cloned().map_or(Value::Null, |version| json!(model::Version::from(version).to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_moment_has_microseconds_and_an_offset() {
        assert_eq!(timestamp(1_704_067_200_123_456), "2024-01-01T00:00:00.123456+00:00");
        assert_eq!(timestamp(1_704_067_200_000_000), "2024-01-01T00:00:00.000000+00:00");
    }

    #[test]
    fn every_name_stands_for_one_field_of_its_kind() {
        for kind in [LogKind::Dns, LogKind::Http] {
            let known: Vec<_> = names(kind).collect();
            assert_eq!(known.iter().collect::<BTreeSet<_>>().len(), known.len());
            assert!(known.starts_with(&columns(kind)));
            assert!(known.iter().all(|name| is_field(kind, name)));
        }
        assert!(is_field(LogKind::Http, "uri_path") && !is_field(LogKind::Dns, "uri_path"));
        assert!(is_field(LogKind::Dns, "dns_response.records.ttl") && !is_field(LogKind::Http, "uri_path.x"));
    }
}
