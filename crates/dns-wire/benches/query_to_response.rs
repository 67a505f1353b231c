//! Time of the hot path: parse an A query with EDNS, look nothing up, write one A record and the OPT record.
//!
//! `cargo bench -p dns-wire` prints the median of a hundred rounds.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use dns_wire::{NAME_SIZE_MAX, Owner, Query, ResponseBuilder};

const ROUNDS: usize = 100;
const QUERIES_PER_ROUND: u32 = 100_000;

const QUERY: &[u8] =
    b"\x12\x34\x01\0\0\x01\0\0\0\0\0\x01\x05hElLo\x03avi\x06iberia\x05local\0\0\x01\0\x01\0\0\x29\x10\0\0\0\0\0\0\0";

fn main() {
    let mut out = [0; 4096];
    report("parse", || Query::parse(black_box(QUERY)).map_or(0, |query| query.qname().as_wire().len()));
    report("parse and lower-case the name", || {
        let mut buffer = [0; NAME_SIZE_MAX];
        Query::parse(black_box(QUERY)).map_or(0, |query| black_box(query.qname().lower(&mut buffer)).as_wire().len())
    });
    report("parse, lower-case, write one A and OPT", || {
        let mut buffer = [0; NAME_SIZE_MAX];
        let Ok(query) = Query::parse(black_box(QUERY)) else { return 0 };
        black_box(query.qname().lower(&mut buffer));
        let size_max = usize::from(query.udp_size_max(1232));
        let Some(mut answer) = ResponseBuilder::new(&query, black_box(&mut out), size_max) else { return 0 };
        answer.set_authoritative();
        answer.a(Owner::Qname, 30, black_box(Ipv4Addr::new(10, 10, 25, 1)));
        answer.finish()
    });
}

fn report(what: &str, mut work: impl FnMut() -> usize) {
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = now();
            for _ in 0..QUERIES_PER_ROUND {
                black_box(work());
            }
            start.elapsed()
        })
        .collect();
    rounds.sort_unstable();
    println!("{what}: {:.1} ns", rounds[ROUNDS / 2].as_secs_f64() * 1e9 / f64::from(QUERIES_PER_ROUND));
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}
