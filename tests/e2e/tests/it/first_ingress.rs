//! The guide "Your first Ingress", followed word for word.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::demo::{binary, prerequisites, variable};
use crate::world::turn::Turn;

/// Longest time that a reader would go along with; the API server's start included.
const WITHIN: &str = "180";
/// Where the guide keeps its files.
const PLACE: &str = "/tmp/first";

#[test]
fn the_guide_to_a_first_ingress_says_what_happens() {
    // The first block builds, and enters the namespace; so does the test.
    let Some(Followed { said, told }) = follow(&blocks("your-first-ingress")[1..], &[]) else { return };
    let has = |line: &str| said.lines().any(|of| of == line);
    for line in
        ["10.10.25.40", "302 https://hello.avi.iberia.local/", "503", "{\"vsvip\":0}", "{\"sslkeyandcertificate\":0}"]
    {
        assert!(has(line), "no line `{line}` in\n{told}");
    }
    // Four over HTTP, one over HTTPS, one after the pods came back.
    let pages = said.lines().filter(|line| line.starts_with("hello from pod 10.244.1.")).count();
    assert!(pages >= 6, "{pages} pages in\n{told}");
    assert!(said.contains("status: NXDOMAIN"), "{told}");
}

/// What the commands of a guide printed.
pub(crate) struct Followed {
    pub(crate) said: String,
    /// With what went to standard error.
    pub(crate) told: String,
}

/// The commands of a guide, block by block.
pub(crate) fn blocks(guide: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(format!("docs/guides/{guide}.md"))).unwrap();
    text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Does what the blocks say, in a namespace of its own; `None`, with the reason printed, where that is not possible.
pub(crate) fn follow(blocks: &[String], needs: &[&str]) -> Option<Followed> {
    if let Err(reason) = prerequisites().and_then(|()| programs(needs)) {
        println!("skipped: {reason}");
        return None;
    }
    let _turn = Turn::take();
    let place = tempfile::tempdir().unwrap();
    let place_name = place.path().to_str().unwrap();
    let end = "trap 'kill $(jobs -p); (cd $src && cargo xtask kube down --dir $place/kube)' EXIT";
    let script = format!("set -u; place={place_name}\n{end}\n{}", blocks.join("\n")).replace(PLACE, place_name);
    let path = format!("{}:{}", Path::new(&binary()).parent().unwrap().display(), variable("PATH").unwrap_or_default());
    // Whatever the script began ends with the namespace of processes.
    let mut run = Command::new("timeout");
    run.args([
        WITHIN,
        "unshare",
        "--map-root-user",
        "--net",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        "bash",
        "-c",
    ]);
    run.arg(&script).env("PATH", path).current_dir(root()).stdin(Stdio::null());
    for kept in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        run.env(kept, place.path());
    }
    forget_this_package(&mut run);
    let output = run.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = format!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
    Some(Followed { said, told })
}

/// Whether everything is there that the guide asks for.
fn programs(more: &[&str]) -> Result<(), String> {
    for program in ["kubectl", "jq", "openssl"].iter().chain(more) {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
        if !found.is_ok_and(|output| output.status.success()) {
            return Err(format!("no {program} on this machine"));
        }
    }
    let namespace = Command::new("unshare").args(["-rnpf", "--mount-proc", "true"]).output();
    if !namespace.is_ok_and(|output| output.status.success()) {
        return Err("this user may not make namespaces of processes (unshare -rnpf --mount-proc)".to_owned());
    }
    let mut check = Command::new("cargo");
    check.args(["xtask", "kube", "programs", "--check"]).current_dir(root());
    forget_this_package(&mut check);
    let check = check.output().unwrap();
    if check.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&check.stdout).trim().to_owned()) }
}

/// What Cargo says about this package is not true of the one that is run.
fn forget_this_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
