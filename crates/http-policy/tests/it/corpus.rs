//! Every seed of the fuzz target, through the same function, and texts that are almost seeds.

use std::path::Path;

use proptest::prelude::*;

use crate::checks::http_policy;

#[test]
fn policy_seeds_pass() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/http_policy");
    let mut files = 0;
    for entry in std::fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display())) {
        let path = entry.unwrap().path();
        eprintln!("{}", path.display()); // shown when the check fails
        http_policy::check(&std::fs::read(&path).unwrap());
        files += 1;
    }
    assert!(files >= 10, "{files} seeds in {}", directory.display());
}

const LINES: &[&str] = &[
    "h a.x.y\n",
    "h *.x.y\n",
    "h A.X.Y.:80\n",
    "h *.\n",
    "h [::1]:80\n",
    "h \n",
    "h .x.y\n",
    "= /a\n",
    "= /%41\n",
    "^ /\n",
    "^ /A\n",
    "^\n",
    "$ a\n",
    "~ %\n",
    "r ^/a\n",
    "r (\n",
    "? a.x.y /a\n",
    "? b.a.X.y.:443 /%41b\n",
    "? [::1]:1 /%2\n",
    "? . /\n",
    "? .x.y /a\n",
    "? x.y.. %ff\n",
    "?\n",
    "? a..x.y /%2541\n",
];

proptest! {
    #[test]
    fn any_text_is_decided_as_every_rule_says(lines in prop::collection::vec(prop::sample::select(LINES), 0..24)) {
        http_policy::check(lines.concat().as_bytes());
    }
}
