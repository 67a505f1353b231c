//! SystemConfiguration (avi-api 2.21).

use super::{address, cloud, tenant};
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/systemconfiguration`, uuid `default`. Members with defaults of their own are always present (avi-api 2.1).
pub(super) static SYSTEM_CONFIGURATION: TypeSchema = TypeSchema {
    path: "systemconfiguration",
    model: "SystemConfiguration",
    words: "System configuration",
    scope: Scope::Global,
    names: Names::Singleton,
    message: &MessageSchema {
        name: "SystemConfiguration",
        fields: &[
            Field::one_of(
                "default_license_tier",
                &[
                    "ENTERPRISE",
                    "ENTERPRISE_WITH_CLOUD_SERVICES",
                    "BASIC",
                    "ESSENTIALS",
                    "ENTERPRISE_16",
                    "ENTERPRISE_18",
                ],
            )
            .or_str("ENTERPRISE_WITH_CLOUD_SERVICES"),
            Field::list("dns_virtualservice_refs", &Kind::Ref("virtualservice")),
            Field::message("portal_configuration", &PORTAL_CONFIGURATION).or_message(),
            Field::message("dns_configuration", &DNS_CONFIGURATION),
            Field::any("ntp_configuration"),
            Field::message("email_configuration", &EMAIL_CONFIGURATION).or_message(),
            Field::message("snmp_configuration", &SNMP_CONFIGURATION).or_message(),
            Field::message("global_tenant_config", &tenant::TENANT_CONFIGURATION).or_message(),
            Field::any("admin_auth_configuration"),
            Field::message("proxy_configuration", &cloud::PROXY_CONFIGURATION),
            Field::any("mgmt_ip_access_control"),
            Field::any("linux_configuration"),
            Field::any("secure_channel_configuration"),
            Field::texts("ssh_ciphers"),
            Field::texts("ssh_hmacs"),
            Field::bool("docker_mode").or_bool(false),
            Field::bool("fips_mode").or_bool(false),
            Field::bool("common_criteria_mode").or_bool(false),
            Field::bool("enable_cors").or_bool(false),
            Field::bool("welcome_workflow_complete").or_bool(false),
            Field::any("host_key_algorithm_exclude"),
            Field::any("kex_algorithm_exclude"),
            Field::any("controller_analytics_policy"),
        ],
        // `rekey_*` and the like.
        keep_unknown: true,
    },
};

static PORTAL_CONFIGURATION: MessageSchema = MessageSchema {
    name: "PortalConfiguration",
    fields: &[
        Field::bool("enable_http").or_bool(true),
        Field::bool("enable_https").or_bool(true),
        Field::bool("redirect_to_https").or_bool(true),
        Field::int("http_port", 1, 65_535),
        Field::int("https_port", 1, 65_535),
        Field::bool("allow_basic_authentication").or_bool(false),
        Field::bool("password_strength_check").or_bool(false),
        Field::int("minimum_password_length", 6, 32).or_int(8),
        Field::bool("enable_clickjacking_protection").or_bool(true),
        Field::bool("use_uuid_from_input").or_bool(false),
        Field::bool("disable_remote_cli_shell").or_bool(false),
        Field::bool("disable_swagger").or_bool(false),
        // Hours.
        Field::uint32("api_force_timeout").or_int(24),
        Field::list("sslkeyandcertificate_refs", &Kind::Ref("sslkeyandcertificate")).at_most(2),
        Field::reference("sslprofile_ref", "sslprofile"),
        Field::reference("pkiprofile_ref", "pkiprofile"),
    ],
    keep_unknown: false,
};

static DNS_CONFIGURATION: MessageSchema = MessageSchema {
    name: "DNSConfiguration",
    fields: &[Field::text("search_domain"), Field::list("server_list", &address::ADDRESS)],
    keep_unknown: false,
};

static EMAIL_CONFIGURATION: MessageSchema = MessageSchema {
    name: "EmailConfiguration",
    fields: &[
        Field::one_of("smtp_type", &["SMTP_LOCAL_HOST", "SMTP_NONE", "SMTP_SERVER", "SMTP_ANONYMOUS_SERVER"])
            .or_str("SMTP_LOCAL_HOST"),
        Field::text("from_email").or_str("admin@avicontroller.net"),
        Field::text("mail_server_name").or_str("localhost"),
        Field::int("mail_server_port", 1, 65_535).or_int(25),
        Field::text("auth_username"),
        Field::text("auth_password").sensitive(),
        Field::bool("disable_tls").or_bool(false),
    ],
    keep_unknown: false,
};

static SNMP_CONFIGURATION: MessageSchema = MessageSchema {
    name: "SnmpConfiguration",
    fields: &[
        Field::text("version").or_str("SNMP_VER2"),
        Field::text("community"),
        Field::text("sys_contact"),
        Field::text("sys_location"),
        Field::bool("large_trap_payload").or_bool(false),
    ],
    keep_unknown: false,
};
