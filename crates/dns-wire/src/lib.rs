//! DNS messages on slices: parse a query, build a response.
//!
//! [`Query::parse`] reads one query without allocating; [`ResponseBuilder`] writes its response into the caller's
//! buffer. Configuration brings its names as [`OwnedName`]. No sockets, no clock, no policy: what to answer is decided
//! in `dns-answer`. Start reading in `query.rs`.
//!
//! Covered: RFC 1035 §4 (messages, compression when writing), RFC 2181 §9 and RFC 9471 (truncation), RFC 3597 (unknown
//! types), RFC 4343 (case), RFC 6891 (EDNS version 0), RFC 7871 (client subnet). Words: RFC 9499. Not covered: TSIG,
//! SIG(0), DNSSEC records, UPDATE.
#![warn(missing_docs)]

mod code;
mod edns;
mod header;
mod name;
mod owned_name;
mod query;
mod response;

pub use code::{Class, Opcode, Rcode, Rtype, UnknownRtype};
pub use edns::{ClientSubnet, EDNS_UDP_PAYLOAD_SIZE, Edns};
pub use header::{HEADER_SIZE, Header};
pub use name::{Labels, NAME_SIZE_MAX, Name, NameBuffer, Suffixes};
pub use owned_name::{NameError, OwnedName};
pub use query::{ParseError, Problem, Query, UDP_SIZE_MIN};
pub use response::{Additional, Answer, Authority, Owner, ResponseBuilder, Section, Soa, write_error};
