//! NetworkProfile: the sub-profile of its type, with its defaults (avi-api 2.14).

use serde_json::{Map, Value};

use super::{Draft, TypeRules};
use crate::error::WriteError;

pub(super) struct NetworkProfile;

impl TypeRules for NetworkProfile {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), WriteError> {
        let Some(profile) = draft.object.body.get_mut("profile").and_then(Value::as_object_mut) else {
            return Ok(());
        };
        let kind = profile.get("type").and_then(Value::as_str).unwrap_or("PROTOCOL_TYPE_TCP_PROXY");
        let kind = kind.trim_start_matches("PROTOCOL_TYPE_").to_ascii_lowercase();
        profile.entry(format!("{kind}_profile")).or_insert_with(|| Value::Object(Map::new()));
        Ok(())
    }
}
