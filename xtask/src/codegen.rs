//! Start the generators of committed code. They are packages outside the workspace: nobody else waits for them.

use anyhow::{Context, bail};

use crate::workshop::Workshop;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Change nothing; fail when what is committed is not what would be generated
    #[arg(long)]
    check: bool,
}

/// Generate, or compare.
///
/// # Errors
/// A generator failed, or what is committed differs.
pub(crate) fn run(workshop: &Workshop, args: &Args) -> anyhow::Result<()> {
    let mut cargo = workshop.cargo();
    cargo.args(["run", "--quiet", "--locked", "--manifest-path", "proto/codegen/Cargo.toml", "--"]);
    if args.check {
        cargo.arg("--check");
    }
    let status = cargo.status().context("starting the generator of proto/*.proto")?;
    if !status.success() {
        bail!("the generator of proto/*.proto ended with {status}");
    }
    Ok(())
}
