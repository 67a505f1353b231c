//! VSDataScriptSet and ProtocolParser: scripts, and the modules they load (avi-api 2.15).

use super::label;
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/vsdatascriptset`. Scripts are kept; running them is the engine's.
pub(super) static VS_DATA_SCRIPT_SET: TypeSchema = TypeSchema {
    path: "vsdatascriptset",
    model: "VSDataScriptSet",
    words: "VS data script set",
    scope: Scope::Tenant,
    names: Names::Unique,
    message: &MessageSchema {
        name: "VSDataScriptSet",
        fields: &[
            Field::list("datascript", &Kind::Message(&VS_DATA_SCRIPT)),
            Field::list("pool_refs", &Kind::Ref("pool")),
            Field::list("pool_group_refs", &Kind::Ref("poolgroup")),
            Field::list("ipgroup_refs", &Kind::Ref("ipaddrgroup")),
            Field::list("string_group_refs", &Kind::Ref("stringgroup")),
            Field::list("protocol_parser_refs", &Kind::Ref("protocolparser")),
            Field::list("pki_profile_refs", &Kind::Ref("pkiprofile")),
            Field::list("ssl_profile_refs", &Kind::Ref("sslprofile")),
            Field::list("ssl_key_certificate_refs", &Kind::Ref("sslkeyandcertificate")),
            Field::any("rate_limiters"),
            Field::text("created_by"),
            Field::text("description"),
            label::MARKERS,
            Field::reference("ip_reputation_db_ref", "ipreputationdb"),
            Field::reference("geo_db_ref", "geodb"),
        ],
        keep_unknown: false,
    },
};

static VS_DATA_SCRIPT: MessageSchema = MessageSchema {
    name: "VSDataScript",
    fields: &[Field::one_of("evt", EVENTS).required(), Field::text("script").required()],
    keep_unknown: false,
};

static EVENTS: &[&str] = &[
    "VS_DATASCRIPT_EVT_HTTP_REQ",
    "VS_DATASCRIPT_EVT_HTTP_RESP",
    "VS_DATASCRIPT_EVT_HTTP_RESP_DATA",
    "VS_DATASCRIPT_EVT_HTTP_REQ_DATA",
    "VS_DATASCRIPT_EVT_HTTP_LB_DONE",
    "VS_DATASCRIPT_EVT_HTTP_LB_FAILED",
    "VS_DATASCRIPT_EVT_HTTP_RESP_FAILED",
    "VS_DATASCRIPT_EVT_HTTP_AUTH",
    "VS_DATASCRIPT_EVT_HTTP_POST_AUTH",
    "VS_DATASCRIPT_EVT_TCP_CLIENT_ACCEPT",
    "VS_DATASCRIPT_EVT_SSL_HANDSHAKE_DONE",
    "VS_DATASCRIPT_EVT_CLIENT_SSL_PRE_CONNECT",
    "VS_DATASCRIPT_EVT_CLIENT_SSL_CLIENT_HELLO",
    "VS_DATASCRIPT_EVT_DNS_REQ",
    "VS_DATASCRIPT_EVT_DNS_RESP",
    "VS_DATASCRIPT_EVT_L4_REQUEST",
    "VS_DATASCRIPT_EVT_L4_RESPONSE",
];

/// `/api/protocolparser`: the text of a script module.
pub(super) static PROTOCOL_PARSER: TypeSchema = TypeSchema {
    path: "protocolparser",
    model: "ProtocolParser",
    words: "Protocol parser",
    scope: Scope::TenantShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "ProtocolParser",
        fields: &[Field::text("parser_code").required(), Field::text("description"), label::MARKERS],
        keep_unknown: false,
    },
};
