//! Logs as documents: JSON objects, CSV, lines of text.

use se_protocol::logs::DnsLog;
use serde_json::{Map, Value};

use crate::columns::{BESIDE, COLUMNS, Column, find};

/// A log as a JSON object: what has a value, and of that the columns asked for; none asks for all.
#[must_use]
pub fn json(log: &DnsLog, columns: &[String]) -> Map<String, Value> {
    let all = COLUMNS.iter().chain(&BESIDE);
    let wanted = all.filter(|(name, _)| columns.is_empty() || columns.iter().any(|column| column == name));
    let values = wanted.map(|(name, of)| ((*name).to_owned(), of(log)));
    values.filter(|(_, value)| !value.is_null()).collect()
}

/// Logs as CSV (RFC 4180 quoting, lines end with a line feed): a row of names, then one per log. Several addresses are
/// separated by a blank.
#[must_use]
pub fn csv(logs: &[DnsLog], columns: &[String]) -> String {
    rows(logs, columns, ",", |cell| {
        if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
    })
}

/// As [`csv`], with tabs between and nothing quoted: tabs and line ends within a value become blanks.
#[must_use]
pub fn text(logs: &[DnsLog], columns: &[String]) -> String {
    rows(logs, columns, "\t", |cell| cell.replace(['\t', '\n', '\r'], " "))
}

fn rows(logs: &[DnsLog], columns: &[String], between: &str, quoted: fn(String) -> String) -> String {
    let columns: Vec<&Column> = match columns {
        [] => COLUMNS.iter().collect(),
        chosen => chosen.iter().filter_map(|name| find(name)).collect(),
    };
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut out = names.join(between) + "\n";
    for log in logs {
        let cells: Vec<String> = columns.iter().map(|(_, of)| quoted(cell(&of(log)))).collect();
        out += &cells.join(between);
        out.push('\n');
    }
    out
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use se_protocol::logs::LogRecord;
    use serde_json::json as value;

    use super::*;

    fn log() -> DnsLog {
        let record = |data: &str| LogRecord { rtype: 1, ttl_s: 30, data: data.into() };
        DnsLog {
            at_us: 1_704_067_200_123_456,
            qname: "app.example.com".into(),
            qtype: 1,
            client_ip: "2001:db8::1".into(),
            service_ip: "10.10.24.186".into(),
            rcode: Some(0),
            answer_records: 2,
            entry: "GSLB".into(),
            reason: "turn 1 of 2".into(),
            records: vec![record("192.0.2.1"), record("192.0.2.2")],
            ..DnsLog::default()
        }
    }

    #[test]
    fn every_row_has_the_cells_of_the_header_at_their_places() {
        let csv = csv(&[log(), log()], &[]);
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 3);
        // Nothing before the 62nd column of this log is quoted.
        let cell = |line: &str, place: usize| line.split(',').nth(place - 1).unwrap().to_owned();
        assert_eq!([cell(lines[0], 61), cell(lines[0], 62)], ["dns_fqdn", "dns_ips"]);
        assert_eq!([cell(lines[1], 61), cell(lines[1], 62)], ["app.example.com", "192.0.2.1 192.0.2.2"]);
        assert_eq!([cell(lines[2], 6), cell(lines[2], 7)], ["10.10.24.186", ""]);
        assert!(lines[1].contains(",\"{\"\"response_code\"\":\"\"DNS_RCODE_NOERROR\"\""), "{}", lines[1]);
    }

    #[test]
    fn chosen_columns_come_in_the_order_asked_for() {
        let columns = ["dns_ips".to_owned(), "dns_fqdn".to_owned()];
        assert_eq!(csv(&[log()], &columns), "dns_ips,dns_fqdn\n192.0.2.1 192.0.2.2,app.example.com\n");
        assert_eq!(text(&[log()], &columns), "dns_ips\tdns_fqdn\n192.0.2.1 192.0.2.2\tapp.example.com\n");
        let found = Value::Object(json(&log(), &columns));
        assert_eq!(found, value!({"dns_fqdn": "app.example.com", "dns_ips": ["192.0.2.1", "192.0.2.2"]}));
    }

    #[test]
    fn a_document_tells_what_is_known_and_nothing_else() {
        let found = json(&log(), &[]);
        assert_eq!(found["report_timestamp"], "2024-01-01T00:00:00.123456+00:00");
        assert_eq!(found["client_ip6"], "2001:db8::1");
        assert_eq!(found["dns_response"]["records"][1]["addr_ip"], "192.0.2.2");
        assert_eq!(found["reason"], "turn 1 of 2");
        assert!(!found.contains_key("client_ip") && !found.contains_key("server_ip"));
    }
}
