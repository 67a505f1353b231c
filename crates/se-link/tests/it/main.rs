//! Both ends over real sockets.

mod admission;
mod faults;
mod harness;
mod link;
mod proxy;
mod scale;
