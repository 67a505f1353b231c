//! DNS records of a virtual service: static ones and those of its VIP (avi-api 2.3, 2.5, 2.16).

use super::address;
use crate::{Field, Kind, MessageSchema};

/// DNS record types, all with the prefix `DNS_RECORD_`.
pub(super) static TYPES: &[&str] = &[
    "DNS_RECORD_A",
    "DNS_RECORD_AAAA",
    "DNS_RECORD_CNAME",
    "DNS_RECORD_NS",
    "DNS_RECORD_SOA",
    "DNS_RECORD_PTR",
    "DNS_RECORD_HINFO",
    "DNS_RECORD_MX",
    "DNS_RECORD_TXT",
    "DNS_RECORD_RP",
    "DNS_RECORD_DNSKEY",
    "DNS_RECORD_SRV",
    "DNS_RECORD_OPT",
    "DNS_RECORD_RRSIG",
    "DNS_RECORD_AXFR",
    "DNS_RECORD_ANY",
    "DNS_RECORD_OTHER",
];

static ALGORITHMS: &[&str] = &["DNS_RECORD_RESPONSE_ROUND_ROBIN", "DNS_RECORD_RESPONSE_CONSISTENT_HASH"];

/// `DnsRecord`, an element of `static_dns_records`.
pub(super) static DNS_RECORD: MessageSchema = MessageSchema {
    name: "DnsRecord",
    fields: &[
        Field::texts("fqdn"),
        Field::one_of("type", TYPES).required(),
        Field::list("ip_address", &Kind::Message(&DNS_A_RDATA)).at_most(4),
        Field::list("ip6_address", &Kind::Message(&DNS_AAAA_RDATA)).at_most(4),
        Field::message("cname", &DNS_CNAME_RDATA),
        Field::list("ns", &Kind::Message(&DNS_NS_RDATA)).at_most(13),
        Field::list("mx_records", &Kind::Message(&DNS_MX_RDATA)).at_most(4),
        Field::list("txt_records", &Kind::Message(&DNS_TXT_RDATA)).at_most(4),
        Field::list("service_locator", &Kind::Message(&DNS_SRV_RDATA)).at_most(4),
        // Seconds; absent = the profile's.
        Field::uint32("ttl"),
        // 0 = all addresses.
        Field::int("num_records_in_response", 0, 20).or_int(0),
        Field::one_of("algorithm", ALGORITHMS).or_str("DNS_RECORD_RESPONSE_ROUND_ROBIN"),
        Field::bool("wildcard_match").or_bool(false),
        Field::bool("delegated").or_bool(false),
        Field::text("description"),
        Field::text("metadata"),
    ],
    keep_unknown: false,
};

/// `DnsInfo`, an element of `dns_info`.
pub(super) static DNS_INFO: MessageSchema = MessageSchema {
    name: "DnsInfo",
    fields: &[
        Field::text("fqdn"),
        Field::one_of("type", TYPES).or_str("DNS_RECORD_A"),
        Field::uint32("ttl"),
        Field::one_of("algorithm", ALGORITHMS).or_str("DNS_RECORD_RESPONSE_CONSISTENT_HASH"),
        Field::int("num_records_in_response", 0, 20),
        Field::message("cname", &DNS_CNAME_RDATA),
        Field::text("metadata"),
    ],
    keep_unknown: false,
};

static DNS_A_RDATA: MessageSchema = MessageSchema {
    name: "DnsARdata",
    fields: &[Field::message("ip_address", &address::IP_ADDR).required()],
    keep_unknown: false,
};

static DNS_AAAA_RDATA: MessageSchema = MessageSchema {
    name: "DnsAAAARdata",
    fields: &[Field::message("ip6_address", &address::IP_ADDR).required()],
    keep_unknown: false,
};

static DNS_CNAME_RDATA: MessageSchema =
    MessageSchema { name: "DnsCnameRdata", fields: &[Field::text("cname").required()], keep_unknown: false };

/// The addresses become glue.
static DNS_NS_RDATA: MessageSchema = MessageSchema {
    name: "DnsNsRdata",
    fields: &[
        Field::text("nsname").required(),
        Field::message("ip_address", &address::IP_ADDR),
        Field::message("ip6_address", &address::IP_ADDR),
    ],
    keep_unknown: false,
};

static DNS_MX_RDATA: MessageSchema = MessageSchema {
    name: "DnsMxRdata",
    fields: &[Field::text("host").required(), Field::int("priority", 0, 65_535).required()],
    keep_unknown: false,
};

static DNS_TXT_RDATA: MessageSchema =
    MessageSchema { name: "DnsTxtRdata", fields: &[Field::text("text_str").required()], keep_unknown: false };

static DNS_SRV_RDATA: MessageSchema = MessageSchema {
    name: "DnsSrvRdata",
    fields: &[
        Field::int("port", 0, 65_535).required(),
        Field::int("priority", 0, 65_535).or_int(0),
        Field::int("weight", 0, 65_535).or_int(0),
        Field::text("target").or_str("default.host"),
    ],
    keep_unknown: false,
};
