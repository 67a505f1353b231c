//! The one door to building, checking, measuring and showing: `cargo xtask <verb>`.
//!
//! `ci` runs the table of steps in [`ci`]; two of them live here, [`layers`] and [`tidy`]. The Makefile and the CI
//! script only call this program. It needs a Rust toolchain, and little else to build: it is compiled before anything.
#![expect(clippy::print_stdout, reason = "a command-line program talks on standard output")]

mod ci;
mod codegen;
mod conformance;
mod kube;
mod launch;
mod layers;
mod python;
mod sim;
mod tidy;
mod workshop;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workshop::Workshop;

/// Build, check, measure and show Meridian.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run everything CI runs: setup, formatting, lints, dependency rules, unit to end-to-end tests
    Ci(ci::Args),
    /// Draw the crates by layer and point at arrows that do not go down
    Layers,
    /// Look for unlinked files, hidden tests, stale names and broken links
    Tidy,
    /// Measure against the goals: `bench dns`, `path`, `page`, `sites`, `boot`, `http` or `change`, with `--quick` and `--json FILE`
    Bench(launch::BenchArgs),
    /// Write what is generated: code of `proto/*.proto` (no `protoc` needed), definitions in `deploy/crds`
    Codegen(codegen::Args),
    /// Run the tests that prove the lines of a catalogue, such as `conformance amko`, and show the table
    Conformance(conformance::Args),
    /// Start and stop real clusters: etcd and API servers, built once
    Kube(kube::Args),
    /// Simulate sites that replicate and elect, in 100,000 histories of partitions, pauses, wrong clocks and full disks
    Sim(sim::Args),
    /// Build the release binary and play the story of the three clusters; arguments go to `meridian demo`
    Demo(launch::DemoArgs),
}

fn main() -> ExitCode {
    match run(Args::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    let workshop = Workshop::open();
    match verb {
        Verb::Ci(args) => ci::run(&workshop, &args),
        Verb::Layers => layers::run(&workshop).map(succeed),
        Verb::Tidy => tidy::run(&workshop).map(succeed),
        Verb::Bench(args) => launch::bench(&workshop, &args),
        Verb::Codegen(args) => codegen::run(&workshop, &args).map(succeed),
        Verb::Conformance(args) => conformance::run(&workshop, &args),
        Verb::Kube(args) => kube::run(&workshop, &args),
        Verb::Sim(args) => sim::run(&workshop, &args),
        Verb::Demo(args) => launch::demo(&workshop, &args),
    }
}

fn succeed((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, is_expected: impl Fn(&Verb) -> bool) {
        let args = Args::try_parse_from(line.split(' ')).map_err(|error| error.to_string());
        assert!(args.is_ok_and(|args| is_expected(&args.verb)), "{line}");
    }

    #[test]
    fn arguments_of_the_demo_and_the_benchmarks_are_passed_on() {
        check("xtask demo", |verb| matches!(verb, Verb::Demo(args) if args.rest.is_empty()));
        check(
            "xtask demo --fresh --data d",
            |verb| matches!(verb, Verb::Demo(args) if args.rest == ["--fresh", "--data", "d"]),
        );
        check(
            "xtask bench dns --quick --json f",
            |verb| matches!(verb, Verb::Bench(args) if args.rest == ["--quick", "--json", "f"]),
        );
        check("xtask kube up --clusters 2 --address 10.0.0.1 --address 10.0.0.2", |verb| matches!(verb, Verb::Kube(_)));
        check("xtask sim --seed 72", |verb| matches!(verb, Verb::Sim(_)));
        assert!(Args::try_parse_from(["xtask", "sim", "--seed", "1", "--histories", "2"]).is_err());
        assert!(Args::try_parse_from(["xtask", "ci", "--only", "lint"]).is_err());
    }
}
