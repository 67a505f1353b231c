//! Every seed of the fuzz targets, through the same functions.

use std::path::Path;

use crate::checks;

#[track_caller]
fn check(target: &str, run: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files = 0;
    for entry in std::fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display())) {
        let path = entry.unwrap().path();
        eprintln!("{}", path.display()); // shown when the check fails
        run(&std::fs::read(&path).unwrap());
        files += 1;
    }
    assert!(files >= 10, "{files} seeds in {}", directory.display());
}

#[test]
fn query_seeds_pass() {
    check("dns_query", checks::dns_query::check);
}

#[test]
fn response_seeds_pass() {
    check("dns_answer_roundtrip", checks::dns_answer_roundtrip::check);
}
