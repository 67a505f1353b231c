//! The objects of a fresh controller (avi-api 3.7, appendix A), as bodies that the ordinary create path takes.
//!
//! Not here, because they hold secrets or facts of the installation: the `admin` account, the uuid and addresses of the
//! cluster. References to objects of later types are left out with their types.

mod health_monitors;
mod profiles;
mod roles;
mod traffic;

use serde_json::{Value, json};

/// An object that every installation has and that cannot be deleted.
#[derive(Debug, Clone, PartialEq)]
pub struct SystemObject {
    /// Type: `healthmonitor`.
    pub path: &'static str,
    /// Name, unique within the type.
    pub name: &'static str,
    /// Fixed uuid; `None` = made at first start and kept.
    pub uuid: Option<&'static str>,
    /// Body of the create, `name` included; defaults are left to the table.
    pub body: Value,
}

/// All system objects; one comes after those it refers to.
#[must_use]
pub fn system_objects() -> Vec<SystemObject> {
    let mut objects = vec![
        with_uuid("tenant", "admin", "admin", json!({})),
        object(
            "cluster",
            "cluster-0-1",
            json!({"nodes": [{"name": "node1.controller.local", "ip": {"addr": "127.0.0.1", "type": "V4"}}]}),
        ),
        with_uuid("systemconfiguration", "default", "default", json!({"default_license_tier": "ENTERPRISE"})),
        with_uuid("controllerproperties", "global", "global", json!({})),
        object(
            "cloud",
            "Default-Cloud",
            json!({"vtype": "CLOUD_NONE", "license_tier": "ENTERPRISE", "license_type": "LIC_CORES"}),
        ),
        object("serviceenginegroup", "Default-Group", json!({})),
    ];
    for name in ["global", "management"] {
        objects.push(object("vrfcontext", name, json!({"cloud_ref": "/api/cloud?name=Default-Cloud"})));
    }
    objects.extend(roles::roles());
    objects.extend(traffic::ssl_profiles());
    objects.extend(traffic::network_profiles());
    objects.push(object("analyticsprofile", "System-Analytics-Profile", json!({})));
    objects.extend(profiles::application_profiles());
    objects.extend(profiles::persistence_profiles());
    objects.extend(health_monitors::health_monitors());
    objects
}

fn object(path: &'static str, name: &'static str, mut body: Value) -> SystemObject {
    body["name"] = json!(name);
    SystemObject { path, name, uuid: None, body }
}

fn with_uuid(path: &'static str, name: &'static str, uuid: &'static str, body: Value) -> SystemObject {
    SystemObject { uuid: Some(uuid), ..object(path, name, body) }
}

#[cfg(test)]
mod tests;
