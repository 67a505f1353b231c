//! Pool: servers, how one is chosen, how they are watched (avi-api 2.6).

mod server;

use super::label;
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/pool`.
pub(super) static POOL: TypeSchema = TypeSchema {
    path: "pool",
    model: "Pool",
    words: "Pool",
    scope: Scope::TenantCloud,
    names: Names::Unique,
    message: &MessageSchema {
        name: "Pool",
        fields: &[
            Field::list("servers", &Kind::Message(&server::SERVER)).at_most(5000).keyed("ip.addr,port"),
            Field::one_of("lb_algorithm", LB_ALGORITHMS).or_str("LB_ALGORITHM_LEAST_CONNECTIONS"),
            Field::one_of("lb_algorithm_hash", LB_ALGORITHM_HASHES)
                .or_str("LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS"),
            Field::text("lb_algorithm_consistent_hash_hdr"),
            Field::int("default_server_port", 1, 65_535).or_int(80),
            Field::bool("use_service_port").or_bool(false),
            Field::list("health_monitor_refs", &Kind::Ref("healthmonitor")).at_most(50),
            Field::uint32("min_health_monitors_up"),
            Field::uint32("min_servers_up"),
            Field::bool("inline_health_monitor").or_bool(true),
            Field::bool("enabled").or_bool(true),
            Field::reference("cloud_ref", "cloud").or_named("Default-Cloud").immutable(),
            Field::reference("vrf_ref", "vrfcontext").or_named("global").immutable(),
            Field::list("placement_networks", &Kind::Message(&server::PLACEMENT_NETWORK)),
            Field::bool("sni_enabled").or_bool(true),
            Field::text("server_name"),
            Field::reference("ssl_profile_ref", "sslprofile"),
            Field::reference("ssl_key_and_certificate_ref", "sslkeyandcertificate"),
            Field::reference("pki_profile_ref", "pkiprofile"),
            Field::bool("host_check_enabled").or_bool(false),
            Field::texts("domain_name"),
            Field::reference("application_persistence_profile_ref", "applicationpersistenceprofile"),
            // Minutes; 0 = at once, -1 = never.
            Field::int("graceful_disable_timeout", -1, 7200).or_int(1),
            // Seconds; 0 = at once, -1 = never.
            Field::int("graceful_hm_down_disable_timeout", -1, 432_000).or_int(-1),
            // Minutes; 0 = none.
            Field::int("connection_ramp_duration", 0, 300).or_int(10),
            // 0 = no limit.
            Field::uint32("max_concurrent_connections_per_server").or_int(0),
            Field::any("max_conn_rate_per_server"),
            Field::bool("enable_http2").or_bool(false),
            Field::any("fail_action"),
            Field::bool("rewrite_host_header_to_server_name").or_bool(false),
            Field::bool("rewrite_host_header_to_sni").or_bool(false),
            Field::bool("lookup_server_by_name").or_bool(false),
            Field::bool("request_queue_enabled").or_bool(false),
            Field::uint32("request_queue_depth").or_int(128),
            // Milliseconds; 0 = the default.
            Field::int("server_timeout", 0, 21_600_000).or_int(0),
            Field::message("server_reselect", &HTTP_SERVER_RESELECT),
            Field::message("conn_pool_properties", &CONN_POOL_PROPERTIES),
            Field::text("cloud_config_cksum"),
            Field::text("service_metadata"),
            Field::text("created_by"),
            label::MARKERS,
            Field::text("tier1_lr"),
            Field::text("description"),
            Field::texts("nsx_securitygroup"),
            Field::reference("analytics_profile_ref", "analyticsprofile").or_named("System-Analytics-Profile"),
            Field::message("analytics_policy", &POOL_ANALYTICS_POLICY),
            Field::one_of("append_port", &["NON_DEFAULT_80_443", "NEVER", "ALWAYS"]).or_str("NON_DEFAULT_80_443"),
            Field::bool("ignore_server_port").or_bool(false),
            Field::bool("gslb_sp_enabled"),
            Field::reference("autoscale_policy_ref", "serverautoscalepolicy"),
            Field::reference("ipaddrgroup_ref", "ipaddrgroup"),
            Field::bool("capacity_estimation").or_bool(false),
            Field::bool("delete_server_on_dns_refresh").or_bool(true),
            Field::bool("use_service_ssl_mode").or_bool(false),
            Field::reference("autoscale_launch_config_ref", "autoscalelaunchconfig"),
            Field::texts("autoscale_networks"),
            Field::uint32("capacity_estimation_ttfb_thresh").or_int(0),
            Field::bool("east_west"),
            Field::texts("external_autoscale_groups"),
            Field::uint32("fewest_tasks_feedback_delay").or_int(10),
            Field::any("horizon_profile"),
            Field::any("http2_properties"),
            Field::bool("lb_algo_rr_per_se").or_bool(false),
            Field::uint32("lb_algorithm_core_nonaffinity").or_int(2),
            Field::any("networks"),
            Field::text("pool_type").or_str("POOL_TYPE_GENERIC_APP"),
            Field::bool("resolve_pool_by_dns"),
            Field::bool("routing_pool").or_bool(false),
            Field::text("server_disable_type").or_str("DISALLOW_NEW_CONNECTION"),
            Field::any("sp_gs_info"),
        ],
        keep_unknown: false,
    },
};

static LB_ALGORITHMS: &[&str] = &[
    "LB_ALGORITHM_LEAST_CONNECTIONS",
    "LB_ALGORITHM_ROUND_ROBIN",
    "LB_ALGORITHM_FASTEST_RESPONSE",
    "LB_ALGORITHM_CONSISTENT_HASH",
    "LB_ALGORITHM_LEAST_LOAD",
    "LB_ALGORITHM_FEWEST_SERVERS",
    "LB_ALGORITHM_RANDOM",
    "LB_ALGORITHM_FEWEST_TASKS",
    "LB_ALGORITHM_NEAREST_SERVER",
    "LB_ALGORITHM_CORE_AFFINITY",
    "LB_ALGORITHM_TOPOLOGY",
];

static LB_ALGORITHM_HASHES: &[&str] = &[
    "LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS",
    "LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS_AND_PORT",
    "LB_ALGORITHM_CONSISTENT_HASH_URI",
    "LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_HEADER",
    "LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_STRING",
    "LB_ALGORITHM_CONSISTENT_HASH_CALLID",
];

static HTTP_SERVER_RESELECT: MessageSchema = MessageSchema {
    name: "HTTPServerReselect",
    fields: &[
        Field::bool("enabled").or_bool(false),
        Field::uint32("num_retries").or_int(4),
        Field::bool("retry_nonidempotent").or_bool(false),
        // Milliseconds.
        Field::uint32("retry_timeout").or_int(0),
        Field::any("svr_resp_code"),
    ],
    keep_unknown: false,
};

static CONN_POOL_PROPERTIES: MessageSchema = MessageSchema {
    name: "ConnPoolProperties",
    fields: &[
        // Milliseconds.
        Field::uint32("upstream_connpool_conn_idle_tmo").or_int(60_000),
        Field::uint32("upstream_connpool_conn_life_tmo").or_int(600_000),
        // 0 = no limit.
        Field::uint32("upstream_connpool_conn_max_reuse").or_int(0),
        Field::uint32("upstream_connpool_server_max_cache").or_int(0),
    ],
    keep_unknown: false,
};

static POOL_ANALYTICS_POLICY: MessageSchema = MessageSchema {
    name: "PoolAnalyticsPolicy",
    fields: &[Field::bool("enable_realtime_metrics").or_bool(false)],
    keep_unknown: false,
};
