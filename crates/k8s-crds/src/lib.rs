//! Kubernetes kinds that the operators read, and the AMKO custom resources.
//!
//! The built-in kinds are `k8s-openapi`'s; the custom ones have a file each. No kube client.
#![warn(missing_docs)]

mod global_deployment_policy;
mod gslb_config;
mod object;

pub use global_deployment_policy::*;
pub use gslb_config::*;
pub use object::{Kind, Object, ObjectKey};
