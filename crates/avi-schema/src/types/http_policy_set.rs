//! HTTPPolicySet: rules over requests and responses (avi-api 2.9).

mod action;

use super::{label, match_target};
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/httppolicyset`; how it is evaluated: avi-api 10.4.
pub(super) static HTTP_POLICY_SET: TypeSchema = TypeSchema {
    path: "httppolicyset",
    model: "HTTPPolicySet",
    words: "HTTP policy set",
    scope: Scope::Tenant,
    names: Names::Unique,
    message: &MessageSchema {
        name: "HTTPPolicySet",
        fields: &[
            Field::message("http_request_policy", &HTTP_REQUEST_POLICY),
            Field::message("http_security_policy", &HTTP_SECURITY_POLICY),
            Field::message("http_response_policy", &HTTP_RESPONSE_POLICY),
            Field::text("cloud_config_cksum"),
            Field::text("created_by"),
            Field::bool("is_internal_policy").or_bool(false),
            label::MARKERS,
            Field::text("description"),
            Field::reference("geo_db_ref", "geodb"),
            Field::reference("ip_reputation_db_ref", "ipreputationdb"),
        ],
        keep_unknown: false,
    },
};

static HTTP_REQUEST_POLICY: MessageSchema = MessageSchema {
    name: "HTTPRequestPolicy",
    fields: &[Field::list("rules", &Kind::Message(&HTTP_REQUEST_RULE)).keyed("index")],
    keep_unknown: false,
};

static HTTP_SECURITY_POLICY: MessageSchema = MessageSchema {
    name: "HTTPSecurityPolicy",
    fields: &[Field::list("rules", &Kind::Message(&HTTP_SECURITY_RULE)).keyed("index")],
    keep_unknown: false,
};

static HTTP_RESPONSE_POLICY: MessageSchema = MessageSchema {
    name: "HTTPResponsePolicy",
    fields: &[Field::list("rules", &Kind::Message(&HTTP_RESPONSE_RULE)).keyed("index")],
    keep_unknown: false,
};

static HTTP_REQUEST_RULE: MessageSchema = MessageSchema {
    name: "HTTPRequestRule",
    fields: &[
        INDEX,
        NAME,
        ENABLE,
        Field::message("match", &match_target::MATCH_TARGET),
        Field::message("redirect_action", &action::HTTP_REDIRECT_ACTION),
        Field::message("switching_action", &action::HTTP_SWITCHING_ACTION),
        Field::message("rewrite_url_action", &action::HTTP_REWRITE_URL_ACTION),
        Field::list("hdr_action", &Kind::Message(&action::HTTP_HDR_ACTION)),
        Field::bool("log"),
        Field::bool("all_headers"),
    ],
    keep_unknown: false,
};

static HTTP_SECURITY_RULE: MessageSchema = MessageSchema {
    name: "HTTPSecurityRule",
    fields: &[
        INDEX,
        NAME,
        ENABLE,
        Field::message("match", &match_target::MATCH_TARGET),
        Field::message("action", &action::HTTP_SECURITY_ACTION),
        Field::bool("log"),
    ],
    keep_unknown: false,
};

static HTTP_RESPONSE_RULE: MessageSchema = MessageSchema {
    name: "HTTPResponseRule",
    fields: &[
        INDEX,
        NAME,
        ENABLE,
        Field::message("match", &match_target::RESPONSE_MATCH_TARGET),
        Field::list("hdr_action", &Kind::Message(&action::HTTP_HDR_ACTION)),
        Field::message("loc_hdr_action", &action::HTTP_REWRITE_LOC_HDR_ACTION),
        Field::bool("log"),
        Field::bool("all_headers"),
    ],
    keep_unknown: false,
};

const INDEX: Field = Field::uint32("index").required();
const NAME: Field = Field::text("name").required();
const ENABLE: Field = Field::bool("enable").or_bool(true);
