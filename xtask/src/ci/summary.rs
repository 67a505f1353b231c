//! The table at the end of a run.

use std::fmt::Write;
use std::time::Duration;

use super::Step;
use super::test_results::Tests;

/// How a step went.
pub(crate) struct Outcome {
    pub(crate) step: &'static Step,
    pub(crate) took: Duration,
    pub(crate) tests: Tests,
    pub(crate) broken: bool,
}

/// A line per step, what to do about the broken one, and the count of tests as the last line.
pub(crate) fn text(outcomes: &[Outcome], not_run: &[&Step]) -> String {
    let mut out = String::from("\nstep      result       time  tests  proves\n");
    let mut total = Tests::default();
    let mut took = Duration::ZERO;
    for Outcome { step, took: time, tests, broken } in outcomes {
        let result = if *broken { "FAILED" } else { "ok" };
        let ran = tests.passed + tests.failed;
        let count = if ran == 0 { String::new() } else { ran.to_string() };
        row(&mut out, step, result, &shown(*time), &count);
        total += *tests;
        took += *time;
        if *broken && tests.failed == 0 {
            total.failed += 1; // a broken promise counts, also where no test could run
        }
    }
    for step in not_run {
        row(&mut out, step, "not run", "", "");
    }
    let _ = writeln!(out, "{:<8}  {:<7}  {:>8}", "total", "", shown(took));
    for Outcome { step, .. } in outcomes.iter().filter(|outcome| outcome.broken) {
        let _ = writeln!(out, "\n{name} failed; alone: cargo xtask ci --only {name}", name = step.name);
    }
    let _ = writeln!(out, "\n{} passed, {} failed", total.passed, total.failed);
    out
}

fn row(out: &mut String, step: &Step, result: &str, time: &str, tests: &str) {
    let _ = writeln!(out, "{:<8}  {result:<7}  {time:>8}  {tests:>5}  {}", step.name, step.proves);
}

/// `0.4 s`, `12.3 s`, `4 m 05 s`.
fn shown(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds}.{} s", time.subsec_millis() / 100),
        seconds => format!("{} m {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ci::STEPS;

    fn outcome(step: &'static Step, millis: u64, passed: u64, failed: u64, broken: bool) -> Outcome {
        Outcome { step, took: Duration::from_millis(millis), tests: Tests { passed, failed }, broken }
    }

    fn last_line(text: &str) -> &str {
        text.lines().last().unwrap()
    }

    #[test]
    fn the_last_line_adds_up_the_tests_of_all_steps() {
        let outcomes = [outcome(&STEPS[7], 245_000, 300, 0, false), outcome(&STEPS[9], 12_340, 12, 0, false)];
        let text = text(&outcomes, &[]);
        assert_eq!(last_line(&text), "312 passed, 0 failed");
        assert!(text.contains("test      ok       4 m 05 s    300  unit"), "{text}");
        assert!(text.contains("e2e       ok         12.3 s     12  the whole"), "{text}");
        assert!(text.contains("total              4 m 17 s"), "{text}");
    }

    #[test]
    fn a_broken_step_without_tests_counts_as_one_failure_and_says_how_to_run_it() {
        let text = text(&[outcome(&STEPS[1], 400, 0, 0, true)], &[&STEPS[2]]);
        assert_eq!(last_line(&text), "0 passed, 1 failed");
        assert!(text.contains("\nfmt failed; alone: cargo xtask ci --only fmt\n"), "{text}");
        assert!(text.contains("tidy      not run "), "{text}");
    }

    #[test]
    fn failing_tests_are_counted_once() {
        let text = text(&[outcome(&STEPS[7], 1_000, 5, 2, true)], &[]);
        assert_eq!(last_line(&text), "5 passed, 2 failed");
    }
}
