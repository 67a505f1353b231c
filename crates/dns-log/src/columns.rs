//! The columns of a DNS log, in the order of the export (avi-api 7.5).

use dns_wire::{Opcode, Rcode, Rtype};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use se_protocol::logs::{DnsLog, LogRecord};
use serde_json::{Map, Value, json};

/// A column: its name, and what a log has there; null where this release knows nothing.
pub type Column = (&'static str, fn(&DnsLog) -> Value);

/// All columns; 61 is `dns_fqdn`, 62 is `dns_ips`.
pub static COLUMNS: [Column; 87] = [
    ("adf", |log| json!(log.significant)),
    ("significant", |log| json!(u8::from(log.significant))),
    ("significance", |log| if log.significant { json!(log.reason) } else { Value::Null }),
    ("udf", |_| json!(false)),
    ("virtualservice", |log| json!(log.virtual_service)),
    ("vs_ip", |log| of_family(&log.service_ip, false)),
    ("client_ip", |log| of_family(&log.client_ip, false)),
    ("client_location", nothing),
    ("client_src_port", |log| json!(log.client_port)),
    ("client_dest_port", |log| json!(log.service_port)),
    ("start_timestamp", |log| json!(timestamp(log.at_us))),
    ("report_timestamp", |log| json!(timestamp(log.at_us))),
    ("total_time", nothing),
    ("connection_ended", nothing),
    ("client_rtt", nothing),
    ("mss", nothing),
    ("rx_bytes", |log| json!(log.query_bytes)),
    ("tx_bytes", |log| json!(log.answer_bytes)),
    ("total_bytes", |log| json!(log.query_bytes.saturating_add(log.answer_bytes))),
    ("rx_pkts", |log| if log.over_tcp { Value::Null } else { json!(1) }),
    ("tx_pkts", |log| if log.over_tcp { Value::Null } else { json!(u8::from(log.rcode.is_some())) }),
    ("total_pkts", |log| if log.over_tcp { Value::Null } else { json!(1 + u8::from(log.rcode.is_some())) }),
    ("out_of_orders", nothing),
    ("retransmits", nothing),
    ("timeouts", nothing),
    ("zero_window_size_events", nothing),
    ("service_engine", |log| json!(log.service_engine)),
    ("vcpu_id", nothing),
    ("log_id", |log| json!(log.id)),
    ("network_security_policy_rule_name", nothing),
    ("pool", nothing),
    ("pool_name", nothing),
    ("server_ip", nothing),
    ("server_name", nothing),
    ("server_conn_src_ip", nothing),
    ("server_dest_port", nothing),
    ("server_src_port", nothing),
    ("server_rtt", nothing),
    ("server_total_bytes", nothing),
    ("server_rx_bytes", nothing),
    ("server_tx_bytes", nothing),
    ("server_total_pkts", nothing),
    ("server_rx_pkts", nothing),
    ("server_tx_pkts", nothing),
    ("server_out_of_orders", nothing),
    ("server_retransmits", nothing),
    ("server_timeouts", nothing),
    ("server_zero_window_size_events", nothing),
    ("significant_log", |log| if log.significant { json!([log.reason]) } else { Value::Null }),
    ("num_transaction", nothing),
    ("average_turntime", nothing),
    ("num_window_shrink", nothing),
    ("server_num_window_shrink", nothing),
    ("num_syn_retransmit", nothing),
    ("microservice", nothing),
    ("microservice_name", nothing),
    ("proxy_protocol", nothing),
    ("ssl_session_id", nothing),
    ("ssl_version", nothing),
    ("ssl_cipher", nothing),
    ("dns_fqdn", |log| known(&log.qname)),
    ("dns_ips", |log| json!(addresses(log).map(|record| record.data.as_str()).collect::<Vec<_>>())),
    ("dns_qtype", |log| if log.qname.is_empty() { Value::Null } else { json!(record_type(log.qtype)) }),
    ("gslbservice", |log| known(&log.gslb_service)),
    ("gslbservice_name", |log| known(&log.gslb_service_name)),
    ("gslbpool_name", |log| known(&log.gslb_pool_name)),
    ("dns_response", response),
    ("dns_etype", |log| json!(format!("DNS_ENTRY_{}", log.entry))),
    ("protocol", |log| json!(if log.over_tcp { "PROTOCOL_TCP" } else { "PROTOCOL_UDP" })),
    ("dns_request", request),
    ("client_ip6", |log| of_family(&log.client_ip, true)),
    ("vs_ip6", |log| of_family(&log.service_ip, true)),
    ("server_ip6", nothing),
    ("server_conn_src_ip6", nothing),
    ("sni_hostname", nothing),
    ("sip_log", nothing),
    ("client_log_filter_name", nothing),
    ("ds_log", nothing),
    ("persistence_used", nothing),
    ("ocsp_status_resp_sent", nothing),
    ("max_ingress_latency_fe", nothing),
    ("avg_ingress_latency_fe", nothing),
    ("conn_est_time_fe", nothing),
    ("max_ingress_latency_be", nothing),
    ("avg_ingress_latency_be", nothing),
    ("conn_est_time_be", nothing),
    ("dns_tcp_conn_close_from_se", nothing),
];

/// What documents have beside the columns: why this answer, and from which configuration.
pub(crate) static BESIDE: [Column; 2] = [
    ("reason", |log| json!(log.reason)),
    ("configuration", |log| {
        log.version.clone().map_or(Value::Null, |version| json!(model::Version::from(version).to_string()))
    }),
];

/// Whether a filter or a list of columns may name this: a column, or a member of `dns_request` or `dns_response`.
#[must_use]
pub fn is_field(name: &str) -> bool {
    let (column, member) = name.split_once('.').unwrap_or((name, ""));
    let is_message = matches!(column, "dns_request" | "dns_response");
    find(column).is_some() && (member.is_empty() || is_message)
}

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Address,
    Flag,
    Moment,
    Number,
    Text,
}

