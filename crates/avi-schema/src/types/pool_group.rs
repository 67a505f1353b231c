//! PoolGroup: pools by priority and ratio (avi-api 2.7).

use super::label;
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/poolgroup`.
pub(super) static POOL_GROUP: TypeSchema = TypeSchema {
    path: "poolgroup",
    model: "PoolGroup",
    words: "Pool group",
    scope: Scope::TenantCloud,
    names: Names::Unique,
    message: &MessageSchema {
        name: "PoolGroup",
        fields: &[
            Field::list("members", &Kind::Message(&POOL_GROUP_MEMBER)).keyed("pool_ref"),
            Field::bool("implicit_priority_labels").or_bool(false),
            Field::reference("priority_labels_ref", "prioritylabels"),
            // 0 = off.
            Field::int("min_servers", 0, 65_535).or_int(0),
            Field::any("fail_action"),
            Field::bool("deactivate_primary_pool_on_down").or_bool(false),
            Field::reference("cloud_ref", "cloud").or_named("Default-Cloud").immutable(),
            Field::text("cloud_config_cksum"),
            Field::text("service_metadata"),
            Field::text("created_by"),
            label::MARKERS,
            Field::reference("deployment_policy_ref", "poolgroupdeploymentpolicy"),
            Field::text("description"),
            Field::bool("enable_http2"),
        ],
        keep_unknown: false,
    },
};

static POOL_GROUP_MEMBER: MessageSchema = MessageSchema {
    name: "PoolGroupMember",
    fields: &[
        Field::reference("pool_ref", "pool").required(),
        // 0 = receives nothing.
        Field::int("ratio", 0, 1000).or_int(1),
        Field::text("priority_label"),
        Field::text("deployment_state"),
    ],
    keep_unknown: false,
};
