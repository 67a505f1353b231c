//! System roles. The names are fixed (avi-api 2.21), the privileges are our choice.

use serde_json::json;

use super::{SystemObject, object};
use crate::types::PERMISSIONS;

/// The roles, each with one privilege per permission resource.
pub(super) fn roles() -> Vec<SystemObject> {
    vec![
        role("System-Admin", |_| Access::Write),
        role("Tenant-Admin", |resource| if SYSTEM.contains(&resource) { Access::Read } else { Access::Write }),
        role("Application-Admin", |resource| {
            if APPLICATION.contains(&resource) {
                Access::Write
            } else if SYSTEM.contains(&resource) {
                Access::None
            } else {
                Access::Read
            }
        }),
        role("Application-Operator", |resource| if SYSTEM.contains(&resource) { Access::None } else { Access::Read }),
        role("Security-Admin", |resource| {
            if SECURITY.contains(&resource) || WAF.contains(&resource) {
                Access::Write
            } else if SYSTEM.contains(&resource) {
                Access::None
            } else {
                Access::Read
            }
        }),
        role("WAF-Admin", |resource| {
            if WAF.contains(&resource) {
                Access::Write
            } else if SYSTEM.contains(&resource) {
                Access::None
            } else {
                Access::Read
            }
        }),
    ]
}

enum Access {
    None,
    Read,
    Write,
}

/// What belongs to the installation and not to an application.
const SYSTEM: &[&str] = &[
    "PERMISSION_CONTROLLER",
    "PERMISSION_INTERNAL",
    "PERMISSION_TENANT",
    "PERMISSION_SYSTEMCONFIGURATION",
    "PERMISSION_USER",
    "PERMISSION_ROLE",
    "PERMISSION_UPGRADE",
    "PERMISSION_REBOOT",
    "PERMISSION_TECHSUPPORT",
    "PERMISSION_EXEMPT",
    "PERMISSION_SE_TOKEN",
    "PERMISSION_USER_CREDENTIAL",
    "PERMISSION_CONTROLLERSITE",
    "PERMISSION_IMAGE",
    "PERMISSION_UPGRADE_OPS",
    "PERMISSION_UPGRADE_SEGROUP_OPS",
    "PERMISSION_LICENSING",
];

const APPLICATION: &[&str] = &[
    "PERMISSION_VIRTUALSERVICE",
    "PERMISSION_POOL",
    "PERMISSION_POOLGROUP",
    "PERMISSION_HEALTHMONITOR",
    "PERMISSION_NETWORKPROFILE",
    "PERMISSION_APPLICATIONPROFILE",
    "PERMISSION_APPLICATIONPERSISTENCEPROFILE",
    "PERMISSION_ANALYTICSPROFILE",
    "PERMISSION_HTTPPOLICYSET",
    "PERMISSION_L4POLICYSET",
    "PERMISSION_IPADDRGROUP",
    "PERMISSION_STRINGGROUP",
    "PERMISSION_VSDATASCRIPTSET",
    "PERMISSION_SSLPROFILE",
    "PERMISSION_SSLKEYANDCERTIFICATE",
    "PERMISSION_PKIPROFILE",
    "PERMISSION_NETWORKSECURITYPOLICY",
    "PERMISSION_PRIORITYLABELS",
    "PERMISSION_DNSPOLICY",
    "PERMISSION_GSLBSERVICE",
    "PERMISSION_ERRORPAGEPROFILE",
    "PERMISSION_TRAFFIC_CAPTURE",
];

const SECURITY: &[&str] = &[
    "PERMISSION_SSLPROFILE",
    "PERMISSION_SSLKEYANDCERTIFICATE",
    "PERMISSION_PKIPROFILE",
    "PERMISSION_NETWORKSECURITYPOLICY",
    "PERMISSION_SECURITYPOLICY",
    "PERMISSION_AUTHPROFILE",
    "PERMISSION_CERTIFICATEMANAGEMENTPROFILE",
    "PERMISSION_HARDWARESECURITYMODULEGROUP",
    "PERMISSION_SSOPOLICY",
    "PERMISSION_IPREPUTATIONDB",
];

const WAF: &[&str] =
    &["PERMISSION_WAFPOLICY", "PERMISSION_WAFPROFILE", "PERMISSION_WAFPOLICYPSMGROUP", "PERMISSION_WAFCRS"];

fn role(name: &'static str, access: impl Fn(&str) -> Access) -> SystemObject {
    let privileges: Vec<_> = PERMISSIONS
        .iter()
        .map(|resource| {
            let kind = match access(resource) {
                Access::None => "NO_ACCESS",
                Access::Read => "READ_ACCESS",
                Access::Write => "WRITE_ACCESS",
            };
            json!({"resource": resource, "type": kind})
        })
        .collect();
    object("role", name, json!({"privileges": privileges}))
}
