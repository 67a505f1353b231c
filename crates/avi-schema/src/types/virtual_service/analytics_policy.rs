//! AnalyticsPolicy: which client logs a virtual service keeps (avi-api 2.4).

use crate::types::address;
use crate::{Field, Kind, MessageSchema};

/// `analytics_policy` of a virtual service.
pub(super) static ANALYTICS_POLICY: MessageSchema = MessageSchema {
    name: "AnalyticsPolicy",
    fields: &[
        Field::message("full_client_logs", &FULL_CLIENT_LOGS),
        // Logs per second and engine; 0 = no throttle.
        Field::uint32("significant_log_throttle").or_int(10),
        Field::uint32("udf_log_throttle").or_int(10),
        Field::message("metrics_realtime_update", &METRICS_REAL_TIME_UPDATE),
        Field::list("client_log_filters", &Kind::Message(&CLIENT_LOG_FILTER)),
        Field::bool("all_headers").or_bool(false),
        Field::one_of("client_insights", &["NO_INSIGHTS", "PASSIVE", "ACTIVE"]).or_str("NO_INSIGHTS"),
        Field::any("client_insights_sampling"),
        Field::any("learning_log_policy"),
    ],
    keep_unknown: false,
};

static FULL_CLIENT_LOGS: MessageSchema = MessageSchema {
    name: "FullClientLogs",
    fields: &[
        Field::bool("enabled").required(),
        // Minutes; 0 = for ever.
        Field::uint32("duration").or_int(30),
        // Logs per second; 0 = no throttle.
        Field::uint32("throttle").or_int(10),
    ],
    keep_unknown: false,
};

static METRICS_REAL_TIME_UPDATE: MessageSchema = MessageSchema {
    name: "MetricsRealTimeUpdate",
    fields: &[
        Field::bool("enabled").or_bool(false),
        // Minutes; 0 = for ever.
        Field::uint32("duration").or_int(30),
    ],
    keep_unknown: false,
};

static CLIENT_LOG_FILTER: MessageSchema = MessageSchema {
    name: "ClientLogFilter",
    fields: &[
        Field::text("name").required(),
        Field::uint32("index").required(),
        Field::bool("enabled").or_bool(false),
        Field::message("client_ip", &IP_ADDR_MATCH),
        Field::any("uri"),
        // Minutes; 0 = for ever.
        Field::uint32("duration").or_int(30),
        Field::bool("all_headers").or_bool(false),
    ],
    keep_unknown: false,
};

/// `IpAddrMatch`: kept as sent apart from the addresses.
static IP_ADDR_MATCH: MessageSchema = MessageSchema {
    name: "IpAddrMatch",
    fields: &[
        Field::one_of("match_criteria", &["IS_IN", "IS_NOT_IN"]),
        Field::list("addrs", &address::ADDRESS),
        Field::list("prefixes", &Kind::Message(&address::IP_ADDR_PREFIX)),
        Field::list("ranges", &Kind::Message(&address::IP_ADDR_RANGE)),
    ],
    keep_unknown: true,
};
