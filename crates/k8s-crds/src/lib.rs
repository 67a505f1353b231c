//! Kubernetes kinds that the operators read, and the AMKO custom resources.
//!
//! The built-in kinds are `k8s-openapi`'s; the custom ones have a file each. `definition.rs` has what an API server is
//! told about AMKO's; those of AKO and OpenShift are defined by their own. No kube client.
#![warn(missing_docs)]

mod definition;
mod global_deployment_policy;
mod gslb_config;
mod gslb_host_rule;
mod host_rule;
mod object;
mod route;

pub use definition::{GROUP, definitions};
pub use global_deployment_policy::*;
pub use gslb_config::*;
pub use gslb_host_rule::*;
pub use host_rule::*;
pub use object::{Kind, Object, ObjectKey};
pub use route::*;
