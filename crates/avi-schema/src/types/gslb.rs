//! Gslb: the federation, its sites and sub-domains (avi-api 2.22).

use super::{address, gslb_location};
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/gslb`. Written on the leader, replicated; at most one object.
pub(super) static GSLB: TypeSchema = TypeSchema {
    path: "gslb",
    model: "Gslb",
    words: "Gslb",
    scope: Scope::Tenant,
    names: Names::AtMostOne,
    message: &MessageSchema {
        name: "Gslb",
        fields: &[
            Field::bool("is_federated").or_bool(true).immutable(),
            Field::list("dns_configs", &Kind::Message(&DNS_CONFIG)),
            Field::list("sites", &Kind::Message(&GSLB_SITE)),
            Field::text("leader_cluster_uuid").required(),
            // Seconds between exchanges of site state.
            Field::int("send_interval", 1, 3600).or_int(15),
            Field::uint32("send_interval_prior_to_maintenance_mode"),
            Field::int("clear_on_max_retries", 1, 1024).or_int(20),
            Field::uint64("view_id").or_int(0),
            Field::list("third_party_sites", &Kind::Message(&GSLB_THIRD_PARTY_SITE)),
            Field::message("client_ip_addr_group", &GSLB_CLIENT_IP_ADDR_GROUP),
            // Seconds by which propagation is batched.
            Field::int("async_interval", 0, 5).or_int(0),
            // Seconds; 0 turns the retry off.
            Field::zero_or_int("error_resync_interval", 60, 3600).or_int(300),
            Field::message("replication_policy", &REPLICATION_POLICY),
            Field::bool("maintenance_mode").or_bool(false),
            Field::bool("tenant_scoped").or_bool(true).immutable(),
            Field::bool("enable_config_by_members").or_bool(false),
            // Ours: the active sites elect who leads. Without it a person promotes, as avi-api 5.8 says.
            Field::bool("leader_election").or_bool(false),
            Field::text("description"),
        ],
        keep_unknown: false,
    },
};

/// `/api/federationcheckpoint`: a place in the log of federated objects (avi-api 2.24).
pub(super) static FEDERATION_CHECKPOINT: TypeSchema = TypeSchema {
    path: "federationcheckpoint",
    model: "FederationCheckpoint",
    words: "Federation checkpoint",
    scope: Scope::Tenant,
    names: Names::Unique,
    message: &MessageSchema {
        name: "FederationCheckpoint",
        fields: &[
            Field::text("date"),
            Field::text("description"),
            Field::bool("is_federated").or_bool(true).immutable(),
        ],
        keep_unknown: false,
    },
};

static GSLB_SITE: MessageSchema = MessageSchema {
    name: "GslbSite",
    fields: &[
        Field::text("cluster_uuid").required(),
        Field::text("name").required(),
        Field::list("ip_addresses", &address::ADDRESS).at_most(3),
        Field::int("port", 1, 65_535).or_int(443),
        Field::text("username").required(),
        Field::text("password").required().sensitive(),
        Field::one_of("member_type", &["GSLB_ACTIVE_MEMBER", "GSLB_PASSIVE_MEMBER"]).or_str("GSLB_PASSIVE_MEMBER"),
        Field::bool("enabled").or_bool(true),
        Field::list("dns_vses", &Kind::Message(&GSLB_SITE_DNS_VS)),
        Field::bool("hm_shard_enabled").or_bool(false),
        Field::bool("suspend_mode").or_bool(false),
        Field::list("hm_proxies", &Kind::Message(&GSLB_HEALTH_MONITOR_PROXY)),
        Field::message("location", &gslb_location::GSLB_GEO_LOCATION),
        Field::int("ratio", 1, 20),
        Field::text("address"),
        Field::text("uuid").output_only(),
    ],
    keep_unknown: false,
};

static GSLB_THIRD_PARTY_SITE: MessageSchema = MessageSchema {
    name: "GslbThirdPartySite",
    fields: &[
        // Made as `tp_cluster-<uuid>` when the client gives none.
        Field::text("cluster_uuid"),
        Field::text("name").required(),
        Field::bool("enabled").or_bool(true),
        Field::list("hm_proxies", &Kind::Message(&GSLB_HEALTH_MONITOR_PROXY)),
        Field::message("location", &gslb_location::GSLB_GEO_LOCATION),
        Field::int("ratio", 1, 20),
        Field::text("uuid").output_only(),
    ],
    keep_unknown: false,
};

static DNS_CONFIG: MessageSchema =
    MessageSchema { name: "DNSConfig", fields: &[Field::text("domain_name").required()], keep_unknown: false };

static GSLB_SITE_DNS_VS: MessageSchema = MessageSchema {
    name: "GslbSiteDnsVs",
    fields: &[
        Field::text("dns_vs_uuid").required(),
        // Empty: all GSLB sub-domains.
        Field::texts("domain_names"),
    ],
    keep_unknown: false,
};

static GSLB_HEALTH_MONITOR_PROXY: MessageSchema = MessageSchema {
    name: "GslbHealthMonitorProxy",
    fields: &[
        Field::text("site_uuid").required(),
        Field::one_of(
            "proxy_type",
            &[
                "GSLB_HEALTH_MONITOR_PROXY_PRIVATE_MEMBERS",
                "GSLB_HEALTH_MONITOR_PROXY_ALL_MEMBERS",
                // As people say it.
                "PRIVATE_MEMBERS",
                "ALL_MEMBERS",
            ],
        )
        .or_str("GSLB_HEALTH_MONITOR_PROXY_PRIVATE_MEMBERS"),
    ],
    keep_unknown: false,
};

static REPLICATION_POLICY: MessageSchema = MessageSchema {
    name: "ReplicationPolicy",
    fields: &[
        Field::one_of(
            "replication_mode",
            &["REPLICATION_MODE_CONTINUOUS", "REPLICATION_MODE_MANUAL", "REPLICATION_MODE_ADAPTIVE"],
        )
        .or_str("REPLICATION_MODE_CONTINUOUS"),
        Field::reference("checkpoint_ref", "federationcheckpoint"),
    ],
    keep_unknown: false,
};

static GSLB_CLIENT_IP_ADDR_GROUP: MessageSchema = MessageSchema {
    name: "GslbClientIpAddrGroup",
    fields: &[
        Field::one_of("type", &["GSLB_IP_PUBLIC", "GSLB_IP_PRIVATE"]).required(),
        Field::list("addrs", &address::ADDRESS),
        Field::list("prefixes", &Kind::Message(&address::IP_ADDR_PREFIX)),
        Field::list("ranges", &Kind::Message(&address::IP_ADDR_RANGE)),
    ],
    keep_unknown: false,
};
