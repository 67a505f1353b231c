//! StringGroup, IpAddrGroup and PriorityLabels: lists that rules refer to (avi-api 2.15).

use super::{address, label};
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/stringgroup`.
pub(super) static STRING_GROUP: TypeSchema = TypeSchema {
    path: "stringgroup",
    model: "StringGroup",
    words: "String group",
    scope: Scope::TenantShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "StringGroup",
        fields: &[
            Field::one_of("type", &["SG_TYPE_STRING", "SG_TYPE_KEYVAL"]).required(),
            Field::list("kv", &Kind::Message(&label::KEY_VALUE)).keyed("key"),
            Field::bool("longest_match").or_bool(false),
            label::MARKERS,
            Field::text("description"),
        ],
        keep_unknown: false,
    },
};

/// `/api/ipaddrgroup`.
pub(super) static IP_ADDR_GROUP: TypeSchema = TypeSchema {
    path: "ipaddrgroup",
    model: "IpAddrGroup",
    words: "Ip addr group",
    scope: Scope::TenantShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "IpAddrGroup",
        fields: &[
            Field::list("addrs", &address::ADDRESS),
            Field::list("prefixes", &Kind::Message(&address::IP_ADDR_PREFIX)),
            Field::list("ranges", &Kind::Message(&address::IP_ADDR_RANGE)),
            Field::texts("country_codes"),
            Field::any("ip_ports"),
            label::MARKERS,
            Field::text("description"),
        ],
        // `marathon_*`
        keep_unknown: true,
    },
};

/// `/api/prioritylabels`: labels of pool group members, the most wanted first.
pub(super) static PRIORITY_LABELS: TypeSchema = TypeSchema {
    path: "prioritylabels",
    model: "PriorityLabels",
    words: "Priority labels",
    scope: Scope::TenantCloud,
    names: Names::Unique,
    message: &MessageSchema {
        name: "PriorityLabels",
        fields: &[
            Field::reference("cloud_ref", "cloud").or_named("Default-Cloud").immutable(),
            Field::list("equivalent_labels", &Kind::Message(&EQUIVALENT_LABELS)),
            label::MARKERS,
            Field::text("description"),
        ],
        keep_unknown: false,
    },
};

static EQUIVALENT_LABELS: MessageSchema =
    MessageSchema { name: "EquivalentLabels", fields: &[Field::texts("labels")], keep_unknown: false };
