//! One test binary: the proxy on real sockets, between raw clients and raw servers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod balance;
mod changes;
mod checks;
mod forwarding;
mod limits;
mod log;
mod parsing;
mod servers;
mod smuggling;
mod testbed;
mod tls;
mod tunnels;
