//! ApplicationProfile: how a virtual service speaks (avi-api 2.13).

use super::{dns_service_profile, http_profile, label};
use crate::{Field, MessageSchema, Names, Scope, TypeSchema};

/// `/api/applicationprofile`.
pub(super) static APPLICATION_PROFILE: TypeSchema = TypeSchema {
    path: "applicationprofile",
    model: "ApplicationProfile",
    words: "Application profile",
    scope: Scope::TenantShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "ApplicationProfile",
        fields: &[
            Field::one_of(
                "type",
                &[
                    "APPLICATION_PROFILE_TYPE_L4",
                    "APPLICATION_PROFILE_TYPE_HTTP",
                    "APPLICATION_PROFILE_TYPE_SYSLOG",
                    "APPLICATION_PROFILE_TYPE_DNS",
                    "APPLICATION_PROFILE_TYPE_SSL",
                    "APPLICATION_PROFILE_TYPE_SIP",
                ],
            )
            .required(),
            Field::message("http_profile", &http_profile::HTTP_APPLICATION_PROFILE),
            Field::message("dns_service_profile", &dns_service_profile::DNS_SERVICE_APPLICATION_PROFILE),
            Field::message("tcp_app_profile", &TCP_APPLICATION_PROFILE),
            Field::bool("preserve_client_ip").or_bool(false),
            Field::bool("preserve_client_port"),
            Field::bool("preserve_dest_ip_port").or_bool(false),
            Field::any("dos_rl_profile"),
            Field::text("created_by"),
            label::MARKERS,
            Field::text("app_service_type"),
            Field::text("cloud_config_cksum"),
            Field::text("description"),
            Field::any("l4_ssl_profile"),
            Field::any("sip_service_profile"),
        ],
        keep_unknown: false,
    },
};

static TCP_APPLICATION_PROFILE: MessageSchema = MessageSchema {
    name: "TCPApplicationProfile",
    fields: &[
        Field::bool("proxy_protocol_enabled").or_bool(false),
        Field::one_of("proxy_protocol_version", &["PROXY_PROTOCOL_VERSION_1", "PROXY_PROTOCOL_VERSION_2"])
            .or_str("PROXY_PROTOCOL_VERSION_1"),
        Field::one_of("ssl_client_certificate_mode", http_profile::SSL_CLIENT_CERTIFICATE_MODES),
        Field::reference("pki_profile_ref", "pkiprofile"),
    ],
    keep_unknown: false,
};
