//! ApplicationPersistenceProfile (avi-api 2.14).

use super::label;
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/applicationpersistenceprofile`.
pub(super) static APPLICATION_PERSISTENCE_PROFILE: TypeSchema = TypeSchema {
    path: "applicationpersistenceprofile",
    model: "ApplicationPersistenceProfile",
    words: "Application persistence profile",
    scope: Scope::TenantShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "ApplicationPersistenceProfile",
        fields: &[
            Field::one_of(
                "persistence_type",
                &[
                    "PERSISTENCE_TYPE_CLIENT_IP_ADDRESS",
                    "PERSISTENCE_TYPE_HTTP_COOKIE",
                    "PERSISTENCE_TYPE_TLS",
                    "PERSISTENCE_TYPE_CLIENT_IPV6_ADDRESS",
                    "PERSISTENCE_TYPE_CUSTOM_HTTP_HEADER",
                    "PERSISTENCE_TYPE_APP_COOKIE",
                    "PERSISTENCE_TYPE_GSLB_SITE",
                ],
            )
            .or_str("PERSISTENCE_TYPE_CLIENT_IP_ADDRESS"),
            Field::one_of(
                "server_hm_down_recovery",
                &["HM_DOWN_PICK_NEW_SERVER", "HM_DOWN_ABORT_CONNECTION", "HM_DOWN_CONTINUE_PERSISTENT_SERVER"],
            )
            .or_str("HM_DOWN_PICK_NEW_SERVER"),
            Field::message("ip_persistence_profile", &IP_PERSISTENCE_PROFILE),
            Field::message("http_cookie_persistence_profile", &HTTP_COOKIE_PERSISTENCE_PROFILE),
            Field::message("app_cookie_persistence_profile", &APP_COOKIE_PERSISTENCE_PROFILE),
            Field::message("hdr_persistence_profile", &HDR_PERSISTENCE_PROFILE),
            Field::bool("is_federated").or_bool(false).immutable(),
            Field::text("description"),
            label::MARKERS,
        ],
        keep_unknown: false,
    },
};

static IP_PERSISTENCE_PROFILE: MessageSchema = MessageSchema {
    name: "IPPersistenceProfile",
    fields: &[
        // Minutes.
        Field::int("ip_persistent_timeout", 1, 720).or_int(5),
        Field::int("ip_mask", 0, 128),
    ],
    keep_unknown: false,
};

static HTTP_COOKIE_PERSISTENCE_PROFILE: MessageSchema = MessageSchema {
    name: "HttpCookiePersistenceProfile",
    fields: &[
        Field::text("cookie_name"),
        // Minutes; absent or 0 = none.
        Field::uint32("timeout"),
        Field::bool("is_persistent_cookie").or_bool(false),
        Field::bool("always_send_cookie").or_bool(false),
        Field::bool("http_only").or_bool(false),
        Field::text("encryption_key").sensitive(),
        Field::list("key", &Kind::Message(&HTTP_COOKIE_PERSISTENCE_KEY)),
    ],
    keep_unknown: false,
};

static HTTP_COOKIE_PERSISTENCE_KEY: MessageSchema = MessageSchema {
    name: "HttpCookiePersistenceKey",
    fields: &[Field::text("name"), Field::text("aes_key").sensitive(), Field::text("hmac_key").sensitive()],
    keep_unknown: false,
};

static APP_COOKIE_PERSISTENCE_PROFILE: MessageSchema = MessageSchema {
    name: "AppCookiePersistenceProfile",
    fields: &[
        Field::text("prst_hdr_name").required(),
        // Minutes.
        Field::uint32("timeout").or_int(20),
        Field::text("encryption_key").sensitive(),
    ],
    keep_unknown: false,
};

static HDR_PERSISTENCE_PROFILE: MessageSchema =
    MessageSchema { name: "HdrPersistenceProfile", fields: &[Field::text("prst_hdr_name")], keep_unknown: false };
