//! What a rule does (avi-api 2.9).

use crate::types::address;
use crate::{Field, Kind, MessageSchema};

/// `HTTPRedirectAction`.
pub(super) static HTTP_REDIRECT_ACTION: MessageSchema = MessageSchema {
    name: "HTTPRedirectAction",
    fields: &[
        Field::one_of("protocol", PROTOCOLS).required(),
        Field::int("port", 1, 65_535),
        Field::message("host", &URI_PARAM),
        Field::message("path", &URI_PARAM),
        Field::bool("keep_query").or_bool(true),
        Field::text("add_string"),
        Field::one_of(
            "status_code",
            &["HTTP_REDIRECT_STATUS_CODE_301", "HTTP_REDIRECT_STATUS_CODE_302", "HTTP_REDIRECT_STATUS_CODE_307"],
        )
        .or_str("HTTP_REDIRECT_STATUS_CODE_302"),
    ],
    keep_unknown: false,
};

/// `HTTPSwitchingAction`: a pool, a pool group, or an answer of our own.
pub(super) static HTTP_SWITCHING_ACTION: MessageSchema = MessageSchema {
    name: "HTTPSwitchingAction",
    fields: &[
        Field::one_of(
            "action",
            &["HTTP_SWITCHING_SELECT_POOL", "HTTP_SWITCHING_SELECT_POOLGROUP", "HTTP_SWITCHING_SELECT_LOCAL"],
        )
        .required(),
        Field::reference("pool_ref", "pool"),
        Field::reference("pool_group_ref", "poolgroup"),
        Field::message("server", &POOL_SERVER),
        STATUS_CODE,
        Field::int("other_status_code", 200, 599),
        Field::message("file", &HTTP_LOCAL_FILE),
    ],
    keep_unknown: false,
};

/// `HTTPRewriteURLAction`: what the server sees.
pub(super) static HTTP_REWRITE_URL_ACTION: MessageSchema = MessageSchema {
    name: "HTTPRewriteURLAction",
    fields: &[
        Field::message("host_hdr", &URI_PARAM),
        Field::message("path", &URI_PARAM),
        Field::message("query", &URI_PARAM_QUERY),
    ],
    keep_unknown: false,
};

/// `HTTPHdrAction`.
pub(super) static HTTP_HDR_ACTION: MessageSchema = MessageSchema {
    name: "HTTPHdrAction",
    fields: &[
        Field::one_of("action", &["HTTP_ADD_HDR", "HTTP_REMOVE_HDR", "HTTP_REPLACE_HDR"]).required(),
        Field::message("hdr", &HTTP_HDR_DATA),
        Field::any("cookie"),
        Field::uint32("hdr_index"),
    ],
    keep_unknown: false,
};

/// `HTTPSecurityAction`.
pub(super) static HTTP_SECURITY_ACTION: MessageSchema = MessageSchema {
    name: "HTTPSecurityAction",
    fields: &[
        Field::one_of(
            "action",
            &[
                "HTTP_SECURITY_ACTION_CLOSE_CONN",
                "HTTP_SECURITY_ACTION_SEND_RESPONSE",
                "HTTP_SECURITY_ACTION_ALLOW",
                "HTTP_SECURITY_ACTION_REDIRECT_TO_HTTPS",
                "HTTP_SECURITY_ACTION_RATE_LIMIT",
                "HTTP_SECURITY_ACTION_REQUEST_CHECK_ICAP",
            ],
        )
        .required(),
        STATUS_CODE,
        Field::message("file", &HTTP_LOCAL_FILE),
        Field::int("https_port", 1, 65_535),
        Field::any("rate_profile"),
    ],
    keep_unknown: false,
};

/// `HTTPRewriteLocHdrAction`.
pub(super) static HTTP_REWRITE_LOC_HDR_ACTION: MessageSchema = MessageSchema {
    name: "HTTPRewriteLocHdrAction",
    fields: &[
        Field::one_of("protocol", PROTOCOLS).required(),
        Field::message("host", &URI_PARAM),
        Field::int("port", 1, 65_535),
        Field::message("path", &URI_PARAM),
        Field::bool("keep_query").or_bool(true),
    ],
    keep_unknown: false,
};

static PROTOCOLS: &[&str] = &["HTTP", "HTTPS"];

