//! AnalyticsProfile: what counts as an error, and how fast is fast (avi-api 2.14).

use super::label;
use crate::{Field, MessageSchema, Names, Scope, TypeSchema};

/// `/api/analyticsprofile`. Members not named here are kept as sent.
pub(super) static ANALYTICS_PROFILE: TypeSchema = TypeSchema {
    path: "analyticsprofile",
    model: "AnalyticsProfile",
    words: "Analytics profile",
    scope: Scope::TenantShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "AnalyticsProfile",
        fields: &[
            Field::text("description"),
            // Milliseconds, each with the factor up to which a slower answer is tolerated.
            Field::uint32("apdex_response_threshold").or_int(500),
            Field::float("apdex_response_tolerated_factor"),
            Field::uint32("apdex_rtt_threshold").or_int(250),
            Field::float("apdex_rtt_tolerated_factor"),
            Field::uint32("apdex_server_response_threshold").or_int(400),
            Field::float("apdex_server_response_tolerated_factor"),
            Field::uint32("apdex_server_rtt_threshold").or_int(125),
            Field::float("apdex_server_rtt_tolerated_factor"),
            Field::uint32("apdex_rum_threshold").or_int(5000),
            Field::float("apdex_rum_tolerated_factor"),
            Field::bool("exclude_no_dns_record_as_error").or_bool(false),
            Field::bool("exclude_invalid_dns_query_as_error").or_bool(false),
            Field::bool("exclude_invalid_dns_domain_as_error").or_bool(false),
            Field::bool("exclude_unsupported_dns_query_as_error").or_bool(false),
            Field::bool("exclude_gs_down_as_error").or_bool(false),
            Field::bool("exclude_no_valid_gs_member_as_error").or_bool(false),
            Field::bool("exclude_dns_policy_drop_as_significant").or_bool(false),
            Field::bool("exclude_server_dns_error_as_error").or_bool(false),
            Field::bool("exclude_tcp_reset_as_error").or_bool(false),
            Field::bool("exclude_server_tcp_reset_as_error").or_bool(false),
            Field::bool("exclude_syn_retransmit_as_error").or_bool(false),
            Field::bool("exclude_client_close_before_request_as_error").or_bool(false),
            Field::bool("exclude_persistence_change_as_error").or_bool(false),
            Field::any("exclude_http_error_codes"),
            Field::any("client_log_streaming_config"),
            label::MARKERS,
        ],
        keep_unknown: true,
    },
};
