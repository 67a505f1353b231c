//! Clusters behind their API servers, as streams of objects.
//!
//! [`ApiServer`] is a [`k8s_watch::Source`]. It is a crate of its own because of what it needs: a kube client with TLS
//! takes longer to build than everything in `k8s-watch`, which those who read manifests alone should not wait for.
//!
//! Each kind is listed and watched by a task of its own (`follow.rs`), on a connection of its own; `merge.rs` makes one
//! stream of them, and is pure. The loop is ours and not kube-runtime's `watcher`: that one does not tell when a watch
//! stands again after a failure, so that nobody could say that a problem is over before the next object changes; and it
//! reads objects as their types, so that one malformed object would stop its kind.
//!
//! | What happens | What is told |
//! |---|---|
//! | all kinds are listed | the one `Reset` |
//! | a watch ends, as it does every minute | nothing; it goes on where it ended |
//! | `410 Gone` | after a new list, what differs: `Apply` and `Delete` |
//! | a store restored from a backup | likewise |
//! | unreachable, silent, 401, 403, 404, a list that is cut | `Problems`; what was known stays in force |
//! | an object that is not of its type | `Problems`; what was known of it stays in force |
//! | all is well again | an empty `Problems`, after what differs |
#![warn(missing_docs)]

mod access;
mod api_server;
mod back_off;
mod calls;
mod follow;
mod merge;
mod page;
mod resource;
mod trouble;
mod write_back;

pub use access::{Access, AccessError, Contexts};
pub use api_server::{
    AKO_KINDS, ApiServer, EXPORTING_KINDS, IMPORTING_KINDS, LEADER_KINDS, MEMBER_KINDS, POLICY_KINDS, ReadSecretError,
};
pub use calls::{ApiCalls, CallError};
pub use follow::Scope;