/// The kind of a field, as a log has it; text where no log has a value.
pub(crate) fn kind(name: &str) -> Kind {
    match name.rsplit('.').next().unwrap_or(name) {
        "start_timestamp" | "report_timestamp" => return Kind::Moment,
        "vs_ip" | "vs_ip6" | "client_ip" | "client_ip6" | "dns_ips" | "server_ip" | "server_ip6" => {
            return Kind::Address;
        }
        "server_conn_src_ip" | "server_conn_src_ip6" | "addr_ip" | "addr6_ip_str" | "subnet_ip" => {
            return Kind::Address;
        }
        _ => {}
    }
    let answered = DnsLog { rcode: Some(0), records: vec![LogRecord::default()], ..DnsLog::default() };
    let found = value(&answered, name);
    match found.get(0).unwrap_or(&found) {
        Value::Bool(_) => Kind::Flag,
        Value::Number(_) => Kind::Number,
        _ => Kind::Text,
    }
}

/// The value of a field.
pub(crate) fn value(log: &DnsLog, name: &str) -> Value {
    let (column, members) = name.split_once('.').unwrap_or((name, ""));
    let value = find(column).map_or(Value::Null, |(_, of)| of(log));
    members.split('.').filter(|member| !member.is_empty()).fold(value, |value, member| match value {
        Value::Array(items) => items.iter().filter_map(|item| item.get(member).cloned()).collect(),
        other => other.get(member).cloned().unwrap_or(Value::Null),
    })
}

pub(crate) fn find(name: &str) -> Option<&'static Column> {
    COLUMNS.iter().chain(&BESIDE).find(|(known, _)| *known == name)
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

fn nothing(_: &DnsLog) -> Value {
    Value::Null
}

