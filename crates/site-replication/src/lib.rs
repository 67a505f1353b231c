//! Replication of federated objects between the sites of a GSLB, and who of them leads.
//!
//! [`Site`] is the state machine of one active site: values in, [`Effect`]s out; no clock, dice, disk or wire. Avi:
//! `Gslb`, avi-api 2.22, 5.1 to 5.3, 5.8.
//!
//! **Log.** The leader numbers every change with a [`Revision`] and its [`Term`]: the `view_id` and the leader's cluster
//! uuid, so no two leaders share one. The term is the fencing token: it is in every entry and every message, and
//! what is older than the highest term a site has stored is refused. A log is a base (all objects at a revision) and the
//! entries since. A follower takes entries after a revision and term that both logs have; where it differs it tells
//! the last revision of each of its terms, so the leader finds the common point in one round and sends the difference.
//! Where the leader's history was cut beyond it, the base goes first (full resync). Objects go as they are: uuid, name
//! and `_last_modified` are those of the leader, everywhere. Names and host names are unique claims; the leader checks
//! them, and that a change is based on the newest `_last_modified`, which never goes back even where a clock does.
//!
//! **What a follower shows.** Continuous mode: all that is committed, where asked for in batches. Adaptive mode: what the edge
//! [releases](Site::release). Manual mode: up to the checkpoint's revision. By hand, what is not to be shown is not sent.
//! A site in `suspend_mode` gets heartbeats only; its queue is the log itself.
//!
//! **By hand** ([`Leadership::ByHand`], as Avi). A write is acknowledged when the leader has stored it. [`Site::promote`]
//! starts a higher term. Cut apart, the old and the new leader both accept writes; when they meet, the older term
//! follows, and what it had alone is put aside, durably and readable ([`Durable::aside`]), not dropped.
//!
//! **Elected** ([`Leadership::Elected`]). A write is acknowledged when a majority of the active sites has stored it.
//! Whoever hears no leader asks first without a new term, so that a site returning disturbs nobody, then with one; a
//! site grants it if no promise binds it and the asker's log is not behind its own. Each heartbeat that a site answers binds
//! it for [`Timing::promise`]; the leader writes while heartbeats that a majority answered, counted from when they
//! were *sent*, are younger than [`Timing::lease`]. The promise is longer by what two clocks may drift, so an old leader has
//! stopped before a new one can start. Who restarts forgot its promises and is bound for a whole one. A leader
//! that [hands over](Site::hand_over) has stopped, and its successor need not wait.
//!
//! **Duties of the edge.** Write all saves and applies of one call in one transaction before anything is sent or
//! answered; give a monotonic clock that goes on while the machine sleeps and keeps its rate within
//! [`Timing::drift_ppm`]; authenticate senders; never start an elected site again with an empty disk; where a save fails,
//! do nothing of the call, and start a new `Site` from what is stored. Sites and leadership are fixed while a `Site` lives:
//! changing them means new ones from what is stored. Elected sites come and go one at a time, so that any majority before
//! meets any majority after. Where an object in the log says which they are, a site starts anew when it shows it, and the
//! leader takes the next change only when it shows all there is; a new site heeds no such object that is older than the one
//! it came with, and a site that missed the coming of who leads now, to whom it does not listen, is told anew. Where people
//! say it, the next change comes only when all sites have started with the last and a leader that they elected has committed
//! an entry of its own term. Maintenance mode stops writes, not elections, so it is no substitute.
//!
//! Start reading at `site.rs`. Not here: the wire, state of members.
#![warn(missing_docs)]

mod log;
mod message;
mod object;
mod refusal;
mod settings;
mod site;

pub use log::{Log, Mark};
pub use message::{BATCH_MAX, Held, Message};
pub use object::{Change, Entry, Object, Revision, SiteId, State, Stored, Term, Write};
pub use refusal::Refusal;
pub use settings::{Leadership, Replication, Settings, Timing};
pub use site::{Durable, Effect, Peer, Save, Site};
