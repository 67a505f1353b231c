//! SSLProfile: versions and ciphers (avi-api 2.11).

use super::label;
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/sslprofile`.
pub(super) static SSL_PROFILE: TypeSchema = TypeSchema {
    path: "sslprofile",
    model: "SSLProfile",
    words: "SSL profile",
    scope: Scope::TenantShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "SSLProfile",
        fields: &[
            Field::one_of("type", &["SSL_PROFILE_TYPE_APPLICATION", "SSL_PROFILE_TYPE_SYSTEM"])
                .or_str("SSL_PROFILE_TYPE_APPLICATION"),
            Field::list("accepted_versions", &Kind::Message(&SSL_VERSION)),
            Field::text("accepted_ciphers").or_str("AES:3DES:RC4"),
            Field::texts("cipher_enums"),
            Field::text("ciphersuites")
                .or_str("TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"),
            Field::bool("prefer_client_cipher_ordering").or_bool(false),
            Field::bool("enable_ssl_session_reuse").or_bool(true),
            // Seconds.
            Field::uint32("ssl_session_timeout").or_int(86_400),
            Field::bool("send_close_notify").or_bool(true),
            Field::text("dhparam"),
            Field::text("ec_named_curve").or_str("auto"),
            Field::text("signature_algorithm").or_str("auto"),
            Field::bool("enable_early_data").or_bool(false),
            Field::any("ssl_rating").output_only(),
            Field::bool("is_federated").or_bool(false).immutable(),
            label::MARKERS,
            Field::any("tags"),
            Field::text("description"),
        ],
        keep_unknown: false,
    },
};

static SSL_VERSION: MessageSchema = MessageSchema {
    name: "SSLVersion",
    fields: &[Field::one_of(
        "type",
        &["SSL_VERSION_SSLV3", "SSL_VERSION_TLS1", "SSL_VERSION_TLS1_1", "SSL_VERSION_TLS1_2", "SSL_VERSION_TLS1_3"],
    )
    .required()],
    keep_unknown: false,
};