const STATUS_CODE: Field = Field::one_of(
    "status_code",
    &[
        "HTTP_LOCAL_RESPONSE_STATUS_CODE_200",
        "HTTP_LOCAL_RESPONSE_STATUS_CODE_204",
        "HTTP_LOCAL_RESPONSE_STATUS_CODE_403",
        "HTTP_LOCAL_RESPONSE_STATUS_CODE_404",
        "HTTP_LOCAL_RESPONSE_STATUS_CODE_429",
        "HTTP_LOCAL_RESPONSE_STATUS_CODE_501",
    ],
);

static POOL_SERVER: MessageSchema = MessageSchema {
    name: "PoolServer",
    fields: &[
        Field::message("ip", &address::IP_ADDR).required(),
        Field::text("hostname"),
        Field::int("port", 1, 65_535),
    ],
    keep_unknown: false,
};

static HTTP_LOCAL_FILE: MessageSchema = MessageSchema {
    name: "HTTPLocalFile",
    fields: &[
        Field::text("content_type").required(),
        Field::text("file_content").required(),
        Field::uint32("file_length"),
    ],
    keep_unknown: false,
};

static URI_PARAM: MessageSchema = MessageSchema {
    name: "URIParam",
    fields: &[
        Field::one_of("type", &["URI_PARAM_TYPE_TOKENIZED"]).required(),
        Field::list("tokens", &Kind::Message(&URI_PARAM_TOKEN)).required(),
    ],
    keep_unknown: false,
};

/// Host tokens are split at dots, path tokens at slashes; an `end_index` of 65535 means "to the end".
static URI_PARAM_TOKEN: MessageSchema = MessageSchema {
    name: "URIParamToken",
    fields: &[
        Field::one_of(
            "type",
            &[
                "URI_TOKEN_TYPE_HOST",
                "URI_TOKEN_TYPE_PATH",
                "URI_TOKEN_TYPE_STRING",
                "URI_TOKEN_TYPE_STRING_GROUP",
                "URI_TOKEN_TYPE_REGEX",
                "URI_TOKEN_TYPE_REGEX_QUERY",
            ],
        )
        .required(),
        Field::text("str_value"),
        Field::int("start_index", 0, 65_535),
        Field::int("end_index", 0, 65_535),
    ],
    keep_unknown: false,
};

static URI_PARAM_QUERY: MessageSchema = MessageSchema {
    name: "URIParamQuery",
    fields: &[Field::bool("keep_query").or_bool(true), Field::text("add_string")],
    keep_unknown: false,
};

static HTTP_HDR_DATA: MessageSchema = MessageSchema {
    name: "HTTPHdrData",
    fields: &[Field::text("name"), Field::message("value", &HTTP_HDR_VALUE)],
    keep_unknown: false,
};

static HTTP_HDR_VALUE: MessageSchema = MessageSchema {
    name: "HTTPHdrValue",
    fields: &[
        Field::text("val"),
        Field::one_of(
            "var",
            &[
                "HTTP_POLICY_VAR_CLIENT_IP",
                "HTTP_POLICY_VAR_VS_PORT",
                "HTTP_POLICY_VAR_VS_IP",
                "HTTP_POLICY_VAR_HTTP_HDR",
                "HTTP_POLICY_VAR_SSL_CLIENT_FINGERPRINT",
                "HTTP_POLICY_VAR_SSL_CLIENT_SERIAL",
                "HTTP_POLICY_VAR_SSL_CLIENT_ISSUER",
                "HTTP_POLICY_VAR_SSL_CLIENT_SUBJECT",
                "HTTP_POLICY_VAR_SSL_CLIENT_RAW",
                "HTTP_POLICY_VAR_SSL_PROTOCOL",
                "HTTP_POLICY_VAR_SSL_SERVER_NAME",
                "HTTP_POLICY_VAR_USER_NAME",
                "HTTP_POLICY_VAR_SSL_CIPHER",
                "HTTP_POLICY_VAR_REQUEST_ID",
                "HTTP_POLICY_VAR_SSL_CLIENT_VERSION",
                "HTTP_POLICY_VAR_SSL_CLIENT_SIGALG",
                "HTTP_POLICY_VAR_SSL_CLIENT_NOTVALIDBEFORE",
                "HTTP_POLICY_VAR_SSL_CLIENT_NOTVALIDAFTER",
                "HTTP_POLICY_VAR_SSL_CLIENT_ESCAPED",
                "HTTP_POLICY_VAR_SOURCE_IP",
            ],
        ),
        Field::bool("is_sensitive"),
    ],
    keep_unknown: false,
};
