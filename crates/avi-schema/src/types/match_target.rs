//! MatchTarget: what a rule looks at in a request, or in a response (avi-api 2.9).

use super::address;
use crate::{Field, Kind, MessageSchema};

/// `MatchTarget`: all members must match; the values inside one are alternatives.
pub(super) static MATCH_TARGET: MessageSchema =
    MessageSchema { name: "MatchTarget", fields: REQUEST, keep_unknown: false };

/// `ResponseMatchTarget`: the same, and what only a response has.
pub(super) static RESPONSE_MATCH_TARGET: MessageSchema = MessageSchema {
    name: "ResponseMatchTarget",
    fields: &[
        REQUEST[0],
        REQUEST[1],
        REQUEST[2],
        REQUEST[3],
        REQUEST[4],
        REQUEST[5],
        REQUEST[6],
        REQUEST[7],
        REQUEST[8],
        REQUEST[9],
        REQUEST[10],
        Field::list("rsp_hdrs", &HDR),
        Field::any("loc_hdr"),
        Field::message("status", &HTTP_STATUS_MATCH),
        Field::any("geo_matches"),
        Field::any("ip_reputation_type"),
    ],
    keep_unknown: false,
};

const REQUEST: &[Field] = &[
    Field::message("client_ip", &IP_ADDR_MATCH),
    Field::message("vs_port", &PORT_MATCH),
    Field::message("protocol", &PROTOCOL_MATCH),
    Field::message("method", &METHOD_MATCH),
    Field::message("path", &PATH_MATCH),
    Field::message("query", &QUERY_MATCH),
    Field::message("host_hdr", &HOST_HDR_MATCH),
    Field::list("hdrs", &HDR),
    Field::message("cookie", &COOKIE_MATCH),
    Field::message("version", &HTTP_VERSION_MATCH),
    Field::message("source_ip", &IP_ADDR_MATCH),
    Field::any("geo_matches"),
    Field::any("ip_reputation_type"),
    Field::any("bot_detection_result"),
    Field::any("tls_fingerprint_match"),
];

/// `IpAddrMatch`.
pub(super) static IP_ADDR_MATCH: MessageSchema = MessageSchema {
    name: "IpAddrMatch",
    fields: &[
        IS_IN.required(),
        Field::list("addrs", &address::ADDRESS),
        Field::list("prefixes", &Kind::Message(&address::IP_ADDR_PREFIX)),
        Field::list("ranges", &Kind::Message(&address::IP_ADDR_RANGE)),
        Field::list("group_refs", &Kind::Ref("ipaddrgroup")),
    ],
    keep_unknown: false,
};

/// `PortMatch`.
pub(super) static PORT_MATCH: MessageSchema = MessageSchema {
    name: "PortMatch",
    fields: &[IS_IN.required(), Field::list("ports", &Kind::Int { min: 1, max: 65_535 }).required()],
    keep_unknown: false,
};

/// `match_criteria` of sets.
pub(super) const IS_IN: Field = Field::one_of("match_criteria", &["IS_IN", "IS_NOT_IN"]);

/// `PathMatch`.
pub(super) static PATH_MATCH: MessageSchema = MessageSchema {
    name: "PathMatch",
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
        .or_str("CONTAINS"),
        MATCH_CASE,
        Field::texts("match_str"),
        Field::list("string_group_refs", &Kind::Ref("stringgroup")),
        Field::bool("match_decoded_string").or_bool(true),
    ],
    keep_unknown: false,
};

const MATCH_CASE: Field = Field::one_of("match_case", &["SENSITIVE", "INSENSITIVE"]).or_str("INSENSITIVE");

static QUERY_MATCH: MessageSchema = MessageSchema {
    name: "QueryMatch",
    fields: &[
        Field::one_of(
            "match_criteria",
            &[
                "QUERY_MATCH_CONTAINS",
                "QUERY_MATCH_DOES_NOT_CONTAIN",
                "QUERY_MATCH_EXISTS",
                "QUERY_MATCH_DOES_NOT_EXIST",
                "QUERY_MATCH_BEGINS_WITH",
                "QUERY_MATCH_DOES_NOT_BEGIN_WITH",
                "QUERY_MATCH_ENDS_WITH",
                "QUERY_MATCH_DOES_NOT_END_WITH",
                "QUERY_MATCH_EQUALS",
                "QUERY_MATCH_DOES_NOT_EQUAL",
                "QUERY_MATCH_REGEX_MATCH",
                "QUERY_MATCH_REGEX_DOES_NOT_MATCH",
            ],
        )
        .or_str("QUERY_MATCH_CONTAINS"),
        MATCH_CASE,
        Field::texts("match_str"),
        Field::list("string_group_refs", &Kind::Ref("stringgroup")),
        Field::bool("match_decoded_string").or_bool(true),
    ],
    keep_unknown: false,
};

