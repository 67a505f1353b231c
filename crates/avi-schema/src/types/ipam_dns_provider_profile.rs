//! IpamDnsProviderProfile: where addresses come from and names go to (avi-api 2.19, 4.1).

use super::label;
use crate::{Field, Kind, MessageSchema, Names, Scope, TypeSchema};

/// `/api/ipamdnsproviderprofile`. The internal types are acted upon; profiles of other providers are kept.
pub(super) static IPAM_DNS_PROVIDER_PROFILE: TypeSchema = TypeSchema {
    path: "ipamdnsproviderprofile",
    model: "IpamDnsProviderProfile",
    words: "Ipam dns provider profile",
    scope: Scope::TenantShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "IpamDnsProviderProfile",
        fields: &[
            Field::one_of(
                "type",
                &[
                    "IPAMDNS_TYPE_INFOBLOX",
                    "IPAMDNS_TYPE_AWS",
                    "IPAMDNS_TYPE_OPENSTACK",
                    "IPAMDNS_TYPE_GCP",
                    "IPAMDNS_TYPE_INFOBLOX_DNS",
                    "IPAMDNS_TYPE_CUSTOM",
                    "IPAMDNS_TYPE_CUSTOM_DNS",
                    "IPAMDNS_TYPE_AZURE",
                    "IPAMDNS_TYPE_OCI",
                    "IPAMDNS_TYPE_TENCENT",
                    "IPAMDNS_TYPE_INTERNAL",
                    "IPAMDNS_TYPE_INTERNAL_DNS",
                    "IPAMDNS_TYPE_AWS_DNS",
                    "IPAMDNS_TYPE_AZURE_DNS",
                ],
            )
            .required()
            .immutable(),
            Field::message("internal_profile", &INTERNAL_PROFILE),
            Field::bool("allocate_ip_in_vrf").or_bool(false),
            Field::message("custom_profile", &CUSTOM_PROFILE),
            label::MARKERS,
            Field::message("aws_profile", &PROVIDER_PROFILE),
            Field::message("azure_profile", &PROVIDER_PROFILE),
            Field::message("gcp_profile", &PROVIDER_PROFILE),
            Field::message("infoblox_profile", &PROVIDER_PROFILE),
            Field::message("oci_profile", &PROVIDER_PROFILE),
            Field::message("openstack_profile", &PROVIDER_PROFILE),
            Field::message("proxy_configuration", &super::cloud::PROXY_CONFIGURATION),
            Field::message("tencent_profile", &PROVIDER_PROFILE),
        ],
        keep_unknown: false,
    },
};

static INTERNAL_PROFILE: MessageSchema = MessageSchema {
    name: "IpamDnsInternalProfile",
    fields: &[
        // Seconds.
        Field::int("ttl", 1, 604_800).or_int(30),
        Field::list("dns_service_domain", &Kind::Message(&DNS_SERVICE_DOMAIN)).keyed("domain_name"),
        Field::list("usable_networks", &Kind::Message(&IPAM_USABLE_NETWORK)).keyed("nw_ref"),
        // Before 20.1.3.
        Field::list("usable_network_refs", &Kind::Ref("network")),
        Field::reference("dns_virtualservice_ref", "virtualservice"),
    ],
    keep_unknown: false,
};

static DNS_SERVICE_DOMAIN: MessageSchema = MessageSchema {
    name: "DnsServiceDomain",
    fields: &[
        Field::text("domain_name").required(),
        Field::bool("pass_through").or_bool(true),
        // Seconds; absent = the profile's.
        Field::int("record_ttl", 1, 604_800),
    ],
    keep_unknown: false,
};

static IPAM_USABLE_NETWORK: MessageSchema = MessageSchema {
    name: "IpamUsableNetwork",
    fields: &[
        Field::reference("nw_ref", "network").required(),
        Field::list("labels", &Kind::Message(&label::KEY_VALUE_TUPLE)).at_most(1).keyed("key"),
    ],
    keep_unknown: false,
};

static CUSTOM_PROFILE: MessageSchema = MessageSchema {
    name: "IpamDnsCustomProfile",
    fields: &[Field::reference("custom_ipam_dns_profile_ref", "customipamdnsprofile")],
    keep_unknown: true,
};

/// Profiles of other providers differ; these are their secrets.
static PROVIDER_PROFILE: MessageSchema = MessageSchema {
    name: "ProviderProfile",
    fields: &[
        Field::text("username"),
        Field::text("password").sensitive(),
        Field::text("access_key_id").sensitive(),
        Field::text("secret_access_key").sensitive(),
        Field::any("azure_userpass").sensitive(),
        Field::any("azure_serviceprincipal").sensitive(),
    ],
    keep_unknown: true,
};
