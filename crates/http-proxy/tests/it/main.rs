//! One test binary: the proxy on real sockets, between raw clients and raw servers.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on panics, one that cannot start says so"
)]

mod balance;
mod changes;
mod forwarding;
mod limits;
mod log;
mod servers;
mod smuggling;
mod testbed;
mod tls;
mod tunnels;
