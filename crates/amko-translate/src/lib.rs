//! Member clusters' objects and policies to desired GSLB services and health monitors.
//!
//! Everything here is a function of values: what each cluster last said ([`Index`]), the `GSLBConfig` in force
//! ([`Config`]), the `GlobalDeploymentPolicy` in force ([`Policy`]), the `GSLBHostRule`s in force ([`HostRule`]), what the controller holds ([`ControllerView`]).
//! Start reading at [`translate`]. Nothing here talks to a cluster or a controller.
//!
//! Source: amko 2.1, 2.2, 2.4, 2.5, 2.7, 3.1 to 3.7, 4, 5 and 6; bodies as 7.7. Left for later: wildcard hosts, whose
//! objects are rejected with that reason (line 31 of section 12).
//!
//! Choices where amko leaves room, or where section 12 names a better behaviour:
//! - Members are ordered by cluster in `GSLBConfig` order, then namespace, name, host. The original keeps the order of
//!   arrival, which a restart reshuffles.
//! - One TLS member makes the monitors HTTPS on port 443 as a whole (amko 12 line 21), and a change of `spec.tls`
//!   alone counts (line 18).
//! - IPv6 addresses get type `V6` (line 22). `min_health_monitors_up` is the same in every pool (line 26).
//! - Selectors take `matchLabels` and `matchExpressions` beside the one `label` (line 13).
//! - The first policy in force stays until it is deleted; a second is refused and stays refused (line 14).
//! - Members of a cluster that has not answered are held as the controller has them (line 10).
//!
//! [`GslbService::checksum`] is for AMKO's HTTP interface (amko 5.7, 8.1).
#![warn(missing_docs)]

mod aliases;
mod config;
mod controller_view;
mod desired;
mod explain;
mod held;
mod host_names;
mod host_rule;
mod index;
mod monitor;
mod name_book;
mod object_ref;
mod policy;
mod selection;
mod source;
mod translate;

pub use aliases::{Aliases, RefusedAlias, RuleRef};
pub use config::{
    ACCEPTED, Choice as ConfigChoice, Config, ConfigError, FOLLOW_LEADER_ANNOTATION, Identity, LogLevel,
    UUID_ANNOTATION, choose as choose_config,
};
pub use controller_view::{ControllerView, KnownMonitor, Lookup};
pub use desired::{
    Desired, DownResponse, GslbService, HealthMonitor, Member, MonitorRefs, ObjectName, Persistence, Pool,
    PoolAlgorithm, Probe, VsRef,
};
pub use explain::{ChangeReason, explain_change};
pub use held::{PublishedMember, PublishedMonitor, PublishedService, hold};
pub use host_rule::{
    HostRule, HostRuleError, RuleBook, RulePersistence, RuleStatus, ThirdParty, effective, rule_lookups, validate_rule,
};
pub use index::{ClusterObjects, Index};
pub use monitor::{described_service, is_amko_name, is_shared, non_path_name, path_name, shared_name};
pub use name_book::NameBook;
pub use object_ref::{MemberKind, ObjectParts, ObjectRef, ObjectRefError};
pub use policy::{
    DownResponseError, InForce, MonitorPolicy, Policy, PolicyBook, PolicyError, PoolAlgorithmError, Requirement,
    Review, Selector, SelectorError, Split, Template, lookups, repeated_splits, validate,
};
pub use selection::{Candidate, Identifiers, Protocol, Reason, Rejected, Selection, Traffic, records_of};
pub use translate::{Inputs, Outcome, translate};

/// Namespace of the operator's own resources; fixed (amko appendix B).
pub const NAMESPACE: &str = "avi-system";
