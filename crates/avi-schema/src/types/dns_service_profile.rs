//! DnsServiceApplicationProfile: what a DNS virtual service answers with (avi-api 2.13).

use crate::{Field, Kind, MessageSchema};

/// `dns_service_profile` of an ApplicationProfile.
pub(super) static DNS_SERVICE_APPLICATION_PROFILE: MessageSchema = MessageSchema {
    name: "DnsServiceApplicationProfile",
    fields: &[
        // 0 = all addresses.
        Field::int("num_dns_ip", 0, 20).or_int(1),
        // Seconds.
        Field::int("ttl", 0, 86_400).or_int(30),
        Field::texts("domain_names").at_most(100),
        Field::list("dns_zones", &Kind::Message(&DNS_ZONE)).at_most(100),
        Field::text("name_server"),
        Field::text("admin_email").or_str("hostmaster"),
        Field::int("negative_caching_ttl", 0, 86_400).or_int(30),
        Field::one_of("error_response", &["DNS_ERROR_RESPONSE_ERROR", "DNS_ERROR_RESPONSE_NONE"])
            .or_str("DNS_ERROR_RESPONSE_NONE"),
        Field::bool("aaaa_empty_response").or_bool(true),
        Field::bool("edns").or_bool(true),
        Field::int("edns_client_subnet_prefix_len", 1, 32),
        Field::bool("ecs_stripping_enabled").or_bool(true),
        Field::bool("dns_over_tcp_enabled").or_bool(true),
        // Milliseconds.
        Field::int("client_dns_tcp_request_timeout", 10, 100_000_000).or_int(10_000),
        Field::bool("close_tcp_connection_post_response").or_bool(false),
    ],
    keep_unknown: false,
};

static DNS_ZONE: MessageSchema = MessageSchema {
    name: "DnsZone",
    fields: &[Field::text("domain_name").required(), Field::text("admin_email"), Field::text("name_server")],
    keep_unknown: false,
};
