//! What `cargo test` says about how many tests ran.

use std::ops::AddAssign;

/// How a test binary's last line begins; what follows may be coloured.
const MARK: &str = "test result:";

/// Tests counted in a step or a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tests {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tests {
    /// The tests a line reports: none, unless it is a result line.
    ///
    /// `test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s`
    pub(crate) fn in_line(line: &str) -> Self {
        match line.trim_start().strip_prefix(MARK) {
            Some(counts) => Self { passed: number_before(counts, "passed"), failed: number_before(counts, "failed") },
            None => Self::default(),
        }
    }
}

impl AddAssign for Tests {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

fn number_before(counts: &str, what: &str) -> u64 {
    let mut before = "";
    for word in counts.split([' ', ';']) {
        if word == what {
            return before.parse().unwrap_or(0);
        }
        before = word;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, passed: u64, failed: u64) {
        assert_eq!(Tests::in_line(line), Tests { passed, failed });
    }

    #[test]
    fn a_result_line_is_counted() {
        check(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.02s\n",
            12,
            0,
        );
        check("test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n", 4, 2);
    }

    #[test]
    fn a_coloured_result_line_is_counted() {
        check("test result: \u{1b}[32mok\u{1b}[m. 7 passed; 0 failed; 0 ignored", 7, 0);
    }

    #[test]
    fn other_lines_count_nothing() {
        check("test older_revision_is_refused ... ok", 0, 0);
        check("the last test result: 9 passed; 9 failed", 0, 0);
        check("test result:", 0, 0);
        check("", 0, 0);
    }
}
