//! NetworkProfile: how a virtual service treats connections (avi-api 2.14).

use super::label;
use crate::{Field, MessageSchema, Names, Scope, TypeSchema};

/// `/api/networkprofile`. The sub-profile of its type is always there.
pub(super) static NETWORK_PROFILE: TypeSchema = TypeSchema {
    path: "networkprofile",
    model: "NetworkProfile",
    words: "Network profile",
    scope: Scope::TenantShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "NetworkProfile",
        fields: &[
            Field::message("profile", &NETWORK_PROFILE_UNION).required(),
            Field::bool("connection_mirror").or_bool(false),
            Field::text("description"),
            Field::text("created_by"),
            label::MARKERS,
        ],
        keep_unknown: false,
    },
};

static NETWORK_PROFILE_UNION: MessageSchema = MessageSchema {
    name: "NetworkProfileUnion",
    fields: &[
        Field::one_of(
            "type",
            &[
                "PROTOCOL_TYPE_TCP_PROXY",
                "PROTOCOL_TYPE_TCP_FAST_PATH",
                "PROTOCOL_TYPE_UDP_FAST_PATH",
                "PROTOCOL_TYPE_UDP_PROXY",
                "PROTOCOL_TYPE_SCTP_PROXY",
                "PROTOCOL_TYPE_SCTP_FAST_PATH",
            ],
        )
        .or_str("PROTOCOL_TYPE_TCP_PROXY"),
        Field::message("tcp_proxy_profile", &TCP_PROXY_PROFILE),
        Field::message("tcp_fast_path_profile", &TCP_FAST_PATH_PROFILE),
        Field::message("udp_fast_path_profile", &UDP_FAST_PATH_PROFILE),
        Field::message("udp_proxy_profile", &UDP_PROXY_PROFILE),
        Field::any("sctp_proxy_profile"),
        Field::any("sctp_fast_path_profile"),
    ],
    keep_unknown: false,
};

static TCP_PROXY_PROFILE: MessageSchema = MessageSchema {
    name: "TCPProxyProfile",
    fields: &[
        Field::bool("automatic").or_bool(true),
        // Seconds; 0 = no limit.
        Field::uint32("idle_connection_timeout").or_int(600),
        Field::one_of("idle_connection_type", &["KEEP_ALIVE", "CLOSE_IDLE"]).or_str("KEEP_ALIVE"),
        Field::uint32("max_retransmissions").or_int(8),
        Field::uint32("max_syn_retransmissions").or_int(8),
        // Milliseconds.
        Field::uint32("time_wait_delay").or_int(2000),
        // Kilobytes.
        Field::uint32("receive_window").or_int(64),
        Field::one_of("cc_algo", &["CC_ALGO_NEW_RENO", "CC_ALGO_CUBIC", "CC_ALGO_HTCP"]).or_str("CC_ALGO_NEW_RENO"),
        Field::bool("nagles_algorithm").or_bool(false),
        Field::bool("use_interface_mtu").or_bool(true),
        Field::uint32("ip_dscp").or_int(0),
        Field::bool("ignore_time_wait").or_bool(false),
        Field::bool("auto_window_growth").or_bool(true),
        Field::bool("keepalive_in_halfclose_state").or_bool(true),
        Field::uint32("reassembly_queue_size").or_int(0),
        Field::uint32("slow_start_scaling_factor").or_int(1),
        Field::uint32("congestion_recovery_scaling_factor").or_int(2),
        Field::bool("aggressive_congestion_avoidance").or_bool(false),
    ],
    keep_unknown: true,
};

static TCP_FAST_PATH_PROFILE: MessageSchema = MessageSchema {
    name: "TCPFastPathProfile",
    fields: &[
        // Seconds.
        Field::uint32("session_idle_timeout").or_int(300),
        Field::bool("enable_syn_protection").or_bool(false),
        Field::any("dsr_profile"),
    ],
    keep_unknown: false,
};

static UDP_FAST_PATH_PROFILE: MessageSchema = MessageSchema {
    name: "UDPFastPathProfile",
    fields: &[
        // Seconds.
        Field::uint32("session_idle_timeout").or_int(10),
        Field::bool("per_pkt_loadbalance").or_bool(false),
        Field::bool("snat").or_bool(true),
        Field::any("dsr_profile"),
    ],
    keep_unknown: false,
};

static UDP_PROXY_PROFILE: MessageSchema = MessageSchema {
    name: "UDPProxyProfile",
    fields: &[
        // Seconds.
        Field::uint32("session_idle_timeout").or_int(10),
    ],
    keep_unknown: false,
};
