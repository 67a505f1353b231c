//! Why there are no logs.

use serde_json::Value;

use super::text;

/// Minutes that full client logs last where the object does not say (avi-api 7.5).
const MINUTES: u64 = 30;

/// What keeps answers that are fine out of the logs of this virtual service; `None` where nothing does.
pub(super) fn why(service: &Value) -> Option<String> {
    let name = text(service, "name");
    let full = service.pointer("/analytics_policy/full_client_logs");
    let member = |member: &str| full.and_then(|full| full.get(member));
    let is_on = member("enabled").and_then(Value::as_bool).unwrap_or(false);
    let state = match member("duration").and_then(Value::as_u64).unwrap_or(MINUTES) {
        _ if !is_on => format!("they are off on {name}"),
        0 => return None,
        minutes => format!("on {name} they are on only for {minutes} minutes after its last change"),
    };
    Some(format!(
        "answers that are fine are logged only where full client logs are on, and {state}; `meridian logs --help` \
         shows how to set them"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn full_client_logs_that_are_off_are_named() {
        let why = |full: Value| why(&json!({"name": "g-dns", "analytics_policy": {"full_client_logs": full}}));
        let off = "are on, and they are off on g-dns; `meridian logs --help` shows how";
        assert!(why(json!({"enabled": false, "duration": 0})).unwrap().contains(off));
        assert!(super::why(&json!({"name": "g-dns"})).unwrap().contains(off));
        let ends = "on g-dns they are on only for 30 minutes after its last change";
        assert!(why(json!({"enabled": true})).unwrap().contains(ends));
        assert_eq!(why(json!({"enabled": true, "duration": 0})), None);
    }
}
