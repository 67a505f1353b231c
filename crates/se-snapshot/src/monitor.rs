//! `HealthMonitor` (avi-api 2.8).

use std::time::Duration;

use model::monitor::{Check, HealthMonitor, HttpCheck, StatusClass};

use crate::{Object, Problem, field::Message};

/// The monitor. One that is missing or of a type this release does not probe is kept as [`Check::Unsupported`]: it has
/// no verdict, while leaving it out would make its members look healthy.
pub(crate) fn read(uuid: &str, object: Option<Object<'_>>, problems: &mut Vec<Problem>) -> HealthMonitor {
    let empty = serde_json::Map::new();
    let fields = object.map_or(&empty, |object| object.fields);
    let name = object.map_or(uuid, |object| object.name);
    let label = format!("HealthMonitor {name}");
    let monitor = Message::root(&label, fields);
    if object.is_none() {
        problems.push(monitor.problem("", "no such object; it gives no verdict"));
    }
    let seconds = |field: &str, default: u64| Duration::from_secs(monitor.number(field).unwrap_or(default));
    let milliseconds = |field: &str| monitor.number(field).map(Duration::from_millis);
    let (interval, timeout) = (milliseconds("send_interval_ms"), milliseconds("receive_timeout_ms"));
    let count = |field: &str| monitor.number(field).and_then(|n| u32::try_from(n).ok()).unwrap_or(2);
    HealthMonitor {
        uuid: uuid.to_owned(),
        name: name.to_owned(),
        send_interval: interval.unwrap_or_else(|| seconds("send_interval", 10)),
        receive_timeout: timeout.or(interval).unwrap_or_else(|| seconds("receive_timeout", 4)),
        successful_checks: count("successful_checks"),
        failed_checks: count("failed_checks"),
        port: monitor.number("monitor_port").and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0),
        quickstart: !monitor.flag("disable_quickstart", false),
        check: check(&monitor, problems),
    }
}

fn check(monitor: &Message<'_>, problems: &mut Vec<Problem>) -> Check {
    let text = |message: &Message<'_>, field: &str| message.text(field).map(str::to_owned);
    match monitor.text("type").unwrap_or("none") {
        "HEALTH_MONITOR_HTTP" => Check::Http(http(&monitor.message("http_monitor"), problems)),
        "HEALTH_MONITOR_HTTPS" => Check::Https(http(&monitor.message("https_monitor"), problems)),
        "HEALTH_MONITOR_TCP" => {
            let tcp = monitor.message("tcp_monitor");
            if tcp.flag("tcp_half_open", false) {
                problems.push(tcp.problem("tcp_half_open", "the connection is opened fully in this release"));
            }
            Check::Tcp { request: text(&tcp, "tcp_request"), response: text(&tcp, "tcp_response") }
        }
        "HEALTH_MONITOR_UDP" => {
            let udp = monitor.message("udp_monitor");
            Check::Udp { request: text(&udp, "udp_request"), response: text(&udp, "udp_response") }
        }
        other => {
            problems.push(monitor.problem("type", format!("`{other}` is not probed by this release; no verdict")));
            Check::Unsupported(other.to_owned())
        }
    }
}

fn http(http: &Message<'_>, problems: &mut Vec<Problem>) -> HttpCheck {
    let tls = http.message("ssl_attributes");
    if tls.has("pki_profile_ref") {
        problems.push(tls.problem("pki_profile_ref", "certificates are not verified by this release"));
    }
    let text = |field: &str| http.text(field).map(str::to_owned);
    HttpCheck {
        request: text("http_request").unwrap_or_else(|| "GET / HTTP/1.0".to_owned()),
        exact_request: http.flag("exact_http_request", false),
        request_body: text("http_request_body"),
        status_classes: http.texts("http_response_code").filter_map(status_class).collect(),
        response: text("http_response"),
        response_bytes_max: http.number("response_size").and_then(|n| u32::try_from(n).ok()).unwrap_or(2048),
        maintenance_codes: http.numbers("maintenance_code").filter_map(|code| u16::try_from(code).ok()).collect(),
        maintenance_response: text("maintenance_response"),
        server_name: tls.text("server_name").map(str::to_owned),
    }
}

fn status_class(text: &str) -> Option<StatusClass> {
    match text {
        "HTTP_ANY" => Some(StatusClass::Any),
        _ => text.strip_prefix("HTTP_")?.strip_suffix("XX")?.parse().ok().map(StatusClass::Hundreds),
    }
}
