//! The columns of a DNS log, in the order of the export (avi-api 7.5).

use dns_wire::{Opcode, Rcode, Rtype};
use se_protocol::logs::{DnsLog, LogRecord};
use serde_json::{Map, Value, json};

use super::{Column, known, nothing, of_family, timestamp, version};

/// All columns; 61 is `dns_fqdn`, 62 is `dns_ips`.
pub(super) static COLUMNS: [Column<DnsLog>; 87] = [
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
pub(super) static BESIDE: [Column<DnsLog>; 2] =
    [("reason", |log| json!(log.reason)), ("configuration", |log| version(log.version.as_ref()))];

/// A log that has a value in every column that this release knows.
pub(super) fn full() -> DnsLog {
    DnsLog { rcode: Some(0), records: vec![LogRecord::default()], ..DnsLog::default() }
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
                "source_prefix_len": edns.subnet_prefix_length, "scope_prefix_len": edns.subnet_scope_length, "subnet_ip": ip,
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
}
