//! Versioned messages between controller and service engine.
//!
//! Down goes one immutable [`Snapshot`], up come [`Report`]s; an [`explain`] question travels down and its answer up, and so do
//! questions for [`logs`];
//! [`MemberStates`] go down beside the snapshot, because a state is no configuration and makes no revision.
//! Everything here is plain data. [`wire`] is its protobuf form (`proto/se.proto`); [`resource`] cuts a snapshot into
//! keyed and hashed resources, [`transfer`] turns two of those sets into a delta and a delta back into a set. How the
//! bytes travel is no concern of this crate.
#![warn(missing_docs)]

mod clients;
pub mod explain;
mod groups;
pub mod logs;
pub mod member_states;
mod report;
pub mod report_delta;
mod reports;
pub mod resource;
pub mod sights;
mod snapshot;
pub mod transfer;
pub mod wire;

pub use clients::{Clients, GEO_BYTES_MAX, GeoChunk, GeoDatabase};
pub use groups::{DEFAULT_GROUP, GroupSnapshots};
pub use member_states::{MemberStates, ToldStates};
pub use report::{
    DnsServiceState, GslbServiceState, HttpPoolState, HttpServiceState, MemberState, MonitorState, PoolState, Report,
    ServerState, State, UpMembers,
};
pub use reports::{DnsServiceSummary, HttpServiceSummary, Reports, StateCounts};
pub use resource::{Checksum, Stamp, Stamped};
pub use sights::MemberSights;
pub use snapshot::{PortOffset, Snapshot};

/// Most bytes of a message on the link, but for a single report entry that alone is larger.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Cuts `items` into runs whose encoded size stays below [`MESSAGE_BYTES_MAX`]; an item that is larger goes alone.
fn pack<T: prost::Message>(items: Vec<T>) -> Vec<Vec<T>> {
    // Room for what surrounds the items in their message.
    const RUN_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 1024;
    // Tag and length of an item.
    const FRAME_BYTES: usize = 8;
    let mut runs: Vec<Vec<T>> = Vec::new();
    let mut room = 0;
    for item in items {
        let bytes = item.encoded_len() + FRAME_BYTES;
        match runs.last_mut() {
            Some(run) if bytes <= room => {
                run.push(item);
                room -= bytes;
            }
            _ => {
                runs.push(vec![item]);
                room = RUN_BYTES_MAX.saturating_sub(bytes);
            }
        }
    }
    runs
}
