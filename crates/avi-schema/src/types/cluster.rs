//! Cluster: the controller nodes (avi-api 2.21).

use super::address;
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/cluster`. Its uuid is the site's identity: AMKO compares it with the leader of `/api/gslb`.
pub(super) static CLUSTER: TypeSchema = TypeSchema {
    path: "cluster",
    model: "Cluster",
    words: "Cluster",
    scope: Scope::Global,
    names: Names::Singleton,
    message: &MessageSchema {
        name: "Cluster",
        fields: &[
            Field::list("nodes", &Kind::Message(&CLUSTER_NODE)),
            Field::message("virtual_ip", &address::IP_ADDR),
            Field::bool("rejoin_nodes_automatically").or_bool(true),
            // Some clients read the tenant of a cluster in this form.
            Field::text("tenant_uuid").or_str("admin"),
        ],
        keep_unknown: false,
    },
};

static CLUSTER_NODE: MessageSchema = MessageSchema {
    name: "ClusterNode",
    fields: &[
        Field::text("name"),
        Field::message("ip", &address::IP_ADDR),
        Field::message("ip6", &address::IP_ADDR),
        Field::text("vm_uuid"),
        Field::text("vm_mor"),
        Field::text("vm_hostname"),
        Field::text("vm_name"),
        Field::texts("categories"),
        Field::message("public_ip_or_name", &address::IP_ADDR),
        Field::any("interfaces"),
        Field::any("static_routes"),
        Field::text("password").sensitive(),
    ],
    keep_unknown: false,
};
