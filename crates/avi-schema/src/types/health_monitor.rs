//! HealthMonitor (avi-api 2.8).

use super::{dns_record, label};
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/healthmonitor`.
pub(super) static HEALTH_MONITOR: TypeSchema = TypeSchema {
    path: "healthmonitor",
    model: "HealthMonitor",
    words: "Health monitor",
    scope: Scope::TenantShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "HealthMonitor",
        fields: &[
            Field::one_of("type", TYPES).required().immutable(),
            // Seconds; receive_timeout must not exceed send_interval.
            Field::int("send_interval", 1, 3600).or_int(10),
            Field::int("receive_timeout", 1, 2400).or_int(4),
            // Ours, milliseconds, in place of the two above; the first one alone is both.
            Field::int("send_interval_ms", 50, 999),
            Field::int("receive_timeout_ms", 10, 999),
            Field::int("successful_checks", 1, 50).or_int(2),
            Field::int("failed_checks", 1, 50).or_int(2),
            // 0 or absent = the server's port.
            Field::int("monitor_port", 0, 65_535),
            Field::bool("is_federated").or_bool(false).immutable(),
            Field::message("http_monitor", &HEALTH_MONITOR_HTTP),
            Field::message("https_monitor", &HEALTH_MONITOR_HTTP),
            Field::message("tcp_monitor", &HEALTH_MONITOR_TCP),
            Field::message("udp_monitor", &HEALTH_MONITOR_UDP),
            Field::message("dns_monitor", &HEALTH_MONITOR_DNS),
            Field::message("external_monitor", &HEALTH_MONITOR_EXTERNAL),
            Field::message("sctp_monitor", &HEALTH_MONITOR_SCTP),
            Field::bool("allow_duplicate_monitors"),
            label::MARKERS,
            Field::text("description"),
            Field::message("authentication", &HEALTH_MONITOR_AUTH_INFO),
            Field::bool("disable_quickstart"),
            Field::any("ftp_monitor"),
            Field::any("ftps_monitor"),
            Field::any("imap_monitor"),
            Field::any("imaps_monitor"),
            Field::any("ldap_monitor"),
            Field::any("ldaps_monitor"),
            Field::any("pop3_monitor"),
            Field::any("pop3s_monitor"),
            Field::message("radius_monitor", &HEALTH_MONITOR_RADIUS),
            Field::any("sip_monitor"),
            Field::any("smtp_monitor"),
            Field::any("smtps_monitor"),
        ],
        keep_unknown: false,
    },
};

static TYPES: &[&str] = &[
    "HEALTH_MONITOR_PING",
    "HEALTH_MONITOR_TCP",
    "HEALTH_MONITOR_HTTP",
    "HEALTH_MONITOR_HTTPS",
    "HEALTH_MONITOR_EXTERNAL",
    "HEALTH_MONITOR_UDP",
    "HEALTH_MONITOR_DNS",
    "HEALTH_MONITOR_GSLB",
    "HEALTH_MONITOR_SIP",
    "HEALTH_MONITOR_RADIUS",
    "HEALTH_MONITOR_SMTP",
    "HEALTH_MONITOR_SMTPS",
    "HEALTH_MONITOR_POP3",
    "HEALTH_MONITOR_POP3S",
    "HEALTH_MONITOR_IMAP",
    "HEALTH_MONITOR_IMAPS",
    "HEALTH_MONITOR_FTP",
    "HEALTH_MONITOR_FTPS",
    "HEALTH_MONITOR_LDAP",
    "HEALTH_MONITOR_LDAPS",
    "HEALTH_MONITOR_SCTP",
];

static HEALTH_MONITOR_HTTP: MessageSchema = MessageSchema {
    name: "HealthMonitorHttp",
    fields: &[
        Field::text("http_request").or_str("GET / HTTP/1.0"),
        Field::list("http_response_code", &Kind::Enum(HTTP_RESPONSE_CODES)),
        Field::text("http_response"),
        Field::list("maintenance_code", &Kind::Int { min: 101, max: 599 }).at_most(4),
        Field::text("maintenance_response"),
        Field::bool("exact_http_request").or_bool(false),
        Field::message("ssl_attributes", &HEALTH_MONITOR_SSL_ATTRIBUTES),
        Field::text("http_request_body"),
        // Bytes searched; 2048 when absent.
        Field::int("response_size", 2048, 16_384),
        Field::one_of("auth_type", &["AUTH_BASIC", "AUTH_NTLM"]),
    ],
    keep_unknown: false,
};

static HTTP_RESPONSE_CODES: &[&str] = &["HTTP_ANY", "HTTP_1XX", "HTTP_2XX", "HTTP_3XX", "HTTP_4XX", "HTTP_5XX"];

static HEALTH_MONITOR_SSL_ATTRIBUTES: MessageSchema = MessageSchema {
    name: "HealthMonitorSSLAttributes",
    fields: &[
        // Required once `sslprofile` is a type of ours.
        Field::reference("ssl_profile_ref", "sslprofile"),
        Field::reference("ssl_key_and_certificate_ref", "sslkeyandcertificate"),
        Field::reference("pki_profile_ref", "pkiprofile"),
        Field::text("server_name"),
    ],
    keep_unknown: false,
};

static HEALTH_MONITOR_TCP: MessageSchema = MessageSchema {
    name: "HealthMonitorTcp",
    fields: &[
        Field::bool("tcp_half_open").or_bool(false),
        Field::text("tcp_request"),
        Field::text("tcp_response"),
        Field::text("maintenance_response"),
    ],
    keep_unknown: false,
};

static HEALTH_MONITOR_UDP: MessageSchema = MessageSchema {
    name: "HealthMonitorUdp",
    fields: &[Field::text("udp_request"), Field::text("udp_response"), Field::text("maintenance_response")],
    keep_unknown: false,
};

static HEALTH_MONITOR_DNS: MessageSchema = MessageSchema {
    name: "HealthMonitorDNS",
    fields: &[
        Field::text("query_name").required(),
        Field::one_of("qtype", &["DNS_QUERY_TYPE", "DNS_ANY_TYPE", "DNS_ANY_THING"]).or_str("DNS_QUERY_TYPE"),
        Field::one_of("rcode", &["RCODE_NO_ERROR", "RCODE_ANYTHING"]).or_str("RCODE_NO_ERROR"),
        Field::one_of("record_type", dns_record::TYPES).or_str("DNS_RECORD_A"),
        Field::text("response_string"),
    ],
    keep_unknown: false,
};

static HEALTH_MONITOR_EXTERNAL: MessageSchema = MessageSchema {
    name: "HealthMonitorExternal",
    fields: &[
        // The script's text.
        Field::text("command_code").required(),
        Field::text("command_parameters"),
        // `k=v`, separated by spaces.
        Field::text("command_variables"),
        Field::text("command_path"),
    ],
    keep_unknown: false,
};

static HEALTH_MONITOR_SCTP: MessageSchema = MessageSchema {
    name: "HealthMonitorSctp",
    fields: &[Field::text("sctp_request"), Field::text("sctp_response")],
    keep_unknown: false,
};

static HEALTH_MONITOR_AUTH_INFO: MessageSchema = MessageSchema {
    name: "HealthMonitorAuthInfo",
    fields: &[Field::text("username").required(), Field::text("password").required().sensitive()],
    keep_unknown: false,
};

/// Kept as sent, but its secrets are never shown.
static HEALTH_MONITOR_RADIUS: MessageSchema = MessageSchema {
    name: "HealthMonitorRadius",
    fields: &[Field::text("username"), Field::text("password").sensitive(), Field::text("shared_secret").sensitive()],
    keep_unknown: true,
};
