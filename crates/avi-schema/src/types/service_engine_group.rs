//! ServiceEngineGroup: engines with the same settings (avi-api 2.20).

use super::label;
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/serviceenginegroup`. Fields of level KEEP are kept as sent.
pub(super) static SERVICE_ENGINE_GROUP: TypeSchema = TypeSchema {
    path: "serviceenginegroup",
    model: "ServiceEngineGroup",
    words: "Service engine group",
    scope: Scope::TenantCloudShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "ServiceEngineGroup",
        fields: &[
            Field::reference("cloud_ref", "cloud").or_named("Default-Cloud").immutable(),
            Field::list("labels", &Kind::Message(&label::KEY_VALUE)).at_most(1).keyed("key"),
            label::MARKERS,
            Field::one_of("ha_mode", &["HA_MODE_SHARED_PAIR", "HA_MODE_SHARED", "HA_MODE_LEGACY_ACTIVE_STANDBY"])
                .or_str("HA_MODE_SHARED"),
            Field::bool("active_standby").or_bool(false),
            Field::one_of("algo", &["PLACEMENT_ALGO_PACKED", "PLACEMENT_ALGO_DISTRIBUTED"])
                .or_str("PLACEMENT_ALGO_PACKED"),
            Field::uint32("buffer_se").or_int(1),
            Field::int("min_scaleout_per_vs", 1, 64).or_int(1),
            Field::int("max_scaleout_per_vs", 1, 64).or_int(4),
            Field::int("max_vs_per_se", 1, 1000).or_int(10),
            Field::int("max_se", 0, 1000).or_int(10),
            Field::int("min_se", 0, 1000).or_int(1),
            Field::text("se_name_prefix").or_str("Avi"),
            Field::uint32("vcpus_per_se").or_int(1),
            // Megabytes.
            Field::int("memory_per_se", 2048, 262_144).or_int(2048),
            // Gigabytes.
            Field::uint32("disk_per_se").or_int(15),
            Field::bool("cpu_reserve").or_bool(false),
            Field::bool("mem_reserve").or_bool(true),
            // Percent.
            Field::int("connection_memory_percentage", 10, 90).or_int(50),
            // Minutes.
            Field::int("se_deprovision_delay", 0, 525_600).or_int(120),
            Field::message("realtime_se_metrics", &METRICS_REAL_TIME_UPDATE),
            // Logs per second and engine; 0 = no throttle.
            Field::uint32("significant_log_throttle").or_int(100),
            Field::uint32("udf_log_throttle").or_int(100),
            Field::uint32("non_significant_log_throttle").or_int(100),
            Field::bool("hm_on_standby").or_bool(true),
            Field::bool("auto_rebalance").or_bool(false),
            Field::bool("per_app").or_bool(false),
            Field::bool("vs_host_redundancy").or_bool(true),
            Field::one_of("placement_mode", &["PLACEMENT_MODE_AUTO"]).or_str("PLACEMENT_MODE_AUTO"),
            Field::text("description"),
            // Meridian's own: what engines of the group add to ports below 1024. Absent: as the controller was started.
            Field::int("port_offset", 0, 64_511),
        ],
        keep_unknown: true,
    },
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
