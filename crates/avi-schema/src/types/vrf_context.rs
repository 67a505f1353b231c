//! VrfContext: a routing domain; addresses are unique in it (avi-api 2.17).

use super::{address, label};
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/vrfcontext`. `global` and `management` come with each cloud.
pub(super) static VRF_CONTEXT: TypeSchema = TypeSchema {
    path: "vrfcontext",
    model: "VrfContext",
    words: "Vrf context",
    scope: Scope::TenantCloudShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "VrfContext",
        fields: &[
            Field::list("static_routes", &Kind::Message(&STATIC_ROUTE)).keyed("route_id"),
            Field::reference("cloud_ref", "cloud").or_named("Default-Cloud").immutable(),
            Field::bool("system_default").or_bool(false).output_only(),
            Field::message("bgp_profile", &BGP_PROFILE),
            Field::list("gateway_mon", &Kind::Message(&GATEWAY_MONITOR)),
            Field::any("internal_gateway_monitor"),
            Field::list("attrs", &Kind::Message(&label::KEY_VALUE)).keyed("key"),
            Field::text("description"),
            Field::bool("lldp_enable").or_bool(true),
            label::MARKERS,
            Field::any("bfd_profile"),
            Field::any("debugvrfcontext"),
        ],
        keep_unknown: false,
    },
};

static STATIC_ROUTE: MessageSchema = MessageSchema {
    name: "StaticRoute",
    fields: &[
        Field::text("route_id").required(),
        Field::message("prefix", &address::IP_ADDR_PREFIX).required(),
        Field::message("next_hop", &address::IP_ADDR).required(),
        Field::text("if_name"),
        Field::bool("disable_gateway_monitor"),
        Field::list("labels", &Kind::Message(&label::KEY_VALUE)).at_most(1).keyed("key"),
    ],
    keep_unknown: false,
};

static GATEWAY_MONITOR: MessageSchema = MessageSchema {
    name: "GatewayMonitor",
    fields: &[
        Field::message("gateway_ip", &address::IP_ADDR).required(),
        // Milliseconds.
        Field::uint32("gateway_monitor_interval").or_int(1000),
        Field::uint32("gateway_monitor_fail_threshold").or_int(10),
        Field::uint32("gateway_monitor_success_threshold").or_int(15),
        Field::message("subnet", &address::IP_ADDR_PREFIX),
    ],
    keep_unknown: false,
};

static BGP_PROFILE: MessageSchema = MessageSchema {
    name: "BgpProfile",
    fields: &[
        Field::uint32("local_as").required(),
        Field::bool("ibgp").or_bool(true),
        // Seconds.
        Field::uint32("hold_time").or_int(180),
        Field::uint32("keepalive_interval").or_int(60),
        Field::bool("send_community").or_bool(true),
        Field::list("peers", &Kind::Message(&BGP_PEER)),
        Field::any("routing_options"),
        Field::any("ip_communities"),
        Field::bool("shutdown").or_bool(false),
    ],
    keep_unknown: false,
};

static BGP_PEER: MessageSchema = MessageSchema {
    name: "BgpPeer",
    fields: &[
        Field::uint32("remote_as"),
        Field::message("peer_ip", &address::IP_ADDR),
        Field::message("peer_ip6", &address::IP_ADDR),
        Field::message("subnet", &address::IP_ADDR_PREFIX),
        Field::message("subnet6", &address::IP_ADDR_PREFIX),
        Field::text("md5_secret").sensitive(),
        Field::bool("bfd").or_bool(true),
        Field::reference("network_ref", "network"),
        Field::bool("advertise_vip").or_bool(true),
        Field::bool("advertise_snat_ip").or_bool(true),
        // Seconds.
        Field::uint32("advertisement_interval").or_int(5),
        Field::uint32("connect_timer").or_int(10),
        Field::uint32("ebgp_multihop").or_int(0),
        Field::text("label"),
        Field::uint32("local_as"),
        Field::bool("shutdown").or_bool(false),
    ],
    keep_unknown: true,
};
