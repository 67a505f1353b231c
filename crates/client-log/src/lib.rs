//! Logs of clients as rows: columns, filters, groups, throttles, JSON and CSV. Pure: values in, values out.
//!
//! `columns.rs` finds fields, `columns/dns.rs` and `columns/http.rs` have what the export of each kind holds, `filter.rs`
//! reads `op(field,value)` and decides, `search.rs` collects what matches, in an engine and over engines, `render.rs`
//! writes documents, `throttle.rs` says how many are kept. Where logs lie is no concern of this crate. Covers avi-api 7.5
//! for type 0, DNS, and type 1, application logs.
#![warn(missing_docs)]

mod columns;
mod filter;
mod render;
mod search;
mod throttle;

pub use columns::{columns, is_field, moment, timestamp};
pub use filter::{FilterError, Matcher, parse_filter};
pub use render::{csv, json, text};
pub use search::{Search, merge};
pub use throttle::Throttle;
