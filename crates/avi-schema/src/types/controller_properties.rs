//! ControllerProperties (avi-api 2.21).

use crate::{Field, MessageSchema, Names, Scope, TypeSchema};

/// `/api/controllerproperties`. Properties that the specification does not name are kept as sent.
pub(super) static CONTROLLER_PROPERTIES: TypeSchema = TypeSchema {
    path: "controllerproperties",
    model: "ControllerProperties",
    words: "Controller properties",
    scope: Scope::Global,
    names: Names::Singleton,
    message: &MessageSchema {
        name: "ControllerProperties",
        fields: &[
            Field::bool("allow_unauthenticated_apis").or_bool(false),
            // Minutes.
            Field::uint32("api_idle_timeout").or_int(15),
            Field::bool("check_vsvip_fqdn_syntax").or_bool(true),
            Field::uint32("dns_refresh_period").or_int(60),
            Field::uint32("max_pcap_per_tenant").or_int(4),
            Field::uint32("persistence_key_rotate_period").or_int(0),
            Field::uint32("portal_request_rate_limit").or_int(0),
            Field::uint32("se_offline_del").or_int(172_000),
            Field::uint32("unresponsive_se_reboot").or_int(300),
            Field::uint32("update_dns_entry_retry_limit").or_int(3),
            Field::uint32("update_dns_entry_timeout").or_int(120),
            Field::uint32("upgrade_dns_ttl").or_int(5),
            Field::uint32("vs_awaiting_se_timeout").or_int(60),
            Field::uint32("vs_key_rotate_period").or_int(360),
        ],
        keep_unknown: true,
    },
};
