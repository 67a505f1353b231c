//! DnsPolicy: rules that come before the answers of a DNS virtual service (avi-api 2.24).

use super::{dns_record, label, match_target};
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/dnspolicy`.
pub(super) static DNS_POLICY: TypeSchema = TypeSchema {
    path: "dnspolicy",
    model: "DnsPolicy",
    words: "Dns policy",
    scope: Scope::Tenant,
    names: Names::Unique,
    message: &MessageSchema {
        name: "DnsPolicy",
        fields: &[
            Field::list("rule", &Kind::Message(&DNS_RULE)),
            Field::text("created_by"),
            Field::text("description"),
            label::MARKERS,
        ],
        keep_unknown: false,
    },
};

static DNS_RULE: MessageSchema = MessageSchema {
    name: "DnsRule",
    fields: &[
        Field::uint32("index").required(),
        Field::text("name").required(),
        Field::bool("enable").or_bool(true),
        Field::bool("log").or_bool(false),
        Field::message("match", &DNS_RULE_MATCH),
        Field::message("action", &DNS_RULE_ACTION),
    ],
    keep_unknown: false,
};

/// All members must match.
static DNS_RULE_MATCH: MessageSchema = MessageSchema {
    name: "DnsRuleMatchTarget",
    fields: &[
        Field::message("client_ip_address", &CLIENT_IP),
        Field::message("query_name", &QUERY_NAME),
        Field::message("query_type", &QUERY_TYPE),
        Field::message("protocol", &TRANSPORT),
        Field::message("geo_location", &GEO_LOCATION),
        Field::message("client_port_numbers", &CLIENT_PORTS),
    ],
    keep_unknown: false,
};

static CLIENT_IP: MessageSchema = MessageSchema {
    name: "DnsClientIpMatch",
    fields: &[
        Field::message("client_ip", &match_target::IP_ADDR_MATCH).required(),
        Field::bool("use_edns_client_subnet_ip").or_bool(true),
    ],
    keep_unknown: false,
};

static QUERY_NAME: MessageSchema = MessageSchema {
    name: "DnsQueryNameMatch",
    fields: &[
        Field::one_of(
            "match_criteria",
            &[
                "BEGINS_WITH",
                "DOES_NOT_BEGIN_WITH",
                "CONTAINS",
                "DOES_NOT_CONTAIN",
                "ENDS_WITH",
                "DOES_NOT_END_WITH",
                "EQUALS",
                "DOES_NOT_EQUAL",
                "REGEX_MATCH",
                "REGEX_DOES_NOT_MATCH",
            ],
        )
        .required(),
        Field::texts("query_domain_names"),
        Field::list("string_group_refs", &Kind::Ref("stringgroup")),
    ],
    keep_unknown: false,
};

static QUERY_TYPE: MessageSchema = MessageSchema {
    name: "DnsQueryTypeMatch",
    fields: &[match_target::IS_IN.required(), Field::list("query_type", &Kind::Enum(dns_record::TYPES))],
    keep_unknown: false,
};

static TRANSPORT: MessageSchema = MessageSchema {
    name: "DnsTransportProtocolMatch",
    fields: &[match_target::IS_IN.required(), Field::one_of("protocol", &["DNS_OVER_UDP", "DNS_OVER_TCP"]).required()],
    keep_unknown: false,
};

static GEO_LOCATION: MessageSchema = MessageSchema {
    name: "DnsGeoLocationMatch",
    fields: &[
        match_target::IS_IN.required(),
        Field::text("geolocation_name"),
        Field::text("geolocation_tag"),
        Field::bool("use_edns_client_subnet_ip").or_bool(true),
    ],
    keep_unknown: false,
};

static CLIENT_PORTS: MessageSchema = MessageSchema {
    name: "DnsClientPortMatch",
    fields: &[Field::message("client_ports", &match_target::PORT_MATCH).required()],
    keep_unknown: false,
};

/// One member.
static DNS_RULE_ACTION: MessageSchema = MessageSchema {
    name: "DnsRuleAction",
    fields: &[
        Field::message("allow", &ALLOW),
        Field::message("response", &RESPONSE),
        Field::message("gslb_site_selection", &SITE_SELECTION),
        Field::any("gs_group_selection"),
        Field::any("pool_switching"),
        Field::any("dns_rate_limiter"),
    ],
    keep_unknown: false,
};

/// `false` drops; over TCP it resets the connection if asked to.
static ALLOW: MessageSchema = MessageSchema {
    name: "DnsRuleActionAllowDrop",
    fields: &[Field::bool("allow").or_bool(true), Field::bool("reset_conn").or_bool(true)],
    keep_unknown: false,
};

static RESPONSE: MessageSchema = MessageSchema {
    name: "DnsRuleActionResponse",
    fields: &[
        Field::one_of(
            "rcode",
            &[
                "DNS_RCODE_NOERROR",
                "DNS_RCODE_FORMERR",
                "DNS_RCODE_SERVFAIL",
                "DNS_RCODE_NXDOMAIN",
                "DNS_RCODE_NOTIMP",
                "DNS_RCODE_REFUSED",
                "DNS_RCODE_YXDOMAIN",
                "DNS_RCODE_YXRRSET",
                "DNS_RCODE_NXRRSET",
                "DNS_RCODE_NOTAUTH",
                "DNS_RCODE_NOTZONE",
            ],
        )
        .or_str("DNS_RCODE_NOERROR"),
        Field::bool("authoritative").or_bool(true),
        Field::bool("truncation").or_bool(false),
        Field::any("resource_record_sets"),
    ],
    keep_unknown: false,
};

static SITE_SELECTION: MessageSchema = MessageSchema {
    name: "DnsRuleActionGslbSiteSelection",
    fields: &[
        Field::text("site_name").required(),
        Field::list("fallback_site_names", &Kind::String).at_most(64),
        Field::bool("is_site_preferred").or_bool(true),
    ],
    keep_unknown: false,
};
