//! Tags and labels (avi-api 2.3).

use crate::{Field, Kind, MessageSchema};

/// `RoleFilterMatchLabel`, an element of `markers`.
pub(super) static ROLE_FILTER_MATCH_LABEL: MessageSchema = MessageSchema {
    name: "RoleFilterMatchLabel",
    fields: &[Field::text("key").required(), Field::texts("values")],
    keep_unknown: false,
};

/// `KeyValue`: `attrs` of a tenant, labels.
pub(super) static KEY_VALUE: MessageSchema = MessageSchema {
    name: "KeyValue",
    fields: &[Field::text("key").required(), Field::text("value")],
    keep_unknown: false,
};

/// `KeyValueTuple`: labels of networks that IPAM may use.
pub(super) static KEY_VALUE_TUPLE: MessageSchema = MessageSchema {
    name: "KeyValueTuple",
    fields: &[Field::text("key").required(), Field::text("value")],
    keep_unknown: false,
};

/// `markers`: object tags, filterable by `label_key` and `label_value`.
pub(super) const MARKERS: Field = Field::list("markers", &MARKER).keyed("key");

static MARKER: Kind = Kind::Message(&ROLE_FILTER_MATCH_LABEL);
