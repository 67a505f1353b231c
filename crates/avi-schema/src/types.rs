//! The tables: one file per type, and the messages that several types share.

mod address;
mod analytics_profile;
mod application_persistence_profile;
mod application_profile;
mod cloud;
mod cluster;
mod controller_properties;
mod dns_policy;
mod dns_record;
mod dns_service_profile;
mod gslb;
mod gslb_geo_db_profile;
mod gslb_location;
mod gslb_service;
mod health_monitor;
mod http_policy_set;
mod http_profile;
mod ipam_dns_provider_profile;
mod l4_policy_set;
mod label;
mod match_target;
mod network;
mod network_profile;
mod pki_profile;
mod pool;
mod pool_group;
mod role;
mod service_engine;
mod service_engine_group;
mod ssl_key_and_certificate;
mod ssl_profile;
mod string_group;
mod system_configuration;
mod tenant;
mod user;
mod vip;
mod virtual_service;
mod vrf_context;
mod vs_data_script_set;
mod vs_vip;

pub(crate) use role::PERMISSIONS;
pub use service_engine::SERVICE_ENGINE;

use crate::TypeSchema;

/// All types, in an order in which system objects and references can be made: a type comes after what it refers to, as
/// far as types do not refer to each other (a cloud and its profiles do).
pub static TYPES: &[&TypeSchema] = &[
    &tenant::TENANT,
    &role::ROLE,
    &user::USER,
    &cluster::CLUSTER,
    &controller_properties::CONTROLLER_PROPERTIES,
    &cloud::CLOUD,
    &vrf_context::VRF_CONTEXT,
    &network::NETWORK,
    &ipam_dns_provider_profile::IPAM_DNS_PROVIDER_PROFILE,
    &string_group::STRING_GROUP,
    &string_group::IP_ADDR_GROUP,
    &string_group::PRIORITY_LABELS,
    &vs_data_script_set::PROTOCOL_PARSER,
    &analytics_profile::ANALYTICS_PROFILE,
    &ssl_profile::SSL_PROFILE,
    &ssl_key_and_certificate::SSL_KEY_AND_CERTIFICATE,
    &network_profile::NETWORK_PROFILE,
    &pki_profile::PKI_PROFILE,
    &health_monitor::HEALTH_MONITOR,
    &application_persistence_profile::APPLICATION_PERSISTENCE_PROFILE,
    &application_profile::APPLICATION_PROFILE,
    &service_engine_group::SERVICE_ENGINE_GROUP,
    &pool::POOL,
    &pool_group::POOL_GROUP,
    &http_policy_set::HTTP_POLICY_SET,
    &l4_policy_set::L4_POLICY_SET,
    &vs_data_script_set::VS_DATA_SCRIPT_SET,
    &vs_vip::VS_VIP,
    &dns_policy::DNS_POLICY,
    &virtual_service::VIRTUAL_SERVICE,
    &system_configuration::SYSTEM_CONFIGURATION,
    &gslb_geo_db_profile::FILE_OBJECT,
    &gslb_geo_db_profile::GSLB_GEO_DB_PROFILE,
    &gslb::GSLB,
    &gslb::FEDERATION_CHECKPOINT,
    &gslb_service::GSLB_SERVICE,
];

/// The type at an API path, exactly as written in lower case: `healthmonitor`.
#[must_use]
pub fn by_path(path: &str) -> Option<&'static TypeSchema> {
    TYPES.iter().copied().find(|schema| schema.path == path)
}

/// The type of a model name: `HealthMonitor`.
#[must_use]
pub fn by_model(model: &str) -> Option<&'static TypeSchema> {
    TYPES.iter().copied().find(|schema| schema.model == model)
}

#[cfg(test)]
mod tests;
