//! Any octets as a DNS query. The checks are those of dns-wire's own tests.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/dns-wire/tests/it/checks/dns_query.rs"]
mod dns_query;

fuzz_target!(|octets: &[u8]| dns_query::check(octets));
