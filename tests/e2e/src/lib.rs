//! End-to-end tests that run the binary
