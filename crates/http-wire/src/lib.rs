//! HTTP/1.1 on the wire, as far as a proxy reads it itself.
//!
//! [`framing`] follows the octets of a client and notes requests that have to be refused; [`response_head`] and [`chunked`]
//! take a server's response apart. RFC 9112 §3 to §7. No sockets, no clock; every input is somebody else's and none panics.
#![warn(missing_docs)]

pub mod chunked;
pub mod framing;
pub mod response_head;

use http::header::{CONNECTION, HeaderMap};

/// Options of `Connection` (RFC 9110 §7.6.1), in whatever case they came.
#[must_use]
pub fn connection_options(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|option| !option.is_empty()).collect()
}
