//! Any octets from a client. The checks are those of http-wire's own tests.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/http-wire/tests/it/checks/http_request_framing.rs"]
mod http_request_framing;

fuzz_target!(|octets: &[u8]| http_request_framing::check(octets));
