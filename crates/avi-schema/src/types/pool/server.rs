//! Server: one address behind a pool (avi-api 2.6).

use crate::types::{address, gslb_location, vip};
use crate::{Field, Kind, MessageSchema};

/// `Server`, an element of `servers`. `hostname` is the address text when it is not given.
pub(super) static SERVER: MessageSchema = MessageSchema {
    name: "Server",
    fields: &[
        Field::message("ip", &address::IP_ADDR).required(),
        // 0 or absent = the pool's default.
        Field::int("port", 0, 65_535),
        Field::text("hostname"),
        Field::bool("enabled").or_bool(true),
        Field::int("ratio", 1, 20).or_int(1),
        Field::text("external_uuid"),
        Field::text("server_node"),
        Field::reference("nw_ref", "vimgrnwruntime"),
        Field::reference("vm_ref", "vimgrvmruntime"),
        Field::text("description"),
        Field::bool("resolve_server_by_dns").or_bool(false),
        Field::bool("rewrite_host_header").or_bool(false),
        Field::bool("static").or_bool(false),
        Field::bool("verify_network").or_bool(false),
        Field::text("availability_zone"),
        Field::list("discovered_networks", &Kind::Message(&vip::DISCOVERED_NETWORK)).output_only(),
        Field::int("preference_order", 1, 128),
        Field::message("location", &gslb_location::GEO_LOCATION),
        Field::text("prst_hdr_val"),
        Field::text("autoscaling_group_name"),
        Field::text("external_orchestration_id"),
        Field::text("mac_address"),
    ],
    keep_unknown: false,
};

/// `PlacementNetwork`: where servers are reachable.
pub(super) static PLACEMENT_NETWORK: MessageSchema = MessageSchema {
    name: "PlacementNetwork",
    fields: &[
        Field::reference("network_ref", "network").required(),
        Field::message("subnet", &address::IP_ADDR_PREFIX).required(),
    ],
    keep_unknown: false,
};
