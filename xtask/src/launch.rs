//! Start something built: the benchmarks, the demo.

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::ci::setup;
use crate::workshop::Workshop;

#[derive(clap::Args)]
pub(crate) struct BenchArgs {
    /// What to measure
    subject: Subject,
    /// `--quick`, `--json FILE`, and whatever else the benchmark takes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) rest: Vec<String>,
}

/// The benchmarks that exist.
#[derive(Clone, Copy, ValueEnum)]
enum Subject {
    /// CPU per DNS query, beside gdnsd
    Dns,
    /// A change to the answer served
    Path,
    /// An Ingress to its page and its answer
    Page,
    /// Three controllers as sites: delay, catch-up, failover, writes
    Sites,
    /// The operator's start beside full API servers
    Boot,
    /// CPU per HTTP request, beside HAProxy and nginx
    Http,
    /// CPU of one changed service among thousands
    Change,
}

#[derive(clap::Args)]
pub(crate) struct DemoArgs {
    /// Arguments of `meridian demo`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) rest: Vec<String>,
}

pub(crate) fn bench(workshop: &Workshop, args: &BenchArgs) -> anyhow::Result<ExitCode> {
    build_release(workshop)?; // what is measured
    let subject = match args.subject {
        Subject::Dns => "dns",
        Subject::Path => "path",
        Subject::Page => "page",
        Subject::Sites => "sites",
        Subject::Boot => "boot",
        Subject::Http => "http",
        Subject::Change => "change",
    };
    let mut run = workshop.cargo();
    run.current_dir("."); // a relative FILE is the user's
    run.args(["run", "--release", "--package", "bench", "--", subject]).args(&args.rest);
    run.env("MERIDIAN_BIN", workshop.binary("release"));
    // The benchmark starts API servers by this program.
    run.env("MERIDIAN_XTASK", std::env::current_exe().context("finding this program")?);
    let status = run.status().context("starting the benchmark")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The demo takes this process's place, so that Ctrl-C and signals reach it and nothing else.
pub(crate) fn demo(workshop: &Workshop, args: &DemoArgs) -> anyhow::Result<ExitCode> {
    setup::offer_dig(workshop);
    build_release(workshop)?;
    let mut demo = workshop.command(workshop.binary("release"));
    demo.current_dir(".").env_remove("CARGO_TARGET_DIR").arg("demo").args(&args.rest);
    Err(demo.exec()).context("starting the demo")
}

fn build_release(workshop: &Workshop) -> anyhow::Result<()> {
    let build = workshop.cargo().args(["build", "--release", "--package", "meridian"]).status();
    if !build.context("starting cargo")?.success() {
        bail!("the release build failed; its messages are above");
    }
    Ok(())
}
