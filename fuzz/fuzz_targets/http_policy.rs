//! Any virtual hosts, rules and requests. The checks are those of http-policy's own tests.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/http-policy/tests/it/checks/http_policy.rs"]
mod http_policy;

fuzz_target!(|octets: &[u8]| http_policy::check(octets));
