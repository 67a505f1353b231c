//! Blackouts, as the end-to-end tests play them: each site in a network namespace of its own, whose link is cut.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::Output;
use crate::table::Row;

/// What a test wrote down: a line of JSON for each blackout.
#[derive(Deserialize)]
struct Transcript {
    title: String,
    /// Seconds since the cut, and what happened then.
    lines: Vec<(f64, String)>,
}

/// Runs the tests, the shortest alone with `--quick`, and returns their times; none, with the tests' own reason printed,
/// where they cannot run.
pub(super) fn run(output: &Output) -> anyhow::Result<Vec<Row>> {
    let times = tempfile::NamedTempFile::new().context("making a file for the times")?;
    let which = if output.quick { "blackouts::election" } else { "blackouts::" };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut tests = Command::new(env!("CARGO"));
    tests.args([
        "test",
        "--quiet",
        "--package",
        "e2e",
        "--test",
        "it",
        which,
        "--",
        "--nocapture",
        "--test-threads",
        "1",
    ]);
    tests.current_dir(root).env("MERIDIAN_BIN", &output.meridian).env("MERIDIAN_TIMES", times.path());
    let status = tests.status().context("running the tests of blackouts")?;
    if !status.success() {
        bail!("the tests of blackouts ended with {status}");
    }
    rows(&std::fs::read_to_string(times.path()).context("reading the times")?)
}

fn rows(times: &str) -> anyhow::Result<Vec<Row>> {
    let transcripts: Result<Vec<Transcript>, _> = times.lines().map(serde_json::from_str).collect();
    let rows = transcripts.context("reading the times")?.into_iter().flat_map(|Transcript { title, lines }| {
        lines.into_iter().map(move |(seconds, what)| Row::alone("-", format!("{title}: {what}, s"), seconds, None))
    });
    Ok(rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_transcript_is_a_row() {
        let found = rows("{\"title\": \"Dark\", \"lines\": [[0.0, \"cut\"], [1.5, \"another leads\"]]}\n").unwrap();
        let found: Vec<(&str, f64)> = found.iter().map(|row| (row.what.as_str(), row.ours)).collect();
        assert_eq!(found, [("Dark: cut, s", 0.0), ("Dark: another leads, s", 1.5)]);
        assert!(rows("").unwrap().is_empty());
        assert!(rows("{").is_err());
    }
}
