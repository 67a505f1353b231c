//! Generates the Rust code of `proto/*.proto`: of `se.proto` messages for `se-protocol` and the service for `se-link`, of
//! `site.proto` messages for `site-link`.
//!
//! Started by `cargo xtask codegen`. The protobuf compiler is `protox`, so a machine needs no `protoc`; what comes out
//! is committed, so an ordinary build needs none of this.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, bail};

const PACKAGE: &str = "meridian.se.v1";

fn main() -> anyhow::Result<()> {
    let check = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(other) => bail!("unknown argument `{other}`; the one there is is --check"),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().context("finding the workspace")?;
    site(&root, check)?;
    let descriptors =
        protox::compile([root.join("proto/se.proto")], [root.join("proto")]).context("compiling proto/se.proto")?;
    let out = tempfile::tempdir().context("making a directory")?;

    let (messages, service) = (out.path().join("messages"), out.path().join("service"));
    fs::create_dir(&messages)?;
    fs::create_dir(&service)?;
    prost_build::Config::new()
        .bytes(["."])
        // Private keys are in these, and must not get into a log.
        .skip_debug([".meridian.se.v1.Certificate", ".meridian.se.v1.Resource"])
        .out_dir(&messages)
        .compile_fds(descriptors.clone())
        .context("generating messages")?;
    tonic_prost_build::configure()
        .build_transport(false)
        .extern_path(format!(".{PACKAGE}"), "::se_protocol::wire")
        .out_dir(&service)
        .compile_fds(descriptors)
        .context("generating the service")?;

    let file = format!("{PACKAGE}.rs");
    put(&root, &messages.join(&file), "crates/se-protocol/src/wire/generated.rs", check)?;
    put(&root, &service.join(&file), "crates/se-link/src/generated.rs", check)
}

/// `proto/site.proto`.
fn site(root: &Path, check: bool) -> anyhow::Result<()> {
    let descriptors =
        protox::compile([root.join("proto/site.proto")], [root.join("proto")]).context("compiling proto/site.proto")?;
    let out = tempfile::tempdir().context("making a directory")?;
    prost_build::Config::new()
        .bytes(["."])
        .out_dir(out.path())
        .compile_fds(descriptors)
        .context("generating messages of sites")?;
    put(root, &out.path().join("meridian.site.v1.rs"), "crates/site-link/src/wire/generated.rs", check)
}

/// Formats `from` and puts it at `to`, or compares.
fn put(root: &Path, from: &Path, to: &str, check: bool) -> anyhow::Result<()> {
    let status = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root.join("rustfmt.toml"))
        .arg(from)
        .status()
        .context("starting rustfmt")?;
    if !status.success() {
        bail!("rustfmt ended with {status}");
    }
    let code = fs::read_to_string(from).with_context(|| format!("reading {}", from.display()))?;
    let target = root.join(to);
    if fs::read_to_string(&target).is_ok_and(|there| there == code) {
        return Ok(());
    }
    if check {
        bail!("{to} is not what proto/*.proto generate: run `cargo xtask codegen`");
    }
    fs::create_dir_all(target.parent().unwrap_or(root))?;
    fs::write(&target, code).with_context(|| format!("writing {to}"))?;
    println!("{to}");
    Ok(())
}
