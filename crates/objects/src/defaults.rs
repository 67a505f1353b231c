//! Defaults at every level that is present (avi-api 2.1).

use avi_schema::MessageSchema;
use serde_json::{Map, Value};

pub(crate) fn fill(message: &MessageSchema, body: &mut Map<String, Value>) {
    todo!()
}
