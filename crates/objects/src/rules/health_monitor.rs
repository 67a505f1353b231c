//! HealthMonitor: the sub-message its type needs, and timing that can work (avi-api 6.1, 6.2).

use serde_json::{Map, Value};

use super::{Draft, TypeRules};
use crate::error::WriteError;
use crate::write::guards::Guards;

pub(super) struct HealthMonitor;

impl TypeRules for HealthMonitor {
    fn our_fields(&self) -> &'static [&'static str] {
        &["send_interval_ms", "receive_timeout_ms"]
    }

    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), WriteError> {
        let body = &mut draft.object.body;
        let can_be_made = matches!(kind(body), Some("TCP" | "UDP" | "SCTP"));
        if let Some(name) = sub_message(body).filter(|_| can_be_made) {
            body.entry(name).or_insert_with(|| Value::Object(Map::new()));
        }
        Ok(())
    }

    fn check(&self, draft: &Draft<'_>, _guards: &mut Guards) -> Result<(), WriteError> {
        let body = &draft.object.body;
        let number = |name: &str| body.get(name).and_then(Value::as_i64).unwrap_or(0);
        let (timeout, interval) = (number("receive_timeout"), number("send_interval"));
        if timeout > interval {
            let problem = format!("{timeout} is longer than the send_interval of {interval}");
            return Err(WriteError::invalid("receive_timeout", problem));
        }
        let (timeout, interval) = (number("receive_timeout_ms"), number("send_interval_ms"));
        if interval > 0 && timeout > interval {
            let problem = format!("{timeout} is longer than the send_interval_ms of {interval}");
            return Err(WriteError::invalid("receive_timeout_ms", problem));
        }
        if let Some(name) = sub_message(body) {
            let Some(sub_message) = body.get(&name).and_then(Value::as_object) else {
                return Err(WriteError::Required(name));
            };
            check_sub_message(&name, sub_message)?;
        }
        let needs_port = matches!(kind(body), Some("HTTP" | "HTTPS" | "TCP" | "UDP" | "EXTERNAL"));
        if needs_port && super::is_federated("healthmonitor", body) && number("monitor_port") == 0 {
            // A GSLB member has no port of its own that a probe could fall back to.
            return Err(WriteError::Required("monitor_port".to_owned()));
        }
        Ok(())
    }
}

fn kind(body: &Map<String, Value>) -> Option<&str> {
    body.get("type")?.as_str()?.strip_prefix("HEALTH_MONITOR_")
}

/// The sub-message that the monitor's type is described by; PING and the internal GSLB type have none.
fn sub_message(body: &Map<String, Value>) -> Option<String> {
    let described = ["TCP", "UDP", "HTTP", "HTTPS", "DNS", "EXTERNAL", "SCTP"];
    let kind = kind(body).filter(|kind| described.contains(kind))?;
    Some(format!("{}_monitor", kind.to_ascii_lowercase()))
}

fn check_sub_message(name: &str, sub_message: &Map<String, Value>) -> Result<(), WriteError> {
    match name {
        "http_monitor" | "https_monitor" if !sub_message.contains_key("http_response_code") => {
            Err(WriteError::Required(format!("{name}.http_response_code")))
        }
        "tcp_monitor" if sub_message.get("tcp_half_open").and_then(Value::as_bool) == Some(true) => {
            match ["tcp_request", "tcp_response"].into_iter().find(|field| sub_message.contains_key(*field)) {
                Some(field) => {
                    Err(WriteError::invalid(format!("{name}.{field}"), "not possible together with tcp_half_open"))
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}
