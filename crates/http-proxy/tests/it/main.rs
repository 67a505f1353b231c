//! One test binary: the proxy on real sockets, between raw clients and raw servers.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on panics, one that cannot start says so"
)]

mod authenticated;
mod balance;
mod changes;
mod forwarding;
mod grammar;
mod http2;
mod limits;
mod log;
mod responses;
mod servers;
mod smuggling;
mod targets;
mod testbed;
mod tls;
mod tls_abuse;
mod tls_client;
mod tunnels;
mod unusual_clients;
