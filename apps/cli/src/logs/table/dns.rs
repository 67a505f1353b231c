//! DNS answers as lines.

use serde_json::Value;

use super::{Column, first, moment, text};

pub(super) const COLUMNS: [Column; 9] = [
    ("time", 24),
    ("client", 15),
    ("name", 32),
    ("type", 5),
    ("answer", 15),
    ("pool", 20),
    ("ttl", 5),
    ("rcode", 8),
    ("why", 0),
];

pub(super) fn cells(log: &Value) -> Vec<String> {
    let first = |names: &[&str]| first(log, names);
    let records = log.pointer("/dns_response/records").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let data = |record: &Value| {
        let members = ["addr_ip", "addr6_ip_str", "cname"];
        members.iter().map(|member| text(record, member)).find(|text| !text.is_empty()).unwrap_or_default().to_owned()
    };
    let answer: Vec<String> = records.iter().map(data).collect();
    let ttl = records.first().and_then(|record| record.get("ttl")).map_or("-".to_owned(), Value::to_string);
    let rcode = log.pointer("/dns_response/response_code").and_then(Value::as_str).unwrap_or("no packet");
    let pool = match (first(&["gslbpool_name"]), records.iter().find_map(|record| record.get("site_name")?.as_str())) {
        (pool, Some(site)) => format!("{pool} ({site})"),
        (pool, None) => pool.to_owned(),
    };
    vec![
        moment(text(log, "report_timestamp")),
        first(&["client_ip", "client_ip6"]).to_owned(),
        first(&["dns_fqdn"]).to_owned(),
        first(&["dns_qtype"]).replace("DNS_RECORD_", ""),
        if answer.is_empty() { "-".to_owned() } else { answer.join(" ") },
        pool,
        ttl,
        rcode.replace("DNS_RCODE_", ""),
        first(&["reason"]).to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{row, whole};
    use crate::logs::whose::Kind;

    #[test]
    fn a_log_is_a_line_that_people_can_read() {
        let answered = json!({
            "report_timestamp": "2024-01-01T00:00:00.123456+00:00", "client_ip": "10.1.2.3", "dns_fqdn": "a.b",
            "dns_qtype": "DNS_RECORD_A", "gslbpool_name": "a-10", "reason": "turn 1 of 12",
            "dns_response": {"response_code": "DNS_RCODE_NOERROR",
                "records": [{"addr_ip": "192.0.2.1", "ttl": 30, "site_name": "s1"}, {"addr_ip": "192.0.2.2", "ttl": 30}]}
        });
        let dropped = json!({"report_timestamp": "2024-01-01T00:00:00.123456+00:00", "client_ip6": "::1"});
        assert_eq!(
            whole(Kind::Dns, &[answered.clone(), dropped]),
            "TIME                       CLIENT     NAME   TYPE   ANSWER                POOL        TTL   RCODE       WHY\n\
             2024-01-01T00:00:00.123Z   10.1.2.3   a.b    A      192.0.2.1 192.0.2.2   a-10 (s1)   30    NOERROR     turn 1 of 12\n\
             2024-01-01T00:00:00.123Z   ::1        -      -      -                     -           -     no packet   -\n"
        );
        assert!(
            row(Kind::Dns, &answered).starts_with("2024-01-01T00:00:00.123Z   10.1.2.3          a.b "),
            "{}",
            row(Kind::Dns, &answered)
        );
    }
}
