//! Copies `GSLBConfig` and `GlobalDeploymentPolicy` from the leader cluster to the others (amko 9).
//!
//! No clock, no client: who runs it asks the clusters, step by step, and tells a [`Run`] what they said; in the end the
//! run has the conditions to show, and has said on the way what to write. The steps are those of amko 9.3:
//!
//! ```text
//!  check_own ──> others ──> validate ──> copies(Config) ──> federated ──> copies(Policy) ──> federated
//!      └─ Stop       └─ Stop      └─ Stop       └─ Stop
//! ```
//!
//! The first three steps also say whether this cluster may lead at all ([`Standing`], amko 1.7 and 9.5).
//!
//! Beyond the original: a copy is replaced only where it differs, a member without annotations crashes nothing, and a
//! failed update is not followed by an attempt to create (QUIRKs of amko 9.3).
#![warn(missing_docs)]

mod condition;
mod copy;
mod run;

pub use condition::{Step, replace};
pub use copy::{Copied, Write, writes};
pub use run::{Copies, Member, Mode, NAMESPACE, Run, Standing, Stop, sanity};
