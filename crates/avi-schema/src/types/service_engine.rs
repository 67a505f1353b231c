//! ServiceEngine: what connected to the controller (avi-api 2.20).

use super::address;
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/serviceengine`. Engines are shown as they connect and are no stored objects, so the table is none of
/// [`crate::TYPES`].
pub static SERVICE_ENGINE: TypeSchema = TypeSchema {
    path: "serviceengine",
    model: "ServiceEngine",
    words: "Service engine",
    scope: Scope::TenantCloudShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "ServiceEngine",
        fields: &[
            Field::reference("cloud_ref", "cloud"),
            Field::reference("se_group_ref", "serviceenginegroup"),
            Field::one_of(
                "enable_state",
                &[
                    "SE_STATE_ENABLED",
                    "SE_STATE_DISABLED_FOR_PLACEMENT",
                    "SE_STATE_DISABLED",
                    "SE_STATE_DISABLED_FORCE",
                ],
            ),
            Field::message("mgmt_vnic", &VNIC),
            Field::list("vs_refs", &Kind::Ref("virtualservice")),
            Field::bool("controller_created"),
        ],
        keep_unknown: false,
    },
};

static VNIC: MessageSchema = MessageSchema {
    name: "vNIC",
    fields: &[
        Field::bool("enabled"),
        Field::bool("connected"),
        Field::bool("is_mgmt"),
        Field::list("vnic_networks", &Kind::Message(&VNIC_NETWORK)),
    ],
    keep_unknown: false,
};

static VNIC_NETWORK: MessageSchema = MessageSchema {
    name: "vNICNetwork",
    fields: &[
        Field::message("ip", &address::IP_ADDR_PREFIX),
        Field::one_of("mode", &["STATIC", "DHCP", "VIP", "DOCKER_HOST", "MODE_MANUAL"]),
    ],
    keep_unknown: false,
};
