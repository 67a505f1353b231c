//! One cluster's Ingresses, Services and nodes to desired virtual services, pools and VIPs.
//!
//! Everything here is a function of values: what the cluster last said ([`Index`]), how it is to be translated
//! ([`Settings`]), what its cloud is ([`Cloud`]), and which shards are to stay. Start reading at [`Translator`]. Out come
//! the objects that the controller should hold ([`Desired`]), what serves which Ingress ([`Served`]), and what is left
//! out and why ([`LeftOut`]); with what the controller says of them ([`Published`]), also what is to be written back
//! ([`status_patches`]). Nothing here talks to a cluster or a controller, or looks at a clock.
//!
//! A [`Translator`] keeps what it made and makes only that again whose objects changed. It finds out by itself: each
//! part reads the index through a view that remembers what was looked up.
//!
//! Source: ako 1.8, 2, 3, 4.1 to 4.8, 5.1 to 5.4, 5.7, 6.1 to 6.3, 6.5, 9.7, 10.1, 10.2, 11; EVH mode alone. Left for
//! later, and refused by name: SNI mode, DEDICATED, one VIP per namespace, passthrough, NodePortLocal, Routes, custom
//! resources, shared VIPs, clouds with a VIP per subnet.
//!
//! Choices where ako leaves room, or where section 13 names a better behaviour:
//! - A rule without `http` costs that rule, not the Ingress (line 8); of two equal paths the older one is served
//!   (line 9), of two certificates for a host the older (line 10); a backend may be of type LoadBalancer (line 11).
//! - A host that is claimed by another namespace is free when its owner goes (line 15).
//! - A change of a key alone is a change, see [`Desired::changed_units`] (line 34); a certificate that is none is not
//!   sent (line 48).
//! - The longest path of a host wins over all its namespaces; with AKO's rules one namespace could hide another's.
//! - Paths match as AKO's do: `/foo` is also `/foobar` (line 6). Swapping one for the other changes no answer.
#![warn(missing_docs)]

mod backend;
mod certificate;
mod checksum;
mod desired;
mod explain;
mod host;
mod index;
mod ingress;
mod left_out;
mod metadata;
mod name;
mod namespace;
mod origin;
mod parent;
mod routes;
mod service;
mod settings;
mod status;
mod translate;
mod view;

pub use checksum::fnv32;
pub use desired::{
    Certificate, Desired, HttpPolicySet, HttpRule, L4PolicySet, L4Port, Object, ObjectKey, ObjectType, Pool, PoolGroup,
    Protocol, Role, Server, Site, Spec, UnitName, VirtualService, VsVip,
};
pub use explain::{ChangeReason, explain, explain_change};
pub use index::{Index, Kind, Object as ClusterObject};
pub use left_out::{LeftOut, Reason, Severity, Source};
pub use metadata::{Markers, ServiceMetadata};
pub use name::{Names, NamespacedName, PathName, shard};
pub use origin::asked_for_by;
pub use routes::{StaticRoute, merge_routes};
pub use settings::{
    AutoFqdn, Cloud, CloudKind, IpFamily, NetworkRef, NodeNetwork, ServiceType, SettingError, Settings, Subnet,
    VipNetwork,
};
pub use status::{Entry, Published, StatusPatch, VipAddress, status_patches};
pub use translate::{Outcome, Served, ServedService, Translator, Work};

/// `spec.controller` of IngressClasses that are ours, and `loadBalancerClass` of Services.
pub const CONTROLLER: &str = "ako.vmware.com/avi-lb";
