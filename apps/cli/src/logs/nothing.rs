//! Why there are no logs.

use serde_json::Value;

use super::whose::{Kind, Whose};

/// Minutes that full client logs last where the object does not say (avi-api 7.5).
const MINUTES: u64 = 30;

/// What keeps what is fine out of the logs of this virtual service; `None` where nothing does, and of one that the
/// controller does not know.
pub(super) fn why(whose: &Whose) -> Option<String> {
    let Whose { name, kind, object: service, .. } = whose;
    if service.is_null() {
        return None;
    }
    let full = service.pointer("/analytics_policy/full_client_logs");
    let member = |member: &str| full.and_then(|full| full.get(member));
    let is_on = member("enabled").and_then(Value::as_bool).unwrap_or(false);
    let state = match member("duration").and_then(Value::as_u64).unwrap_or(MINUTES) {
        _ if !is_on => format!("they are off on {name}"),
        0 => return None,
        minutes => format!("on {name} they are on only for {minutes} minutes after its last change"),
    };
    let what = match kind {
        Kind::Dns => "answers",
        Kind::Http => "requests",
    };
    let has_children = service.get("vh_child_vs_uuid").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let children = if has_children { "; each of its children has its own" } else { "" };
    Some(format!(
        "{what} that are fine are logged only where full client logs are on, and {state}{children}; \
         `meridian logs --help` shows how to set them"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn full_client_logs_that_are_off_are_named() {
        let whose = |object| Whose { uuid: String::new(), name: "g-dns".into(), kind: Kind::Dns, object };
        let why = |full: Value| why(&whose(json!({"analytics_policy": {"full_client_logs": full}})));
        let off = "are on, and they are off on g-dns; `meridian logs --help` shows how";
        assert!(why(json!({"enabled": false, "duration": 0})).unwrap().contains(off));
        assert!(super::why(&whose(json!({}))).unwrap().contains(off));
        let ends = "on g-dns they are on only for 30 minutes after its last change";
        assert!(why(json!({"enabled": true})).unwrap().contains(ends));
        assert_eq!(why(json!({"enabled": true, "duration": 0})), None);
        assert_eq!(super::why(&whose(Value::Null)), None);
        let parent = Whose { kind: Kind::Http, ..whose(json!({"vh_child_vs_uuid": ["virtualservice-1"]})) };
        let said = super::why(&parent).unwrap();
        assert!(said.starts_with("requests that are fine") && said.contains("each of its children"), "{said}");
    }
}
