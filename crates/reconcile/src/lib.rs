//! Desired versus observed objects to an ordered plan of writes.
//!
//! [`plan`] compares what a controller should hold with what it holds and says which writes lead from one to the other,
//! in which order, and why. It never touches what another owner made, keeps what a person tuned by hand where that does
//! not contradict what is wanted, and is empty when there is nothing to do. It writes nothing itself.
//!
//! Source: amko 6.7, 6.8, 6.9, 7.7, 7.9. Better than the original, as amko 12 asks: drift is repaired (line 6),
//! hand-made tweaks survive a write (line 5), one write per change (line 25), a monitor's port is changed in place.
#![warn(missing_docs)]

mod agreement;
mod body;
mod diff;
mod draft;
mod object;
mod plan;
mod text;
mod tweaks;

pub use body::{Body, Shape, Shapes};
pub use diff::FieldDiff;
pub use draft::{Draft, fingerprint};
pub use object::{Key, ObjectType, Observed, ObservedObject, Owner, Ownership, Unit, Wanted};
pub use plan::{Action, Conflict, Plan, Situation, Step, plan};
