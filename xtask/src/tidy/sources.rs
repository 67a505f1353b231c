//! What a Rust file must not hold: tests nobody runs, unfinished code, tests that wait for a while.

use std::ops::Range;
use std::path::Path;

use super::Finding;
use super::modules::is_test_only;
use super::rust::{Views, is_word_at, line_of};

/// Comment that allows a sleep in a test: it says what bounds the wait and why a condition would not do.
const BOUNDED: &str = "// bounded:";

/// Words for later work; with a number in brackets, `(#12)`, they are fine.
const LATER: [&str; 2] = ["TODO", "FIXME"];

/// Findings in one file; `is_test` when all of it is test code.
pub(super) fn check(path: &Path, text: &str, is_test: bool) -> Vec<Finding> {
    let views = Views::of(text);
    let mut findings = Vec::new();
    let mut find = |offset: usize, what: &str| findings.push(Finding::error(path, line_of(text, offset), what));

    for (at, _) in views.code.match_indices("#[ignore") {
        find(at, "an ignored test: assert what is true today, and name what should be");
    }
    for (at, word) in views.code.match_indices("todo!") {
        if is_word_at(&views.code, at, word) {
            find(at, "unfinished code");
        }
    }
    for later in LATER {
        for (at, word) in views.comments.match_indices(later) {
            if is_word_at(&views.comments, at, word) && !is_numbered(&views.comments[at + word.len()..]) {
                find(at, "later work without a number: write it as (#n), or do it");
            }
        }
    }
    let tests = test_modules(&views.code);
    for (at, word) in views.code.match_indices("sleep") {
        let in_test = is_test || tests.iter().any(|range| range.contains(&at));
        if in_test && is_word_at(&views.code, at, word) && is_call(&views.code, at, word) && !is_bounded(text, at) {
            find(at, "a test that sleeps: wait for a condition, or say `// bounded: why` on the line");
        }
    }
    findings
}

/// `(#12)`.
fn is_numbered(after: &str) -> bool {
    let number = after.strip_prefix("(#").and_then(|rest| rest.split_once(')'));
    number.is_some_and(|(digits, _)| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_call(code: &str, at: usize, word: &str) -> bool {
    code[at + word.len()..].starts_with('(') && !code[..at].trim_end().ends_with("fn")
}

/// The reason stands on the line, or alone on the line above.
fn is_bounded(text: &str, at: usize) -> bool {
    let line = line_of(text, at);
    let mut near = text.lines().skip(line.saturating_sub(2)).take(2.min(line));
    let (first, second) = (near.next().unwrap_or_default(), near.next());
    match second {
        Some(own) => own.contains(BOUNDED) || first.trim_start().starts_with(BOUNDED),
        None => first.contains(BOUNDED),
    }
}

/// The bodies of `#[cfg(test)] mod … { }`.
fn test_modules(code: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (at, _) in code.match_indices("#[cfg(") {
        let Some(end) = code[at..].find(']').map(|end| at + end + 1) else { continue };
        let item = code[end..].trim_start();
        if !is_test_only(&code[at..end]) || !(item.starts_with("mod ") || item.starts_with("pub")) {
            continue;
        }
        if let Some(open) = code[end..].find(['{', ';']).map(|open| end + open)
            && code.as_bytes()[open] == b'{'
        {
            ranges.push(open..end_of_block(code, open));
        }
    }
    ranges
}

fn end_of_block(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return offset,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn lines(text: &str, is_test: bool, expected: &[usize]) {
        let found: Vec<_> = super::check(Path::new("x.rs"), text, is_test).iter().filter_map(|f| f.line).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn ignored_tests_and_unfinished_code_are_found() {
        lines("#[test]\n#[ignore = \"slow\"]\nfn a() {}", false, &[2]);
        lines("fn a() {\n    todo!()\n}", false, &[2]);
        lines("// #[ignore] and todo!() in words\nlet s = \"todo!\";", false, &[]);
    }

    #[test]
    fn later_work_has_a_number() {
        let later = LATER[0];
        lines(&format!("// {later}: soon"), false, &[1]);
        lines(&format!("// {later}(#12): soon"), false, &[]);
        lines(&format!("// {later}(#): soon"), false, &[1]);
        lines(&format!("let s = \"{later}\"; // METHOD{later}S"), false, &[]);
    }

    #[test]
    fn a_test_does_not_sleep_without_a_reason() {
        lines("fn f() { tokio::time::sleep(d).await }", false, &[]);
        lines("fn f() { tokio::time::sleep(d).await }", true, &[1]);
        lines("thread::sleep(d); // bounded: polls a child's exit for 5 s", true, &[]);
        lines("// bounded: polls a child's exit for 5 s\nthread::sleep(d);", true, &[]);
        lines("f(); // bounded: this one\nthread::sleep(d);", true, &[2]);
        lines("Command::new(\"sleep\"); fn sleep() {} let sleep = 1;", true, &[]);
    }

    #[test]
    fn only_the_test_module_of_a_file_is_test_code() {
        let file = "fn f() { sleep(d) }\n#[cfg(test)]\nmod tests {\n    fn g() { sleep(d) }\n}\nfn h() { sleep(d) }";
        lines(file, false, &[4]);
        lines("#[cfg(test)]\nmod tests;\nfn f() { sleep(d) }", false, &[]);
        lines("#[cfg(not(test))]\nmod real { fn f() { sleep(d) } }", false, &[]);
    }
}
