//! Vip: an address of a VsVip; given in a virtual service, the older form of the same (avi-api 2.4, 2.5).

use super::address;
use crate::{Field, Kind, MessageSchema};

/// `Vip`, an element of `vip`.
pub(super) static VIP: MessageSchema = MessageSchema {
    name: "Vip",
    fields: &[
        Field::text("vip_id").or_str("0"),
        Field::bool("enabled").or_bool(true),
        Field::message("ip_address", &address::IP_ADDR),
        Field::message("ip6_address", &address::IP_ADDR),
        Field::bool("auto_allocate_ip").or_bool(false),
        Field::one_of("auto_allocate_ip_type", &["V4_ONLY", "V6_ONLY", "V4_V6"]).or_str("V4_ONLY"),
        Field::message("ipam_network_subnet", &IP_NETWORK_SUBNET),
        Field::list("placement_networks", &Kind::Message(&VIP_PLACEMENT_NETWORK)).at_most(10),
        Field::bool("auto_allocate_floating_ip").or_bool(false),
        Field::message("floating_ip", &address::IP_ADDR),
        Field::message("floating_ip6", &address::IP_ADDR),
        Field::text("floating_subnet_uuid"),
        Field::text("floating_subnet6_uuid"),
        Field::bool("avi_allocated_vip").or_bool(false).output_only(),
        Field::bool("avi_allocated_fip").or_bool(false).output_only(),
        Field::int("prefix_length", 0, 32).or_int(32),
        Field::list("discovered_networks", &Kind::Message(&DISCOVERED_NETWORK)).output_only(),
        Field::reference("network_ref", "network"),
        Field::message("subnet", &address::IP_ADDR_PREFIX),
        Field::message("subnet6", &address::IP_ADDR_PREFIX),
        Field::text("subnet_uuid"),
        Field::text("subnet6_uuid"),
        Field::text("availability_zone"),
        Field::text("port_uuid"),
    ],
    keep_unknown: false,
};

static IP_NETWORK_SUBNET: MessageSchema = MessageSchema {
    name: "IPNetworkSubnet",
    fields: &[
        Field::reference("network_ref", "network"),
        Field::message("subnet", &address::IP_ADDR_PREFIX),
        Field::text("subnet_uuid"),
        Field::message("subnet6", &address::IP_ADDR_PREFIX),
        Field::text("subnet6_uuid"),
    ],
    keep_unknown: false,
};

static VIP_PLACEMENT_NETWORK: MessageSchema = MessageSchema {
    name: "VipPlacementNetwork",
    fields: &[
        Field::reference("network_ref", "network"),
        Field::message("subnet", &address::IP_ADDR_PREFIX),
        Field::message("subnet6", &address::IP_ADDR_PREFIX),
    ],
    keep_unknown: false,
};

/// `DiscoveredNetwork`: a network whose subnet holds the address.
pub(super) static DISCOVERED_NETWORK: MessageSchema = MessageSchema {
    name: "DiscoveredNetwork",
    fields: &[
        Field::reference("network_ref", "network"),
        Field::list("subnet", &Kind::Message(&address::IP_ADDR_PREFIX)),
        Field::list("subnet6", &Kind::Message(&address::IP_ADDR_PREFIX)),
    ],
    keep_unknown: false,
};
