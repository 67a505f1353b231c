//! All that CI does, as a table of steps; the first one that breaks ends the run.

pub(crate) mod setup;
mod summary;
mod test_results;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail};

use crate::python::{self, AVISDK};
use crate::workshop::{Workshop, now};
use crate::{codegen, kube, layers, tidy};
use summary::Outcome;
use test_results::Tests;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Do not look for, or install, the tools the steps need
    #[arg(long)]
    skip_setup: bool,
    /// Run this step alone, with the steps it cannot do without; may be repeated
    #[arg(long, value_name = "STEP", value_parser = clap::builder::PossibleValuesParser::new(STEPS.iter().map(|step| step.name)))]
    only: Vec<String>,
}

/// One step: a promise and how it is checked.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// What is true when it passes.
    pub(crate) proves: &'static str,
    /// A step whose result it uses.
    needs: Option<&'static str>,
    run: Run,
}

enum Run {
    /// Install what is missing.
    Setup,
    /// A check of this program.
    Own(fn(&Workshop) -> anyhow::Result<()>),
    /// `cargo` with these arguments.
    Cargo(&'static [&'static str]),
    /// `cargo test` with these arguments; its tests are counted.
    Tests(&'static [&'static str]),
}

/// Quick checks first, so that a slip shows before the long build.
const STEPS: [Step; 10] = [
    Step { name: "setup", proves: "the tools the steps need are here", needs: None, run: Run::Setup },
    Step {
        name: "fmt",
        proves: "the sources are formatted",
        needs: None,
        run: Run::Cargo(&["fmt", "--all", "--", "--check"]),
    },
    Step {
        name: "tidy",
        proves: "no unlinked file, hidden test, stale name or broken link",
        needs: None,
        run: Run::Own(tidy::run),
    },
    Step {
        name: "layers",
        proves: "dependencies between crates go down; logic is free of I/O",
        needs: None,
        run: Run::Own(layers::run),
    },
    Step {
        name: "deny",
        proves: "licences, sources and duplicates are those we allow",
        needs: None,
        run: Run::Cargo(&["deny", "--workspace", "check", "bans", "licenses", "sources"]),
    },
    Step {
        name: "clippy",
        proves: "no warning in any crate, test or benchmark",
        needs: None,
        run: Run::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step {
        name: "codegen",
        proves: "generated files say what the sources say",
        needs: None,
        run: Run::Own(codegen::check),
    },
    Step {
        name: "test",
        proves: "unit, property, contract and capability tests pass",
        needs: None,
        run: Run::Tests(&["--workspace", "--exclude", "e2e"]),
    },
    Step {
        name: "binary",
        proves: "the binary that end-to-end tests run can be built",
        needs: None,
        run: Run::Cargo(&["build", "--profile", "ci", "--package", "meridian"]),
    },
    Step {
        name: "e2e",
        proves: "the whole story, from a manifest to an answer, works",
        needs: Some("binary"),
        run: Run::Tests(&["--package", "e2e"]),
    },
];

/// Run the steps, print the summary; its last line is `N passed, N failed`.
pub(crate) fn run(workshop: &Workshop, args: &Args) -> anyhow::Result<ExitCode> {
    let chosen = choose(args);
    let mut outcomes = Vec::new();
    for step in &chosen {
        println!("\n== {}: {}", step.name, step.proves);
        let begin = now();
        let (tests, result) = step.run(workshop);
        let broken = result.is_err();
        if let Err(error) = result {
            println!("{} failed: {error:#}", step.name);
        }
        outcomes.push(Outcome { step, took: begin.elapsed(), tests, broken });
        if broken {
            break; // what follows would only add noise
        }
    }
    let broken = outcomes.iter().any(|outcome| outcome.broken);
    print!("{}", summary::text(&outcomes, &chosen[outcomes.len()..]));
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn choose(args: &Args) -> Vec<&'static Step> {
    let wanted = |step: &Step| args.only.iter().any(|name| name == step.name);
    let needed = |step: &Step| STEPS.iter().any(|other| wanted(other) && other.needs == Some(step.name));
    STEPS
        .iter()
        .filter(|step| args.only.is_empty() || wanted(step) || needed(step))
        .filter(|step| !(args.skip_setup && matches!(step.run, Run::Setup)))
        .collect()
}

impl Step {
    /// The tests it ran, and whether it passed.
    fn run(&self, workshop: &Workshop) -> (Tests, anyhow::Result<()>) {
        match self.run {
            Run::Setup => (Tests::default(), setup::run(workshop)),
            Run::Own(check) => (Tests::default(), check(workshop)),
            Run::Cargo(arguments) => {
                let mut cargo = workshop.cargo();
                cargo.args(arguments);
                (Tests::default(), status(&mut cargo))
            }
            Run::Tests(arguments) => {
                let mut cargo = workshop.cargo();
                // All that is broken in this step is worth knowing at once.
                cargo.args(["test", "--no-fail-fast"]).args(arguments);
                cargo.env("MERIDIAN_BIN", workshop.binary("ci"));
                match kube::search_path(workshop) {
                    Ok(path) => drop(cargo.env("PATH", path)),
                    Err(error) => return (Tests::default(), Err(error)),
                }
                if let Some(environment) = AVISDK.find(workshop) {
                    cargo.env("MERIDIAN_PYTHON", python::interpreter(&environment));
                }
                count_tests(&mut cargo, &mut std::io::stdout())
            }
        }
    }
}

fn status(command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("starting `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// Pass the test runner's output on to `out`, line by line, and count what it says.
fn count_tests(command: &mut Command, out: &mut impl Write) -> (Tests, anyhow::Result<()>) {
    let mut tests = Tests::default();
    let result = stream(command, out, |line| tests += Tests::in_line(line));
    (tests, result)
}

fn stream(command: &mut Command, out: &mut impl Write, mut see: impl FnMut(&str)) -> anyhow::Result<()> {
    let shown = shown(command);
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting `{shown}`"))?;
    let mut lines = BufReader::new(child.stdout.take().context("the child has no standard output")?);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).context("reading what the tests print")? > 0 {
        out.write_all(&line).context("passing on what the tests print")?;
        see(&String::from_utf8_lossy(&line));
        line.clear();
    }
    let status = child.wait().with_context(|| format!("waiting for `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words: Vec<_> = std::iter::once(name).chain(command.get_args()).map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(skip_setup: bool, only: &[&str], expected: &str) {
        let args = Args { skip_setup, only: only.iter().map(ToString::to_string).collect() };
        let names: Vec<_> = choose(&args).iter().map(|step| step.name).collect();
        assert_eq!(names.join(" "), expected);
    }

    #[test]
    fn steps_are_chosen_in_the_order_of_the_table() {
        check(false, &[], "setup fmt tidy layers deny clippy codegen test binary e2e");
        check(true, &[], "fmt tidy layers deny clippy codegen test binary e2e");
        check(false, &["clippy", "fmt"], "fmt clippy");
        check(false, &["e2e"], "binary e2e");
    }

    #[test]
    fn tests_are_counted_also_when_the_runner_fails() {
        let result = |passed, failed| format!("echo 'test result: ok. {passed} passed; {failed} failed; 0 ignored'");
        let mut runner = Command::new("sh");
        runner.args(["-c", &format!("{}; {}; exit 3", result(2, 0), result(1, 1))]);
        let mut shown = Vec::new(); // not to standard output, where the count of this very run would see it
        let (tests, ended) = count_tests(&mut runner, &mut shown);
        assert!(String::from_utf8(shown).unwrap().starts_with("test result: ok. 2 passed"));
        assert_eq!(tests, Tests { passed: 3, failed: 1 });
        assert!(ended.unwrap_err().to_string().ends_with("` ended with exit status: 3"));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = status(Command::new("/nowhere/cargo").arg("fmt")).unwrap_err();
        assert_eq!(error.to_string(), "starting `cargo fmt`");
    }
}
