//! The Avi REST API at the edge: HTTP, login, tenancy, versions, status codes (avi-api 1.1 to 1.13).
//!
//! Rules of objects live in `objects`, storage behind `store`; here a request is read, the caller is known, a rule is
//! asked, its write is committed, and the answer is put into the shape that clients expect. Start at [`Api`]: it holds
//! everything, [`Api::router`] serves it. Then `call` (what a request asks), `authenticate` (who asks), `routes` (one
//! file per family of paths), `commit` (a write from decision to visibility), `live` (the projection), `seal` (secrets at rest), `error` (the one
//! table of status codes). Service engines are reached through the port [`Engine`], the
//! other sites of the GSLB through [`Sites`].
//!
//! Left out for now: roles (only superusers write), backup files (1.14), events (1.15).
#![warn(missing_docs)]

mod api;
mod authenticate;
mod body;
mod call;
mod clock;
mod commit;
mod cookies;
mod engine;
mod error;
mod fence;
mod files;
pub mod first_objects;
mod live;
mod password;
mod path;
mod requests;
mod routes;
mod seal;
mod session;
mod settings;
mod sites;
mod tenancy;
mod token;
mod version;

pub use self::seal::{SEAL_KEY_LEN, Seal, SealClaimError, SealError, has_seal};
pub use api::{Api, ApiConfig, Scheme};
pub use clock::{Clock, SystemClock};
pub use commit::{CommitError, Committer};
pub use engine::{Engine, EngineInfo, ExplainError, NoEngine};
pub use files::{Arriving, FILE_BYTES_MAX, Files};
pub use live::{BehindError, LiveProjection, State};
pub use password::{PasswordError, hash as hash_password};
pub use requests::RequestMetrics;
pub use sites::{
    MemberStanding, NoSites, Replication, ServiceStanding, SiteStanding, Sites, SitesError, Standing, asks_for_quorum,
};
pub use version::API_VERSION;
