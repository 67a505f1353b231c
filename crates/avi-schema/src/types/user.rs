//! User (avi-api 2.21).

use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/user`. In responses `name` always equals `username`.
pub(super) static USER: TypeSchema = TypeSchema {
    path: "user",
    model: "User",
    words: "User",
    scope: Scope::Global,
    names: Names::Unique,
    message: &MessageSchema {
        name: "User",
        fields: &[
            Field::text("username"),
            Field::text("full_name"),
            Field::text("password").sensitive(),
            Field::text("email"),
            Field::bool("is_superuser"),
            Field::bool("is_active").or_bool(true),
            Field::bool("local"),
            Field::list("access", &Kind::Message(&USER_ROLE)),
            Field::reference("default_tenant_ref", "tenant"),
            Field::reference("user_profile_ref", "useraccountprofile"),
            Field::bool("service_user"),
            Field::text("ui_property"),
        ],
        keep_unknown: false,
    },
};

static USER_ROLE: MessageSchema = MessageSchema {
    name: "UserRole",
    fields: &[
        Field::reference("role_ref", "role"),
        Field::reference("tenant_ref", "tenant"),
        Field::bool("all_tenants"),
    ],
    keep_unknown: false,
};
