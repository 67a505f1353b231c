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
fn request_seeds_pass() {
    check("http_request_framing", checks::http_request_framing::check);
}

#[test]
fn response_seeds_pass() {
    check("http_response", checks::http_response::check);
}

#[test]
fn chunked_seeds_pass() {
    check("http_chunked", checks::http_chunked::check);
}
