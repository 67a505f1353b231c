//! Why a site does not do what it was asked.

use crate::SiteId;

/// Why a write or a change of leadership was refused. Nothing happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// This site follows. Status 400, word for word avi-api 5.2.
    #[error("Config Operations can be done ONLY on leader")]
    NotLeader {
        /// Who leads, where that is known.
        leader: Option<SiteId>,
    },
    /// An election is on, or the next one begins soon. A retry is sane.
    #[error(
        "nobody leads the GSLB at this moment: its active sites are electing a leader, which takes some seconds while a \
         majority of them hear each other; try again"
    )]
    NoLeader,
    /// Status 400, word for word avi-api 5.2.
    #[error("GSLB system is in maintenance mode. Configuration changes are not allowed")]
    Maintenance,
    /// This site leads, but has not heard a majority for too long to be sure. A retry is sane.
    #[error("this site has not heard a majority of the active sites lately, try again")]
    NoLease,
    /// More writes wait for a majority than [`crate::Settings::pending_max`]. A retry is sane.
    #[error("too many writes wait for a majority of the active sites, try again")]
    Busy,
    /// Another object has the uuid.
    #[error("an object with the uuid {uuid} exists")]
    Exists {
        /// The uuid.
        uuid: String,
    },
    /// There is no such object.
    #[error("there is no object with the uuid {uuid}")]
    Absent {
        /// The uuid.
        uuid: String,
    },
    /// Another write came in between.
    #[error("{uuid} was changed at {found} after the {based_on} that this write is based on, read it again")]
    Conflict {
        /// Of the object.
        uuid: String,
        /// `_last_modified` the writer saw.
        based_on: u64,
        /// `_last_modified` of the object.
        found: u64,
    },
    /// A name, or whatever else is exclusive, belongs to another object.
    #[error("{claim} belongs to {by}")]
    Taken {
        /// What.
        claim: String,
        /// Uuid of the object that has it.
        by: String,
    },
    /// Only an active site leads, and hands over to one.
    #[error("{site} is not another active site")]
    NotActive {
        /// Which.
        site: SiteId,
    },
    /// Leadership is by hand: promote the other site there.
    #[error("no leader is elected here, promote the new leader at its own site")]
    ByHand,
}
