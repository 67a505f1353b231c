//! L4PolicySet: a pool by port and protocol (avi-api 2.10).

use super::{label, match_target};
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/l4policyset`. Names of rules may look like references and are none.
pub(super) static L4_POLICY_SET: TypeSchema = TypeSchema {
    path: "l4policyset",
    model: "L4PolicySet",
    words: "L4 policy set",
    scope: Scope::Tenant,
    names: Names::Unique,
    message: &MessageSchema {
        name: "L4PolicySet",
        fields: &[
            Field::message("l4_connection_policy", &L4_CONNECTION_POLICY),
            Field::text("created_by"),
            Field::bool("is_internal_policy").or_bool(false),
            label::MARKERS,
            Field::text("description"),
        ],
        keep_unknown: false,
    },
};

static L4_CONNECTION_POLICY: MessageSchema = MessageSchema {
    name: "L4ConnectionPolicy",
    fields: &[Field::list("rules", &Kind::Message(&L4_RULE)).keyed("index")],
    keep_unknown: false,
};

static L4_RULE: MessageSchema = MessageSchema {
    name: "L4Rule",
    fields: &[
        Field::uint32("index").required(),
        Field::text("name").required(),
        Field::bool("enable").or_bool(true),
        Field::message("match", &L4_RULE_MATCH_TARGET),
        Field::message("action", &L4_RULE_ACTION),
    ],
    keep_unknown: false,
};

static L4_RULE_MATCH_TARGET: MessageSchema = MessageSchema {
    name: "L4RuleMatchTarget",
    fields: &[
        Field::message("client_ip", &match_target::IP_ADDR_MATCH),
        Field::message("port", &L4_RULE_PORT_MATCH),
        Field::message("protocol", &L4_RULE_PROTOCOL_MATCH),
    ],
    keep_unknown: false,
};

static L4_RULE_PORT_MATCH: MessageSchema = MessageSchema {
    name: "L4RulePortMatch",
    fields: &[
        match_target::IS_IN.required(),
        Field::list("ports", &Kind::Int { min: 1, max: 65_535 }),
        Field::list("port_ranges", &Kind::Message(&PORT_RANGE)),
    ],
    keep_unknown: false,
};

static PORT_RANGE: MessageSchema = MessageSchema {
    name: "PortRange",
    fields: &[Field::int("start", 1, 65_535).required(), Field::int("end", 1, 65_535).required()],
    keep_unknown: false,
};

static L4_RULE_PROTOCOL_MATCH: MessageSchema = MessageSchema {
    name: "L4RuleProtocolMatch",
    fields: &[
        match_target::IS_IN.required(),
        Field::one_of("protocol", &["PROTOCOL_TCP", "PROTOCOL_UDP", "PROTOCOL_SCTP", "PROTOCOL_ICMP"]).required(),
    ],
    keep_unknown: false,
};

static L4_RULE_ACTION: MessageSchema = MessageSchema {
    name: "L4RuleAction",
    fields: &[Field::message("select_pool", &L4_RULE_ACTION_SELECT_POOL)],
    keep_unknown: false,
};

static L4_RULE_ACTION_SELECT_POOL: MessageSchema = MessageSchema {
    name: "L4RuleActionSelectPool",
    fields: &[
        Field::one_of("action_type", &["L4_RULE_ACTION_SELECT_POOL", "L4_RULE_ACTION_SELECT_POOLGROUP"]).required(),
        Field::reference("pool_ref", "pool"),
        Field::reference("pool_group_ref", "poolgroup"),
    ],
    keep_unknown: false,
};