fn known(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

fn of_family(ip: &str, v6: bool) -> Value {
    if ip.contains(':') == v6 { json!(ip) } else { Value::Null }
}

fn addresses(log: &DnsLog) -> impl Iterator<Item = &LogRecord> {
    log.records.iter().filter(|record| [Rtype::A, Rtype::AAAA].map(|rtype| u32::from(rtype.0)).contains(&record.rtype))
}

/// `DNS_RECORD_A`, as `dns_qtype` and records have it.
fn record_type(rtype: u32) -> String {
    let rtype = Rtype(u16::try_from(rtype).unwrap_or(u16::MAX));
    format!("DNS_RECORD_{rtype}")
}

fn request(log: &DnsLog) -> Value {
    let opcode = Opcode(u8::try_from(log.opcode).unwrap_or(u8::MAX));
    let mut out = json!({
        "opcode": format!("DNS_OPCODE_{}", opcode.mnemonic().map_or_else(|| log.opcode.to_string(), str::to_owned)),
        "identifier": log.query_id,
        "recursion_desired": log.recursion_desired,
    });
    if !log.qname.is_empty() {
        out["question_count"] = json!(1);
    }
    if let Some(edns) = &log.edns {
        let mut record = json!({
            "udp_payload_size": edns.udp_payload_size, "version": edns.version, "dnssec_ok": edns.dnssec_ok,
        });
        if let Some(ip) = &edns.subnet_ip {
            record["options"] = json!([{
                "code": "EDNS_OPTION_CODE_CLIENT_SUBNET", "addr_family": if ip.contains(':') { 2 } else { 1 },
                "source_prefix_len": edns.subnet_prefix_length, "scope_prefix_len": 0, "subnet_ip": ip,
            }]);
        }
        out["opt_record"] = record;
    }
    out
}

fn response(log: &DnsLog) -> Value {
    let Some(rcode) = log.rcode else { return Value::Null };
    let mnemonic = Rcode(u16::try_from(rcode).unwrap_or(u16::MAX)).mnemonic();
    let records = log.records.iter().map(|record| {
        let mut out = Map::new();
        out.insert("name".into(), json!(log.qname));
        out.insert("type".into(), json!(record_type(record.rtype)));
        out.insert("ttl".into(), json!(record.ttl_s));
        let data = match Rtype(u16::try_from(record.rtype).unwrap_or(0)) {
            Rtype::A => "addr_ip",
            Rtype::AAAA => "addr6_ip_str",
            _ => "cname",
        };
        out.insert(data.into(), json!(record.data));
        Value::Object(out)
    });
    json!({
        "response_code": format!("DNS_RCODE_{}", mnemonic.map_or_else(|| rcode.to_string(), str::to_owned)),
        "authoritative_answer": log.authoritative, "truncation": log.truncated,
        "recursion_desired": log.recursion_desired, "recursion_available": false, "is_wildcard": log.by_wildcard,
        "records": records.collect::<Vec<_>>(), "answer_records_count": log.answer_records,
        "nameserver_records_count": log.authority_records, "additional_records_count": log.additional_records,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_61st_column_and_the_addresses_are_the_62nd() {
        assert_eq!(COLUMNS.len(), 87);
        // A spreadsheet calls them BI and BJ: two letters, base 26.
        let column = |letters: &[u8]| letters.iter().fold(0, |sum, letter| sum * 26 + usize::from(letter - b'A') + 1);
        assert_eq!(COLUMNS[column(b"BI") - 1].0, "dns_fqdn");
        assert_eq!(COLUMNS[column(b"BJ") - 1].0, "dns_ips");
        assert_eq!(
            [COLUMNS[0].0, COLUMNS[11].0, COLUMNS[86].0],
            ["adf", "report_timestamp", "dns_tcp_conn_close_from_se"]
        );
        let names: std::collections::BTreeSet<_> = COLUMNS.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), 87);
    }

    #[test]
    fn a_moment_has_microseconds_and_an_offset() {
        assert_eq!(timestamp(1_704_067_200_123_456), "2024-01-01T00:00:00.123456+00:00");
        assert_eq!(timestamp(1_704_067_200_000_000), "2024-01-01T00:00:00.000000+00:00");
    }
}
