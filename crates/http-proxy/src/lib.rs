//! Listeners, TLS and HTTP forwarding around the decisions of `http-policy`.
//!
//! [`Proxy::start`] runs workers: threads with a runtime, sockets and kept connections of their own. [`Proxy::apply`]
//! swaps in a configuration ([`Proxy::compile`] and [`Proxy::serve`] in two steps). A connection's life is in `connection`, a request's in `service` and `forward`. hyper speaks
//! with clients (HTTP/1.1 and HTTP/2); towards servers the HTTP/1.1 is ours (`exchange`), so that a head can be sent
//! again, and a small response costs one read.
//!
//! What octets mean is in `http-wire`. Covers RFC 9112 §3 to §9 and RFC 9110 §7.6 as far as a proxy meets them. No trailers, no HTTP/2 towards servers.
#![warn(missing_docs)]

pub mod access;
mod admission;
mod body;
mod bound;
mod client;
mod clock;
mod connection;
mod deadline;
mod exchange;
mod finish;
mod forward;
mod listen;
mod proxy;
mod request_head;
mod respond;
mod service;
mod stats;
mod tls;
mod tunnel;
mod upstream;
mod view;
mod wire;
mod worker;

pub use access::{AccessLog, AccessRecord, Ending, NoLog, ServerUse, TlsSession};
pub use listen::BindError;
pub use proxy::{Options, Problem, Proxy};
pub use stats::Stats;
pub use tls::CertificateError;
pub use view::View;
