//! The tables: one file per type, and the messages that several types share.

mod address;
mod application_persistence_profile;
mod application_profile;
mod cloud;
mod cluster;
mod controller_properties;
mod dns_record;
mod dns_service_profile;
mod gslb;
mod gslb_location;
mod gslb_service;
mod health_monitor;
mod http_profile;
mod label;
mod pki_profile;
mod role;
mod service_engine_group;
mod system_configuration;
mod tenant;
mod user;
mod vip;
mod virtual_service;

pub(crate) use role::PERMISSIONS;

use crate::TypeSchema;

/// All types, in an order in which system objects and references can be made: a type comes after what it refers to.
pub static TYPES: &[&TypeSchema] = &[
    &tenant::TENANT,
    &role::ROLE,
    &user::USER,
    &cluster::CLUSTER,
    &controller_properties::CONTROLLER_PROPERTIES,
    &cloud::CLOUD,
    &pki_profile::PKI_PROFILE,
    &health_monitor::HEALTH_MONITOR,
    &application_persistence_profile::APPLICATION_PERSISTENCE_PROFILE,
    &application_profile::APPLICATION_PROFILE,
    &service_engine_group::SERVICE_ENGINE_GROUP,
    &virtual_service::VIRTUAL_SERVICE,
    &system_configuration::SYSTEM_CONFIGURATION,
    &gslb::GSLB,
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
