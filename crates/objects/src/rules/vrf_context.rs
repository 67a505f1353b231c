//! VrfContext: the two of each cloud say so (avi-api 2.17).

use serde_json::Value;

use super::{Draft, TypeRules};
use crate::error::WriteError;

pub(super) struct VrfContext;

impl TypeRules for VrfContext {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), WriteError> {
        if draft.object.system_default {
            draft.object.body.insert("system_default".to_owned(), Value::Bool(true));
        }
        Ok(())
    }
}
