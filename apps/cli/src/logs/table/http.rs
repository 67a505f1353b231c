//! HTTP requests as lines.

use serde_json::Value;

use super::{Column, first, moment, text};

pub(super) const COLUMNS: [Column; 8] =
    [("time", 24), ("client", 15), ("method", 6), ("url", 48), ("status", 6), ("server", 21), ("ms", 7), ("why", 0)];

pub(super) fn cells(log: &Value) -> Vec<String> {
    let number = |name: &str| log.get(name).and_then(Value::as_u64);
    let query = match text(log, "uri_query") {
        "" => String::new(),
        query => format!("?{query}"),
    };
    let server = match first(log, &["server_ip", "server_ip6"]) {
        "-" => "-".to_owned(),
        ip if ip.contains(':') => format!("[{ip}]:{}", number("server_dest_port").unwrap_or(0)),
        ip => format!("{ip}:{}", number("server_dest_port").unwrap_or(0)),
    };
    vec![
        moment(text(log, "report_timestamp")),
        first(log, &["client_ip", "client_ip6"]).to_owned(),
        first(log, &["method"]).to_owned(),
        format!("{}{}{query}", text(log, "host"), text(log, "uri_path")),
        // Without any, the connection closed before.
        number("response_code").filter(|status| *status > 0).map_or("-".to_owned(), |status| status.to_string()),
        server,
        number("total_time_us").map_or("-".to_owned(), milliseconds),
        first(log, &["reason"]).to_owned(),
    ]
}

/// To a tenth, as `12.3`.
fn milliseconds(us: u64) -> String {
    format!("{}.{}", us / 1_000, us % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::whole;
    use crate::logs::whose::Kind;

    #[test]
    fn a_request_is_a_line_that_people_can_read() {
        let answered = json!({
            "report_timestamp": "2024-01-01T00:00:00.123456+00:00", "client_ip": "10.1.2.3", "method": "GET",
            "host": "a.b", "uri_path": "/cart", "uri_query": "id=1", "response_code": 200, "server_ip": "192.0.2.80",
            "server_dest_port": 8080, "total_time": 12, "total_time_us": 12_345, "reason": "the server answered"
        });
        let closed = json!({"report_timestamp": "2024-01-01T00:00:01.000000+00:00", "client_ip6": "::1",
            "method": "POST", "host": "a.b", "uri_path": "/", "response_code": 0, "server_ip6": "2001:db8::1",
            "server_dest_port": 80, "total_time_us": 40, "reason": "the client closed"});
        assert_eq!(
            whole(Kind::Http, &[answered, closed]),
            "TIME                       CLIENT     METHOD   URL             STATUS   SERVER             MS     WHY\n\
             2024-01-01T00:00:00.123Z   10.1.2.3   GET      a.b/cart?id=1   200      192.0.2.80:8080    12.3   the server answered\n\
             2024-01-01T00:00:01.000Z   ::1        POST     a.b/            -        [2001:db8::1]:80   0.0    the client closed\n"
        );
    }
}
