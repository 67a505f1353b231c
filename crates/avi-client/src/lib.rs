//! A client of the Avi REST API: sessions, paging, errors.
//!
//! Start at [`AviClient`]: it logs in when first used, logs in anew when the session ended, and repeats the call once.
//! One client serves all tenants. An [`AviError`] says what failed and, by its [`ErrorClass`], whether and how soon a
//! repeat makes sense (amko 7.8). [`Link`] and [`BackOff`] are how operators go on when it is away, [`Pace`] keeps what they do meanwhile cheap. Bodies are plain JSON values: typing, plans and their retries belong to the caller.
//!
//! Covered: avi-api 1.1 to 1.3 and 1.7 to 1.12 as a client sees them, headers as amko 7.2.
#![warn(missing_docs)]

mod address;
mod back_off;
mod client;
mod config;
mod error;
mod link;
mod pace;
mod session;
mod tls;

pub use back_off::BackOff;
pub use client::AviClient;
pub use config::{Config, DEFAULT_API_VERSION, DEFAULT_REQUEST_TIMEOUT, Fence, Verification};
pub use error::{AviError, ConfigError, ErrorClass, Retry, chain};
pub use link::Link;
pub use pace::Pace;
