//! What the tables cannot say: rules of single types, registered by path.

use std::collections::BTreeSet;

use avi_schema::TypeSchema;
use serde_json::{Map, Value};

use crate::object::Object;

pub(crate) fn references(schema: &TypeSchema, body: &Map<String, Value>) -> BTreeSet<String> {
    todo!()
}

pub(crate) fn claim_keys(schema: &TypeSchema, object: &Object) -> Vec<String> {
    todo!()
}
