//! Install what the steps need and the machine lacks, as far as this user may.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::kube;
use crate::python::AVISDK;
use crate::workshop::{Workshop, answers, is_root, platform};

/// Programs that tests and their users run, with the arguments they answer to, and the packages that bring them: the
/// name since Debian 12, then an earlier one. Python is asked for what makes virtual environments, too.
const PROGRAMS: [(&str, &[&str], &[&str]); 12] = [
    ("dig", &["-v"], &["bind9-dnsutils", "dnsutils"]),
    ("ip", &["-V"], &["iproute2"]),
    ("nsenter", &["--version"], &["util-linux"]),
    ("kill", &["--version"], &["procps"]),
    ("curl", &["--version"], &["curl"]),
    ("jq", &["--version"], &["jq"]),
    ("openssl", &["version"], &["openssl"]),
    ("dnsperf", &["-h"], &["dnsperf"]),
    ("named", &["-V"], &["bind9"]),
    ("unbound", &["-V"], &["unbound"]),
    ("python3", &["--version"], &["python3"]),
    ("python3", &["-c", "import ensurepip, venv"], &["python3-venv"]),
];

/// Those that their packages also run as a service of the machine, which tests do not want: programs and units have the
/// same names.
const SERVERS: [&str; 2] = ["named", "unbound"];

/// What asks packages' scripts whether a service may start, while it is there.
const POLICY: (&str, &str) = ("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n");

/// Tools of the Rust toolchain, which rustup's minimal profile leaves out: subcommand of Cargo, component of rustup.
const COMPONENTS: [(&str, &str); 2] = [("fmt", "rustfmt"), ("clippy", "clippy")];

/// Everything the steps need.
///
/// # Errors
/// A tool without which a step cannot run is missing and could not be installed.
pub(crate) fn run(workshop: &Workshop) -> anyhow::Result<()> {
    for (subcommand, component) in COMPONENTS {
        if !answers(workshop.cargo().args([subcommand, "--version"])) {
            let install = format!("rustup component add {component}");
            ensure(workshop, component, &install, subcommand)?;
        }
    }
    if !answers(workshop.cargo().args(["deny", "--version"])) {
        ensure(workshop, "cargo-deny", "cargo install cargo-deny --locked", "deny")?;
    }
    fetch(workshop)?;
    for (program, arguments, packages) in PROGRAMS {
        if !offer(workshop, program, arguments, packages) {
            println!("tests that run `{program}` are skipped");
        }
    }
    if let Err(error) = AVISDK.ensure(workshop) {
        println!("tests that run avisdk are skipped: {error:#}");
    }
    kube::offer(workshop)
}

/// Install `dig`, for the lines that the demo prints; see [`offer`].
pub(crate) fn offer_dig(workshop: &Workshop) -> bool {
    let (program, arguments, packages) = PROGRAMS[0];
    offer(workshop, program, arguments, packages)
}

/// Install `program` where it is missing and we may; say how otherwise. Returns whether it is here.
fn offer(workshop: &Workshop, program: &str, arguments: &[&str], packages: &[&str]) -> bool {
    let present = || answers(workshop.command(program).args(arguments));
    if present() {
        return true;
    }
    let package = packages.first().copied().unwrap_or(program);
    if is_root() && answers(workshop.command("apt-get").arg("--version")) {
        println!("installing {package}");
        let serves = SERVERS.contains(&program);
        let install = || packages.iter().any(|package| apt_install(workshop, package) && present());
        let installed = if serves { without_services(install) } else { install() };
        if serves {
            // Nor when the machine starts next; where there is no systemd, there is no such unit.
            answers(workshop.command("systemctl").args(["--quiet", "disable", program]));
        }
        if installed {
            return true;
        }
        println!("`{program}` is missing or incomplete, and apt-get could not install it (package {package})");
    } else {
        println!("`{program}` is missing or incomplete; to have it: sudo apt-get install {package}");
    }
    false
}

/// Does `install` while no package may start what it brings; where the machine has a policy of its own, that one holds.
fn without_services(install: impl FnOnce() -> bool) -> bool {
    let (path, text) = POLICY;
    let file = File::options().write(true).create_new(true).mode(0o755).open(path);
    let ours = file.is_ok_and(|mut file| file.write_all(text.as_bytes()).is_ok());
    let installed = install();
    if ours && let Err(error) = fs::remove_file(path) {
        println!("{path} keeps services from being started, and could not be removed: {error}");
    }
    installed
}

/// Download every dependency, so that no later step needs the network; a lock file that is behind is refused.
fn fetch(workshop: &Workshop) -> anyhow::Result<()> {
    let fetched = workshop.cargo().args(["fetch", "--locked", "--target", &platform()]).status();
    if !fetched.context("starting cargo fetch")?.success() {
        bail!(
            "the dependencies in Cargo.lock could not be fetched; if it is behind a manifest, `cargo check` updates it"
        );
    }
    Ok(())
}

/// Run `install`, then look for the tool again.
fn ensure(workshop: &Workshop, tool: &str, install: &str, subcommand: &str) -> anyhow::Result<()> {
    println!("{tool} is missing: {install}");
    let mut words = install.split(' ');
    let program = words.next().unwrap_or(install);
    let mut command = if program == "cargo" { workshop.cargo() } else { workshop.command(program) };
    let installed = command.args(words).status().is_ok_and(|status| status.success());
    if !installed || !answers(workshop.cargo().args([subcommand, "--version"])) {
        bail!("{tool} is missing and could not be installed; needed: {install}");
    }
    Ok(())
}

/// A list of packages that is not there, or is too old, is fetched before the second try.
fn apt_install(workshop: &Workshop, package: &str) -> bool {
    let install = ["install", "--yes", "--no-install-recommends", package];
    apt_get(workshop, &install) || (apt_get(workshop, &["update"]) && apt_get(workshop, &install))
}

fn apt_get(workshop: &Workshop, arguments: &[&str]) -> bool {
    let mut apt_get: Command = workshop.command("apt-get");
    apt_get.arg("-qq").args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    apt_get.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    apt_get.status().is_ok_and(|status| status.success())
}
