//! Simulated histories of sites that replicate and elect: the test of `site-replication`, optimised, and many more of them.

use std::process::ExitCode;

use anyhow::Context;

use crate::workshop::{Workshop, now};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Elected histories; a tenth as many are led by hand
    #[arg(long, default_value_t = 100_000)]
    histories: u64,
    /// One history of each kind again: the number that a failure told
    #[arg(long, conflicts_with = "histories")]
    seed: Option<u64>,
}

pub(crate) fn run(workshop: &Workshop, args: &Args) -> anyhow::Result<ExitCode> {
    let mut cargo = workshop.cargo();
    cargo.args(["test", "--quiet", "--release", "--package", "site-replication", "--test", "it"]);
    cargo.args(["--", "--nocapture", "--test-threads=1", "histories::"]);
    match args.seed {
        Some(seed) => cargo.env("SIM_SEED", seed.to_string()),
        None => cargo.env_remove("SIM_SEED").env("SIM_HISTORIES", args.histories.to_string()),
    };
    let begin = now();
    let status = cargo.status().context("starting the simulation")?;
    let verdict = if status.success() { "nothing went wrong" } else { "see above for what went wrong, and its seed" };
    println!("{verdict}; {:.0} s, building included", begin.elapsed().as_secs_f64());
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
