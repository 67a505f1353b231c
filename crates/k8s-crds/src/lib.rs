//! Kubernetes kinds that the operators read, and the custom resources of AMKO and AKO.
//!
//! The built-in kinds are `k8s-openapi`'s; the custom ones have a file each. `definition.rs` has what an API server is
//! told about AMKO's; those of AKO and OpenShift are defined by their own. No kube client.
#![warn(missing_docs)]

mod amko_cluster;
mod definition;
mod global_deployment_policy;
mod gslb_config;
mod gslb_host_rule;
mod host_rule;
mod multi_cluster_ingress;
mod object;
mod route;
mod service_import;

pub use amko_cluster::*;
pub use definition::{AKO_GROUP, GROUP, definitions};
pub use global_deployment_policy::*;
pub use gslb_config::*;
pub use gslb_host_rule::*;
pub use host_rule::*;
pub use multi_cluster_ingress::*;
pub use object::{Kind, Object, ObjectKey};
pub use route::*;
pub use service_import::*;
