//! HTTPPolicySet: actions that say where to go (avi-api 2.9).

use serde_json::Value;

use super::{Draft, TypeRules};
use crate::error::WriteError;
use crate::write::guards::Guards;

pub(super) struct HttpPolicySet;

impl TypeRules for HttpPolicySet {
    fn check(&self, draft: &Draft<'_>, _guards: &mut Guards) -> Result<(), WriteError> {
        let rules = draft.object.body.get("http_request_policy").and_then(|policy| policy.get("rules")?.as_array());
        for (index, rule) in rules.into_iter().flatten().enumerate() {
            let Some(action) = rule.get("switching_action") else { continue };
            let needed = match action.get("action").and_then(Value::as_str) {
                Some("HTTP_SWITCHING_SELECT_POOL") => &["pool_ref"][..],
                Some("HTTP_SWITCHING_SELECT_POOLGROUP") => &["pool_group_ref"],
                Some("HTTP_SWITCHING_SELECT_LOCAL") => &["status_code", "other_status_code"],
                _ => continue,
            };
            if !needed.iter().any(|field| action.get(field).is_some()) {
                let field = needed.first().copied().unwrap_or_default();
                return Err(WriteError::Required(format!(
                    "http_request_policy.rules[{index}].switching_action.{field}"
                )));
            }
        }
        Ok(())
    }
}
