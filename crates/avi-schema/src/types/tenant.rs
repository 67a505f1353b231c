//! Tenant (avi-api 1.6, 2.21).

use super::label;
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/tenant`.
pub(super) static TENANT: TypeSchema = TypeSchema {
    path: "tenant",
    model: "Tenant",
    words: "Tenant",
    scope: Scope::Global,
    names: Names::Unique,
    message: &MessageSchema {
        name: "Tenant",
        fields: &[
            Field::bool("local").or_bool(true),
            Field::text("description"),
            Field::message("config_settings", &TENANT_CONFIGURATION).or_message(),
            Field::list("attrs", &Kind::Message(&label::KEY_VALUE)).keyed("key"),
            Field::text("created_by"),
            Field::bool("enforce_label_group").or_bool(false),
            Field::list("label_group_refs", &Kind::Ref("labelgroup")),
        ],
        keep_unknown: false,
    },
};

/// `TenantConfiguration`: whether engines, networks and VRFs live in `admin`. Also the system's `global_tenant_config`.
pub(super) static TENANT_CONFIGURATION: MessageSchema = MessageSchema {
    name: "TenantConfiguration",
    fields: &[
        Field::bool("tenant_vrf").or_bool(false),
        Field::bool("se_in_provider_context").or_bool(true),
        Field::bool("tenant_access_to_provider_se").or_bool(true),
    ],
    keep_unknown: false,
};
