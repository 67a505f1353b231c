//! Any octets as a chunked body. The checks are those of http-wire's own tests.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/http-wire/tests/it/checks/http_chunked.rs"]
mod http_chunked;

fuzz_target!(|octets: &[u8]| http_chunked::check(octets));
