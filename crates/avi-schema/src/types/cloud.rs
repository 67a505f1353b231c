//! Cloud: where engines and networks come from (avi-api 2.18).

use super::label;
use crate::{Field, MessageSchema, Names, Scope, TypeSchema};

/// `/api/cloud`. Configurations of hypervisors and public clouds are kept as sent, their secrets never shown.
pub(super) static CLOUD: TypeSchema = TypeSchema {
    path: "cloud",
    model: "Cloud",
    words: "Cloud",
    scope: Scope::TenantShared,
    names: Names::Unique,
    message: &MessageSchema {
        name: "Cloud",
        fields: &[
            Field::one_of("vtype", TYPES).or_str("CLOUD_NONE").immutable(),
            Field::reference("ipam_provider_ref", "ipamdnsproviderprofile"),
            Field::reference("dns_provider_ref", "ipamdnsproviderprofile"),
            Field::reference("east_west_ipam_provider_ref", "ipamdnsproviderprofile"),
            Field::reference("east_west_dns_provider_ref", "ipamdnsproviderprofile"),
            Field::bool("state_based_dns_registration").or_bool(true),
            Field::bool("dhcp_enabled").or_bool(false),
            Field::one_of(
                "license_tier",
                &[
                    "ENTERPRISE_16",
                    "ENTERPRISE",
                    "ENTERPRISE_18",
                    "BASIC",
                    "ESSENTIALS",
                    "ENTERPRISE_WITH_CLOUD_SERVICES",
                ],
            ),
            Field::one_of(
                "license_type",
                &[
                    "LIC_BACKEND_SERVERS",
                    "LIC_SOCKETS",
                    "LIC_CORES",
                    "LIC_HOSTS",
                    "LIC_SE_BANDWIDTH",
                    "LIC_METERED_SE_BANDWIDTH",
                ],
            ),
            // Bytes.
            Field::uint32("mtu").or_int(1500),
            Field::bool("prefer_static_routes").or_bool(false),
            Field::bool("enable_vip_static_routes").or_bool(false),
            Field::bool("enable_vip_on_all_interfaces").or_bool(false),
            Field::bool("dns_resolution_on_se").or_bool(false),
            Field::list("dns_resolvers", &crate::Kind::Any).at_most(1),
            Field::text("obj_name_prefix"),
            Field::any("custom_tags"),
            Field::reference("se_group_template_ref", "serviceenginegroup"),
            Field::message("vcenter_configuration", &VCENTER_CONFIGURATION),
            Field::any("nsxt_configuration"),
            Field::any("linuxserver_configuration"),
            Field::bool("ip6_autocfg_enabled").or_bool(false),
            Field::bool("maintenance_mode").or_bool(false),
            Field::bool("mgmt_ip_v4_enabled").or_bool(true),
            Field::bool("mgmt_ip_v6_enabled").or_bool(true),
            label::MARKERS,
            // Seconds.
            Field::uint32("autoscale_polling_interval").or_int(60),
            Field::uint32("metrics_polling_interval").or_int(300),
            Field::message("aws_configuration", &AWS_CONFIGURATION),
            Field::any("azure_configuration"),
            Field::message("cloudstack_configuration", &CLOUD_STACK_CONFIGURATION),
            Field::message("docker_configuration", &DOCKER_CONFIGURATION),
            Field::any("gcp_configuration"),
            Field::any("ntp_configuration"),
            Field::message("openstack_configuration", &OPEN_STACK_CONFIGURATION),
            Field::message("proxy_configuration", &PROXY_CONFIGURATION),
            Field::message("rancher_configuration", &RANCHER_CONFIGURATION),
            Field::bool("resolve_fqdn_to_ipv6").or_bool(false),
            Field::message("vca_configuration", &VCLOUD_AIR_CONFIGURATION),
            Field::bool("vmc_deployment").or_bool(false),
        ],
        keep_unknown: false,
    },
};

/// Cloud types; `CLOUD_NONE` has no orchestrator.
pub(super) static TYPES: &[&str] = &[
    "CLOUD_NONE",
    "CLOUD_VCENTER",
    "CLOUD_OPENSTACK",
    "CLOUD_AWS",
    "CLOUD_VCA",
    "CLOUD_APIC",
    "CLOUD_MESOS",
    "CLOUD_LINUXSERVER",
    "CLOUD_DOCKER_UCP",
    "CLOUD_RANCHER",
    "CLOUD_OSHIFT_K8S",
    "CLOUD_AZURE",
    "CLOUD_GCP",
    "CLOUD_NSXT",
];

static VCENTER_CONFIGURATION: MessageSchema = MessageSchema {
    name: "vCenterConfiguration",
    fields: &[Field::text("username"), Field::text("password").sensitive()],
    keep_unknown: true,
};

static AWS_CONFIGURATION: MessageSchema = MessageSchema {
    name: "AwsConfiguration",
    fields: &[Field::text("access_key_id").sensitive(), Field::text("secret_access_key").sensitive()],
    keep_unknown: true,
};

static CLOUD_STACK_CONFIGURATION: MessageSchema = MessageSchema {
    name: "CloudStackConfiguration",
    fields: &[Field::text("access_key_id").sensitive(), Field::text("secret_access_key").sensitive()],
    keep_unknown: true,
};

static DOCKER_CONFIGURATION: MessageSchema =
    MessageSchema { name: "DockerConfiguration", fields: &[Field::text("password").sensitive()], keep_unknown: true };

static OPEN_STACK_CONFIGURATION: MessageSchema = MessageSchema {
    name: "OpenStackConfiguration",
    fields: &[Field::text("username"), Field::text("password").sensitive()],
    keep_unknown: true,
};

/// Also the system's own proxy.
pub(super) static PROXY_CONFIGURATION: MessageSchema = MessageSchema {
    name: "ProxyConfiguration",
    fields: &[Field::text("username"), Field::text("password").sensitive()],
    keep_unknown: true,
};

static RANCHER_CONFIGURATION: MessageSchema = MessageSchema {
    name: "RancherConfiguration",
    fields: &[Field::text("access_key").sensitive(), Field::text("secret_key").sensitive()],
    keep_unknown: true,
};

static VCLOUD_AIR_CONFIGURATION: MessageSchema = MessageSchema {
    name: "vCloudAirConfiguration",
    fields: &[Field::text("vca_password").sensitive()],
    keep_unknown: true,
};
