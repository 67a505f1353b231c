//! End-to-end tests that run the binary: see `tests/it/main.rs`. This crate has no code of its own.
