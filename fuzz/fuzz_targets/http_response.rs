//! Any octets from a server. The checks are those of http-wire's own tests.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/http-wire/tests/it/checks/http_response.rs"]
mod http_response;

fuzz_target!(|octets: &[u8]| http_response::check(octets));
