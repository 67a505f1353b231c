//! Running exactly the tests that carry a marker, and reading what became of each.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::markers::{Binary, Target, TestName};
use crate::workshop::Workshop;

/// How a test that cannot run on this machine begins the line that says why; it passes.
const SKIPPED: &str = "skipped";

/// The package whose tests drive the built binary.
const END_TO_END: &str = "e2e";

/// What became of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    /// With how: `failed`, `did not run`.
    Failed(String),
    /// It said why it cannot run here.
    Skipped(String),
}

/// Runs the tests, one `cargo test` for each test binary.
///
/// # Errors
/// A test binary cannot be built.
pub(super) fn run<'a>(
    workshop: &Workshop,
    tests: impl Iterator<Item = &'a TestName>,
) -> anyhow::Result<BTreeMap<TestName, Verdict>> {
    let mut by_binary: BTreeMap<&Binary, BTreeSet<&str>> = BTreeMap::new();
    for test in tests {
        by_binary.entry(&test.binary).or_default().insert(&test.function);
    }
    let mut verdicts = BTreeMap::new();
    for (binary, functions) in by_binary {
        let mut command = command(workshop, binary)?;
        command.args(["--", "--exact", "--show-output", "--color", "never"]).args(&functions);
        let output = command.stderr(Stdio::inherit()).output().context("starting cargo")?;
        let output_text = String::from_utf8_lossy(&output.stdout);
        let mut seen = read(&output_text);
        if seen.is_empty() && !output.status.success() {
            bail!("the tests of {} did not run; cargo's messages are above", binary.package);
        }
        for function in functions {
            let verdict = seen.remove(function).unwrap_or_else(|| Verdict::Failed("did not run".to_owned()));
            if let Verdict::Failed(_) = verdict {
                print!("{}", said(&output_text, function));
            }
            verdicts.insert(TestName { binary: binary.clone(), function: function.to_owned() }, verdict);
        }
    }
    Ok(verdicts)
}

fn command(workshop: &Workshop, binary: &Binary) -> anyhow::Result<Command> {
    let mut cargo = workshop.cargo();
    if binary.package == END_TO_END {
        let built = workshop.cargo().args(["build", "--profile", "ci", "--package", "meridian"]).status();
        if !built.context("starting cargo")?.success() {
            bail!("the binary that end-to-end tests run cannot be built; cargo's messages are above");
        }
        cargo.env("MERIDIAN_BIN", workshop.binary("ci"));
    }
    cargo.args(["test", "--package", &binary.package]);
    match &binary.target {
        Target::Library => cargo.arg("--lib"),
        Target::Program => cargo.args(["--bin", &binary.package]),
        Target::Integration(name) => cargo.args(["--test", name]),
    };
    Ok(cargo)
}

/// Verdicts in the output of a test binary that shows what its tests print.
fn read(output: &str) -> BTreeMap<String, Verdict> {
    let mut verdicts = BTreeMap::new();
    let mut speaker = "";
    for line in output.lines() {
        if let Some((test, result)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... ")) {
            let verdict = match result {
                "ok" => Verdict::Passed,
                _ => Verdict::Failed(result.to_lowercase()),
            };
            verdicts.insert(test.trim_end_matches(" - should panic").to_owned(), verdict);
        }
        if let Some(test) = speaker_in(line) {
            speaker = test;
        }
        if line.starts_with(SKIPPED)
            && let Some(verdict @ Verdict::Passed) = verdicts.get_mut(speaker)
        {
            let why = line.trim_start_matches(SKIPPED).trim_start_matches([':', ',', ' ']);
            *verdict = Verdict::Skipped(why.to_owned());
        }
    }
    verdicts
}

/// What a test printed, with its heading.
fn said(output: &str, function: &str) -> String {
    let from_here = output.lines().skip_while(|line| speaker_in(line) != Some(function));
    let mut lines = from_here.take_while(|line| speaker_in(line).is_none_or(|speaker| speaker == function));
    let mut text = String::new();
    // The runner's own lists follow the last speaker.
    for line in lines.by_ref().take_while(|line| !matches!(*line, "failures:" | "successes:")) {
        text += line;
        text.push('\n');
    }
    text
}

/// The test whose words begin with this line: `---- a::b stdout ----`.
fn speaker_in(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\nrunning 4 tests\ntest a::one ... ok\ntest a::two ... ok\ntest three - should panic ... ok\n\
                          test four ... FAILED\n\nsuccesses:\n\n---- a::one stdout ----\n3 histories\n\n\
                          ---- a::two stdout ----\nskipped: no python3 on this machine\n\n\nsuccesses:\n    a::one\n\n\
                          failures:\n\n---- four stdout ----\nskipped nothing\n\nfailures:\n    four\n\n\
                          test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";

    #[test]
    fn a_test_that_says_it_was_skipped_has_not_passed() {
        let verdicts: Vec<_> = read(OUTPUT).into_iter().collect();
        let expected = [
            ("a::one", Verdict::Passed),
            ("a::two", Verdict::Skipped("no python3 on this machine".into())),
            ("four", Verdict::Failed("failed".into())),
            ("three", Verdict::Passed),
        ];
        assert_eq!(verdicts, expected.map(|(name, verdict)| (name.to_owned(), verdict)));
    }

    #[test]
    fn what_a_failed_test_printed_is_shown() {
        assert_eq!(said(OUTPUT, "four"), "---- four stdout ----\nskipped nothing\n\n");
        assert_eq!(said(OUTPUT, "a::two"), "---- a::two stdout ----\nskipped: no python3 on this machine\n\n\n");
        assert_eq!(said(OUTPUT, "three"), "");
    }
}
