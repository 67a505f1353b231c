//! User: `name` and `username` are one (avi-api 2.21).

use serde_json::{Map, Value};

use super::{Draft, TypeRules};

pub(super) struct User;

impl TypeRules for User {
    fn name_of<'v>(&self, input: &'v Map<String, Value>) -> Option<&'v Value> {
        input.get("username")
    }

    fn complete(&self, draft: &mut Draft<'_>) {
        draft.object.body.insert("username".to_owned(), Value::from(draft.object.name.clone()));
    }
}
