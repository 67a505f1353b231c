//! Logs as documents: JSON objects, CSV, lines of text.

use se_protocol::logs::{Log, LogKind};
use serde_json::{Map, Value};

use crate::columns::{self, at, names};

/// A log as a JSON object: what has a value, and of that the columns asked for; none asks for all.
#[must_use]
pub fn json(log: &Log, columns: &[String]) -> Map<String, Value> {
    let wanted =
        names(log.kind()).enumerate().filter(|(_, name)| columns.is_empty() || columns.iter().any(|it| it == name));
    let values = wanted.map(|(place, name)| (name.to_owned(), at(log, place)));
    values.filter(|(_, value)| !value.is_null()).collect()
}

/// Logs of one kind as CSV (RFC 4180 quoting, lines end with a line feed): a row of names, then one per log. Several
/// addresses are separated by a blank. A text that a spreadsheet would take for a formula gets an apostrophe before it:
/// clients choose what is in some of them.
#[must_use]
pub fn csv(kind: LogKind, logs: &[Log], columns: &[String]) -> String {
    rows(kind, logs, columns, ",", |cell, is_text| {
        let looks_like_a_formula = is_text && cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let cell = if looks_like_a_formula { format!("'{cell}") } else { cell };
        if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
    })
}

/// As [`csv`], with tabs between and nothing quoted: tabs and line ends within a value become blanks.
#[must_use]
pub fn text(kind: LogKind, logs: &[Log], columns: &[String]) -> String {
    rows(kind, logs, columns, "\t", |cell, _| cell.replace(['\t', '\n', '\r'], " "))
}

fn rows(kind: LogKind, logs: &[Log], columns: &[String], between: &str, quoted: fn(String, bool) -> String) -> String {
    let all: Vec<&str> = names(kind).collect();
    let places: Vec<usize> = match columns {
        [] => (0..columns::columns(kind).len()).collect(),
        chosen => chosen.iter().filter_map(|name| all.iter().position(|known| known == name)).collect(),
    };
    let header: Vec<&str> = places.iter().filter_map(|&place| all.get(place).copied()).collect();
    let mut out = header.join(between) + "\n";
    for log in logs {
        let cells = places.iter().map(|&place| {
            let value = at(log, place);
            quoted(cell(&value), value.is_string())
        });
        out += &cells.collect::<Vec<_>>().join(between);
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
    use se_protocol::logs::{DnsLog, HttpLog, LogRecord};
    use serde_json::json as value;

    use super::*;

    fn log() -> Log {
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
        .into()
    }

    #[test]
    fn every_row_has_the_cells_of_the_header_at_their_places() {
        let csv = csv(LogKind::Dns, &[log(), log()], &[]);
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
        assert_eq!(csv(LogKind::Dns, &[log()], &columns), "dns_ips,dns_fqdn\n192.0.2.1 192.0.2.2,app.example.com\n");
        assert_eq!(text(LogKind::Dns, &[log()], &columns), "dns_ips\tdns_fqdn\n192.0.2.1 192.0.2.2\tapp.example.com\n");
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

    /// A browser that is none of our friends.
    const HOSTILE: &str = "=cmd|'/c calc'!A0\"\r\nadmin,true\t\u{fffd}";

    #[test]
    fn a_hostile_text_stays_in_its_cell_and_is_no_formula() {
        let request = Log::from(HttpLog { user_agent: HOSTILE.into(), status: 200, ..HttpLog::default() });
        let columns = ["user_agent".to_owned(), "response_code".to_owned()];
        let csv = csv(LogKind::Http, std::slice::from_ref(&request), &columns);
        let quoted = HOSTILE.replace('"', "\"\"");
        assert_eq!(csv, format!("user_agent,response_code\n\"'{quoted}\",200\n"));
        let text = text(LogKind::Http, std::slice::from_ref(&request), &columns);
        assert_eq!((text.lines().count(), text.matches('\t').count()), (2, 2), "{text:?}");
        let document = Value::Object(json(&request, &columns)).to_string();
        assert_eq!(serde_json::from_str::<Value>(&document).unwrap()["user_agent"], HOSTILE);
    }

    #[test]
    fn a_request_that_reached_no_server_tells_nothing_of_one() {
        let log = HttpLog { at_us: 1_704_067_200_500_000, total_us: 1_500_000, status: 404, ..HttpLog::default() };
        let found = json(&log.into(), &[]);
        assert_eq!((&found["total_time"], &found["response_code"]), (&value!(1500), &value!(404)));
        assert_eq!(found["start_timestamp"], "2023-12-31T23:59:59.000000+00:00");
        let of_server = |name: &&String| name.contains("server") || name.contains("pool");
        assert_eq!(found.keys().filter(of_server).count(), 0, "{found:?}");
        assert!(!found.contains_key("response_time_first_byte") && !found.contains_key("client_ip"));
    }
}
