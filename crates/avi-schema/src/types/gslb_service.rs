//! GslbService: one global name, its pools and members (avi-api 2.23).

use super::{address, gslb_location, label};
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/gslbservice`.
///
/// `ttl`, `num_dns_ip` and `down_response` have no default: AMKO hashes what it reads back, and a value it did not send
/// makes it write for ever (avi-api 1.16, 3.4).
pub(super) static GSLB_SERVICE: TypeSchema = TypeSchema {
    path: "gslbservice",
    model: "GslbService",
    words: "Gslb service",
    scope: Scope::Tenant,
    names: Names::Unique,
    message: &MessageSchema {
        name: "GslbService",
        fields: &[
            Field::texts("domain_names").required(),
            Field::list("groups", &Kind::Message(&GSLB_POOL)).required(),
            Field::bool("enabled").or_bool(true),
            Field::one_of("pool_algorithm", &["GSLB_SERVICE_ALGORITHM_PRIORITY", "GSLB_SERVICE_ALGORITHM_GEO"])
                .or_str("GSLB_SERVICE_ALGORITHM_PRIORITY"),
            Field::int("min_members", 0, 65_535).or_int(0),
            Field::list("health_monitor_refs", &Kind::Ref("healthmonitor")).at_most(6),
            Field::one_of(
                "health_monitor_scope",
                &["GSLB_SERVICE_HEALTH_MONITOR_ALL_MEMBERS", "GSLB_SERVICE_HEALTH_MONITOR_ONLY_NON_AVI_MEMBERS"],
            )
            .or_str("GSLB_SERVICE_HEALTH_MONITOR_ALL_MEMBERS"),
            Field::bool("controller_health_status_enabled").or_bool(true),
            Field::bool("hm_off"),
            Field::message("down_response", &GSLB_SERVICE_DOWN_RESPONSE),
            // Seconds.
            Field::int("ttl", 0, 86_400),
            // 0 = all addresses.
            Field::int("num_dns_ip", 0, 20),
            Field::bool("wildcard_match").or_bool(false),
            Field::bool("use_edns_client_subnet").or_bool(true),
            Field::bool("resolve_cname").or_bool(false),
            Field::bool("site_persistence_enabled").or_bool(false),
            Field::reference("application_persistence_profile_ref", "applicationpersistenceprofile"),
            Field::reference("pki_profile_ref", "pkiprofile"),
            Field::bool("topology_policy_enabled").or_bool(false),
            // Ours: absent, each site follows its own perception of the members.
            Field::message("site_quorum", &SITE_QUORUM),
            Field::bool("is_federated").or_bool(true).immutable(),
            Field::text("created_by"),
            Field::text("description"),
            label::MARKERS,
        ],
        keep_unknown: false,
    },
};

static ALGORITHMS: &[&str] = &[
    "GSLB_ALGORITHM_ROUND_ROBIN",
    "GSLB_ALGORITHM_CONSISTENT_HASH",
    "GSLB_ALGORITHM_GEO",
    "GSLB_ALGORITHM_TOPOLOGY",
    "GSLB_ALGORITHM_PREFERENCE_ORDER",
];

static GSLB_POOL: MessageSchema = MessageSchema {
    name: "GslbPool",
    fields: &[
        Field::text("name").required(),
        // 0 = never chosen.
        Field::int("priority", 0, 100).or_int(10),
        Field::one_of("algorithm", ALGORITHMS).or_str("GSLB_ALGORITHM_ROUND_ROBIN"),
        Field::one_of("fallback_algorithm", ALGORITHMS),
        // Prefix lengths.
        Field::int("consistent_hash_mask", 1, 31),
        Field::int("consistent_hash_mask6", 1, 127),
        Field::list("members", &Kind::Message(&GSLB_POOL_MEMBER)),
        Field::bool("enabled").or_bool(true),
        Field::uint32("min_health_monitors_up"),
        Field::bool("manual_resume").or_bool(false),
        Field::text("description"),
    ],
    keep_unknown: false,
};

static GSLB_POOL_MEMBER: MessageSchema = MessageSchema {
    name: "GslbPoolMember",
    fields: &[
        Field::message("ip", &address::IP_ADDR),
        Field::message("public_ip", &GSLB_IP_ADDR),
        Field::text("fqdn"),
        Field::text("cluster_uuid"),
        Field::text("vs_uuid"),
        Field::text("cloud_uuid"),
        Field::int("ratio", 1, 20).or_int(1),
        Field::bool("enabled").or_bool(true),
        Field::message("location", &gslb_location::GSLB_GEO_LOCATION),
        Field::text("hostname"),
        Field::int("preference_order", 1, 128).or_int(1),
        Field::bool("resolve_fqdn_to_v6").or_bool(false),
        Field::text("description"),
    ],
    keep_unknown: false,
};

static GSLB_IP_ADDR: MessageSchema =
    MessageSchema { name: "GslbIpAddr", fields: &[Field::message("ip", &address::IP_ADDR)], keep_unknown: false };

/// How many active sites have to perceive a member down for it to be down: one, more than half, all, or `count`. A field of
/// our own, so a replace without it leaves it as it is: clients of Avi's API do not know it. `SITE_QUORUM_NONE` is as if it
/// were absent.
static SITE_QUORUM: MessageSchema = MessageSchema {
    name: "SiteQuorum",
    fields: &[
        Field::one_of(
            "type",
            &["SITE_QUORUM_NONE", "SITE_QUORUM_ANY", "SITE_QUORUM_MAJORITY", "SITE_QUORUM_ALL", "SITE_QUORUM_COUNT"],
        )
        .or_str("SITE_QUORUM_MAJORITY"),
        // Of SITE_QUORUM_COUNT; more than there are sites means all.
        Field::int("count", 1, 64),
    ],
    keep_unknown: false,
};

static GSLB_SERVICE_DOWN_RESPONSE: MessageSchema = MessageSchema {
    name: "GslbServiceDownResponse",
    fields: &[
        Field::one_of(
            "type",
            &[
                "GSLB_SERVICE_DOWN_RESPONSE_NONE",
                "GSLB_SERVICE_DOWN_RESPONSE_ALL_RECORDS",
                "GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP",
                "GSLB_SERVICE_DOWN_RESPONSE_EMPTY",
                "GSLB_SERVICE_DOWN_RESPONSE_CNAME",
            ],
        )
        .or_str("GSLB_SERVICE_DOWN_RESPONSE_NONE"),
        Field::message("fallback_ip", &address::IP_ADDR),
        Field::message("fallback_ip6", &address::IP_ADDR),
        Field::text("fallback_cname"),
    ],
    keep_unknown: false,
};
