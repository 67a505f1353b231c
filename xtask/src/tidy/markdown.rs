//! Words around the code that must stay true: links, names of crates, the length of the front page.

use std::path::{Component, Path, PathBuf};

use super::Finding;

/// Pages whose names of crates are checked.
const MAPS: [&str; 2] = ["README.md", "ARCHITECTURE.md"];

/// Where the things live that a map names: `crates/gslb`, `tests/e2e`.
const PLACES: [&str; 8] = ["apps/", "bench/", "crates/", "docs/", "examples/", "fuzz/", "tests/", "xtask/"];

/// What a newcomer reads in one go.
const README_LINES_MAX: usize = 250;

/// Findings in one page; `exists` answers for paths relative to the repository.
pub(super) fn check(path: &Path, text: &str, exists: &impl Fn(&Path) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_map = MAPS.iter().any(|map| Path::new(map) == path);
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        for target in links(line) {
            if let Some(file) = linked_file(path, target)
                && !exists(&file)
            {
                findings.push(Finding::error(path, index + 1, format!("link to {target}: no such file")));
            }
        }
        for place in line.split('`').skip(1).step_by(2).filter_map(place).filter(|_| is_map) {
            if !exists(Path::new(place)) {
                findings.push(Finding::error(path, index + 1, format!("names {place}, which is not there")));
            }
        }
    }
    let lines = text.lines().count();
    if path == Path::new("README.md") && lines > README_LINES_MAX {
        findings.push(Finding::of_file(path, format!("{lines} lines, more than {README_LINES_MAX}")));
    }
    findings
}

/// The targets of `[text](target)` and `[text](target "title")` in a line, outside of code.
fn links(line: &str) -> Vec<&str> {
    let prose = line.split('`').step_by(2);
    let split = |part: &str| part.match_indices("](").map(|(at, mark)| at + mark.len()).collect::<Vec<_>>();
    let whole = if line.contains('`') { prose.collect() } else { vec![line] };
    // A link whose text is code, [`x`](y), has its target in the prose after it.
    let mut targets = Vec::new();
    for part in whole {
        for from in split(part) {
            let rest = &part[from..];
            let target = rest.split([')', ' ']).next().unwrap_or(rest);
            targets.push(target.trim_matches(['<', '>']));
        }
    }
    targets
}

/// The file a link leads to; `None` for another site or a place in the same page.
fn linked_file(page: &Path, target: &str) -> Option<PathBuf> {
    let file = target.split('#').next().unwrap_or(target);
    let is_url = file.contains("://") || file.starts_with("mailto:");
    if file.is_empty() || is_url {
        return None;
    }
    let mut path = page.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    Some(path)
}

/// The path in a piece of code, when it is one of ours and nothing in it is a pattern.
fn place(code: &str) -> Option<&str> {
    let is_ours = PLACES.iter().any(|place| code.starts_with(place));
    let is_plain = !code.contains(|c: char| c.is_whitespace() || matches!(c, '*' | '<' | '{' | '…' | '$' | ':'));
    (is_ours && is_plain && !code.contains("NNNN")).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn findings(path: &str, text: &str, expected: &[&str]) {
        let there = ["crates/gslb", "docs/adr/0001-pure-core.md", "README.md", "docs"];
        let exists = |path: &Path| there.iter().any(|known| Path::new(known) == path);
        let found: Vec<_> = check(Path::new(path), text, &exists).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_relative_link_leads_to_a_file() {
        findings("docs/adr/README.md", "[one](0001-pure-core.md#why), [up](../../README.md), [dir](../)", &[]);
        findings(
            "docs/adr/README.md",
            "see\n[two](0002-gone.md)",
            &["error: docs/adr/README.md:2: link to 0002-gone.md: no such file"],
        );
        findings("README.md", "[site](https://example.com/x), [here](#run), [mail](mailto:a@example.com)", &[]);
        findings(
            "README.md",
            "[`gslb`](crates/gslb \"a crate\") and [`x`](crates/x)",
            &["error: README.md:1: link to crates/x: no such file"],
        );
    }

    #[test]
    fn code_holds_no_links() {
        findings("README.md", "`[a](b)`\n```\n[c](d)\n```\n", &[]);
    }

    #[test]
    fn a_map_names_what_is_there() {
        findings(
            "ARCHITECTURE.md",
            "`crates/gslb` decides; `crates/*` are flat; `crates/x/src` is `docs`",
            &["error: ARCHITECTURE.md:1: names crates/x/src, which is not there"],
        );
        findings("docs/notes.md", "`crates/x` was here", &[]);
    }

    #[test]
    fn the_front_page_is_short() {
        findings("README.md", &"line\n".repeat(250), &[]);
        findings("README.md", &"line\n".repeat(251), &["error: README.md: 251 lines, more than 250"]);
        findings("CHANGELOG.md", &"line\n".repeat(251), &[]);
    }
}
