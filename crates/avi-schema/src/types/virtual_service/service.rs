//! What a virtual service listens on, and what hangs on its ports (avi-api 2.4).

use crate::types::match_target;
use crate::{Field, Kind, MessageSchema};

/// `Service`: a listening port or range.
pub(super) static SERVICE: MessageSchema = MessageSchema {
    name: "Service",
    fields: &[
        Field::int("port", 0, 65_535).required(),
        // 0 = single port.
        Field::int("port_range_end", 0, 65_535).or_same_as("port"),
        Field::bool("enable_ssl").or_bool(false),
        Field::bool("enable_http2").or_bool(false),
        Field::reference("override_network_profile_ref", "networkprofile"),
        Field::reference("override_application_profile_ref", "applicationprofile"),
        Field::bool("horizon_internal_ports").or_bool(false),
        Field::bool("is_active_ftp_data_port").or_bool(false),
    ],
    keep_unknown: false,
};

/// `ServicePoolSelector`: a pool for one port.
pub(super) static SERVICE_POOL_SELECTOR: MessageSchema = MessageSchema {
    name: "ServicePoolSelector",
    fields: &[
        Field::int("service_port", 0, 65_535).required(),
        Field::int("service_port_range_end", 0, 65_535).or_same_as("service_port"),
        Field::one_of(
            "service_protocol",
            &[
                "PROTOCOL_TYPE_TCP_PROXY",
                "PROTOCOL_TYPE_TCP_FAST_PATH",
                "PROTOCOL_TYPE_UDP_FAST_PATH",
                "PROTOCOL_TYPE_UDP_PROXY",
                "PROTOCOL_TYPE_SCTP_PROXY",
                "PROTOCOL_TYPE_SCTP_FAST_PATH",
            ],
        ),
        Field::reference("service_pool_ref", "pool"),
        Field::reference("service_pool_group_ref", "poolgroup"),
    ],
    keep_unknown: false,
};

/// `VHMatch`: host and rules of an enhanced virtual-hosting child. `path` is the shape before 22.1.3.
pub(super) static VH_MATCH: MessageSchema = MessageSchema {
    name: "VHMatch",
    fields: &[
        Field::text("host").required(),
        Field::list("rules", &Kind::Message(&VH_MATCH_RULE)).keyed("name"),
        Field::list("path", &Kind::Message(&match_target::PATH_MATCH)),
    ],
    keep_unknown: false,
};

static VH_MATCH_RULE: MessageSchema = MessageSchema {
    name: "VHMatchRule",
    fields: &[Field::text("name").required(), Field::message("matches", &match_target::MATCH_TARGET).required()],
    keep_unknown: false,
};

/// `HTTPPolicies`: evaluated by ascending index.
pub(super) static HTTP_POLICIES: MessageSchema = MessageSchema {
    name: "HTTPPolicies",
    fields: &[Field::reference("http_policy_set_ref", "httppolicyset").required(), Field::uint32("index").required()],
    keep_unknown: false,
};

/// `L4Policies`.
pub(super) static L4_POLICIES: MessageSchema = MessageSchema {
    name: "L4Policies",
    fields: &[Field::reference("l4_policy_set_ref", "l4policyset").required(), Field::uint32("index").required()],
    keep_unknown: false,
};

/// `VSDataScripts`.
pub(super) static VS_DATASCRIPTS: MessageSchema = MessageSchema {
    name: "VSDataScripts",
    fields: &[
        Field::reference("vs_datascript_set_ref", "vsdatascriptset").required(),
        Field::uint32("index").required(),
    ],
    keep_unknown: false,
};

/// `DnsPolicies`.
pub(super) static DNS_POLICIES: MessageSchema = MessageSchema {
    name: "DnsPolicies",
    fields: &[Field::reference("dns_policy_ref", "dnspolicy").required(), Field::uint32("index").required()],
    keep_unknown: false,
};

/// `PerformanceLimits`.
pub(super) static PERFORMANCE_LIMITS: MessageSchema = MessageSchema {
    name: "PerformanceLimits",
    fields: &[
        Field::uint32("max_concurrent_connections"),
        // Megabits per second.
        Field::uint32("max_throughput"),
    ],
    keep_unknown: false,
};
