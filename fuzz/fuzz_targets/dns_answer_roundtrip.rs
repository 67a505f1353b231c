//! Any query with any records to write in response. The checks are those of dns-wire's own tests.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/dns-wire/tests/it/checks/dns_answer_roundtrip.rs"]
mod dns_answer_roundtrip;
#[path = "../../crates/dns-wire/tests/it/checks/dns_query.rs"]
mod dns_query;

fuzz_target!(|octets: &[u8]| dns_answer_roundtrip::check(octets));
