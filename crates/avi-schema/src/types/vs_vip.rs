//! VsVip: the addresses and names of virtual services (avi-api 2.5).

use super::{dns_record, label, vip};
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/vsvip`. Addresses are given or allocated, see avi-api 4.2.
pub(super) static VS_VIP: TypeSchema = TypeSchema {
    path: "vsvip",
    model: "VsVip",
    words: "Vs vip",
    scope: Scope::TenantCloud,
    names: Names::Unique,
    message: &MessageSchema {
        name: "VsVip",
        fields: &[
            Field::list("vip", &Kind::Message(&vip::VIP)).keyed("vip_id"),
            Field::list("dns_info", &Kind::Message(&dns_record::DNS_INFO)).at_most(1000).keyed("fqdn"),
            Field::reference("cloud_ref", "cloud").or_named("Default-Cloud").immutable(),
            Field::reference("vrf_context_ref", "vrfcontext").or_named("global").immutable(),
            Field::bool("east_west_placement").or_bool(false),
            Field::text("vsvip_cloud_config_cksum"),
            Field::text("tier1_lr"),
            Field::texts("bgp_peer_labels").at_most(128),
            Field::message("ipam_selector", &SELECTOR),
            label::MARKERS,
            // `virtualservice` when the controller made it for an address given there; it goes with that one.
            Field::text("created_by").output_only(),
            Field::uint32("bgp_local_preference"),
            Field::uint32("bgp_num_as_path_prepend"),
            Field::bool("use_standard_alb"),
        ],
        keep_unknown: false,
    },
};

static SELECTOR: MessageSchema = MessageSchema {
    name: "Selector",
    fields: &[
        Field::one_of("type", &["SELECTOR_IPAM"]).or_str("SELECTOR_IPAM"),
        Field::list("labels", &Kind::Message(&label::KEY_VALUE_TUPLE)).keyed("key"),
    ],
    keep_unknown: false,
};
