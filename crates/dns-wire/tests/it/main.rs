//! The crate through its public door, hickory-proto as oracle.
