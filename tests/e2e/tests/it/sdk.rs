//! The published Python client, `avisdk`, against a controller.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::lone::Lone;

/// Checks of `scripts/avisdk_session.py`, so that none goes missing unseen.
const CHECKS: usize = 162;

#[test]
fn the_published_python_client_finds_what_it_expects() {
    let Some(python) = python() else { return };
    let Some(mut lone) = Lone::start() else { return };
    lone.start_controller("other");
    lone.stop("other");
    lone.start_controller("controller");

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/avisdk_session.py");
    let mut session = lone.enter(&python);
    session.args([script, "127.0.0.1", "9443"]);
    session.args(["controller/admin-password", "controller/ca.pem", "other/ca.pem"].map(|file| lone.path(file)));
    // Its settings would be for other networks.
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
        session.env_remove(name);
    }
    let mut session = session.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut held, mut failed) = (0, Vec::new());
    for line in BufReader::new(session.stdout.take().unwrap()).lines().map_while(Result::ok) {
        println!("{line}");
        match line.split_once(' ') {
            Some(("ok", _)) => held += 1,
            Some(("FAILED", name)) => failed.push(name.to_owned()),
            _ if line == "restart" => {
                lone.stop("controller");
                lone.start_controller("controller");
                session.stdin.as_mut().unwrap().write_all(b"it runs again\n").unwrap();
            }
            _ => {}
        }
    }
    let status = session.wait().unwrap();
    assert!(failed.is_empty() && status.success(), "{status}: {failed:#?}\n{}", lone.log("controller"));
    assert_eq!(held, CHECKS);
}

/// The interpreter that has the client; `None`, with the reason printed, where there is none.
fn python() -> Option<String> {
    let python = crate::demo::variable("MERIDIAN_PYTHON").filter(|path| !path.is_empty());
    if python.is_none() {
        println!("skipped: MERIDIAN_PYTHON is not set; `make test` makes an interpreter with avisdk and sets it");
    }
    python
}
