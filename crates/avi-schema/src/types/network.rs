//! Network: subnets, and the ranges that addresses are allocated from (avi-api 2.17).

use super::{address, label};
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/network`.
pub(super) static NETWORK: TypeSchema = TypeSchema {
    path: "network",
    model: "Network",
    words: "Network",
    scope: Scope::TenantCloudShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "Network",
        fields: &[
            Field::reference("cloud_ref", "cloud").or_named("Default-Cloud").immutable(),
            Field::reference("vrf_context_ref", "vrfcontext").or_named("global"),
            Field::list("configured_subnets", &Kind::Message(&SUBNET)),
            Field::bool("dhcp_enabled").or_bool(true),
            Field::bool("ip6_autocfg_enabled").or_bool(true),
            Field::bool("exclude_discovered_subnets").or_bool(false),
            Field::bool("synced_from_se").or_bool(false),
            Field::bool("vcenter_dvs").or_bool(true),
            Field::reference("vimgrnw_ref", "vimgrnwruntime"),
            Field::list("attrs", &Kind::Message(&label::KEY_VALUE)).keyed("key"),
            label::MARKERS,
        ],
        keep_unknown: false,
    },
};

/// `static_ranges` and `static_ips` are the shape of older versions; both count for VIPs.
static SUBNET: MessageSchema = MessageSchema {
    name: "Subnet",
    fields: &[
        Field::message("prefix", &address::IP_ADDR_PREFIX).required(),
        Field::list("static_ip_ranges", &Kind::Message(&STATIC_IP_RANGE)),
        Field::list("static_ranges", &Kind::Message(&address::IP_ADDR_RANGE)),
        Field::list("static_ips", &address::ADDRESS),
    ],
    keep_unknown: false,
};

static STATIC_IP_RANGE: MessageSchema = MessageSchema {
    name: "StaticIpRange",
    fields: &[
        Field::message("range", &address::IP_ADDR_RANGE).required(),
        Field::one_of("type", &["STATIC_IPS_FOR_VIP_AND_SE", "STATIC_IPS_FOR_VIP", "STATIC_IPS_FOR_SE"])
            .or_str("STATIC_IPS_FOR_VIP_AND_SE"),
    ],
    keep_unknown: false,
};