const HDR_CRITERIA: Field = Field::one_of(
    "match_criteria",
    &[
        "HDR_EXISTS",
        "HDR_DOES_NOT_EXIST",
        "HDR_BEGINS_WITH",
        "HDR_DOES_NOT_BEGIN_WITH",
        "HDR_CONTAINS",
        "HDR_DOES_NOT_CONTAIN",
        "HDR_ENDS_WITH",
        "HDR_DOES_NOT_END_WITH",
        "HDR_EQUALS",
        "HDR_DOES_NOT_EQUAL",
    ],
)
.required();

static HOST_HDR_MATCH: MessageSchema = MessageSchema {
    name: "HostHdrMatch",
    fields: &[HDR_CRITERIA, MATCH_CASE, Field::texts("value")],
    keep_unknown: false,
};

static HDR: Kind = Kind::Message(&HDR_MATCH);

static HDR_MATCH: MessageSchema = MessageSchema {
    name: "HdrMatch",
    fields: &[Field::text("hdr").required(), HDR_CRITERIA, MATCH_CASE, Field::texts("value")],
    keep_unknown: false,
};

static COOKIE_MATCH: MessageSchema = MessageSchema {
    name: "CookieMatch",
    fields: &[Field::text("name").required(), HDR_CRITERIA, MATCH_CASE, Field::text("value")],
    keep_unknown: false,
};

static PROTOCOL_MATCH: MessageSchema = MessageSchema {
    name: "ProtocolMatch",
    fields: &[IS_IN.required(), Field::one_of("protocols", &["HTTP", "HTTPS"]).required()],
    keep_unknown: false,
};

static METHOD_MATCH: MessageSchema = MessageSchema {
    name: "MethodMatch",
    fields: &[IS_IN.required(), Field::list("methods", &Kind::Enum(METHODS)).required()],
    keep_unknown: false,
};

static METHODS: &[&str] = &[
    "HTTP_METHOD_GET",
    "HTTP_METHOD_HEAD",
    "HTTP_METHOD_PUT",
    "HTTP_METHOD_DELETE",
    "HTTP_METHOD_POST",
    "HTTP_METHOD_OPTIONS",
    "HTTP_METHOD_TRACE",
    "HTTP_METHOD_CONNECT",
    "HTTP_METHOD_PATCH",
    "HTTP_METHOD_PROPFIND",
    "HTTP_METHOD_PROPPATCH",
    "HTTP_METHOD_MKCOL",
    "HTTP_METHOD_COPY",
    "HTTP_METHOD_MOVE",
    "HTTP_METHOD_LOCK",
    "HTTP_METHOD_UNLOCK",
];

static HTTP_VERSION_MATCH: MessageSchema = MessageSchema {
    name: "HTTPVersionMatch",
    fields: &[
        IS_IN.required(),
        Field::list("versions", &Kind::Enum(&["ZERO_NINE", "ONE_ZERO", "ONE_ONE", "TWO_ZERO"])).required(),
    ],
    keep_unknown: false,
};

static HTTP_STATUS_MATCH: MessageSchema = MessageSchema {
    name: "HTTPStatusMatch",
    fields: &[
        IS_IN.required(),
        Field::list("status_codes", &Kind::Int { min: 100, max: 599 }),
        Field::list("ranges", &Kind::Message(&HTTP_STATUS_RANGE)),
    ],
    keep_unknown: false,
};

static HTTP_STATUS_RANGE: MessageSchema = MessageSchema {
    name: "HTTPStatusRange",
    fields: &[Field::int("begin", 100, 599).required(), Field::int("end", 100, 599).required()],
    keep_unknown: false,
};
