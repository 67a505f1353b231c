//! User: `name` and `username` are one, and a replace without password keeps it (avi-api 2.21).

use serde_json::{Map, Value};

use super::{Draft, TypeRules};
use crate::error::WriteError;

pub(super) struct User;

impl TypeRules for User {
    fn name_of<'v>(&self, input: &'v Map<String, Value>) -> Option<&'v Value> {
        input.get("username")
    }

    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), WriteError> {
        let name = draft.object.name.clone();
        draft.object.body.insert("username".to_owned(), Value::from(name));
        if let Some(password) = draft.before.and_then(|before| before.body.get("password")) {
            draft.object.body.entry("password").or_insert_with(|| password.clone());
        }
        Ok(())
    }
}
