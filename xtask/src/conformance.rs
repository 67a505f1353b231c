//! Which lines of a catalogue of behaviour are proven: `cargo xtask conformance amko`.
//!
//! A catalogue is a page of numbered lines, [`catalogue`]; a test says which of them it proves in a comment,
//! `// catalogue amko: 21, 23`, directly above its `#[test]`, [`markers`]. This command runs those tests and no others,
//! [`runs`]. A line is passed when at least one test carries its number and all of them passed, failed when one of
//! them failed, absent when none carries it or none could run here; the page says what an absent line waits for.
//! [`findings`] is what `tidy` checks without running anything: that markers and page agree.

mod catalogue;
mod markers;
mod runs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::Serialize;

use crate::tidy::{self, Finding, Texts};
use crate::workshop::Workshop;
use catalogue::{Catalogue, Line};
use markers::{Marker, TestName};
use runs::Verdict;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which catalogue
    catalogue: Name,
    /// Write the rows to this file too: a list of `{id, title, state}`, with `waits_for` for what is absent
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Run nothing; on the page, empty the last column of each line that a test proves by now
    #[arg(long, conflicts_with = "json")]
    write: bool,
}

/// The catalogues that exist.
#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// AMKO's behaviour as its users and controllers see it
    Amko,
}

impl Name {
    const ALL: [Self; 1] = [Self::Amko];

    /// As markers say it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Amko => "amko",
        }
    }

    /// The page, relative to the repository.
    fn page(self) -> &'static Path {
        Path::new(match self {
            Self::Amko => "docs/conformance/amko.md",
        })
    }
}

/// One line as it turned out.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Row {
    id: u32,
    title: String,
    state: State,
    /// For an absent line: what it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Passed,
    Failed,
    Absent,
}

/// Run the tests, print the table.
///
/// # Errors
/// Markers and page disagree, a test cannot be built, or the file cannot be written.
pub(crate) fn run(workshop: &Workshop, args: &Args) -> anyhow::Result<ExitCode> {
    let texts = tidy::read(workshop)?;
    if args.write {
        return write(workshop, &texts, args.catalogue);
    }
    let (catalogue, markers, problems) = read(&texts, args.catalogue);
    for problem in &problems {
        println!("{problem}");
    }
    if !problems.is_empty() {
        bail!("{} places where markers and {} disagree", problems.len(), args.catalogue.page().display());
    }
    let verdicts = runs::run(workshop, markers.iter().map(|marker| &marker.test))?;
    let rows: Vec<_> = catalogue.lines.iter().map(|line| row(line, &markers, &verdicts)).collect();
    print!("{}", table(&catalogue, &rows));
    for (test, verdict) in &verdicts {
        if let Verdict::Failed(why) = verdict {
            println!("{test} {why}");
        }
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&rows).context("writing the rows as JSON")?;
        std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
    }
    let failed = rows.iter().any(|row| row.state == State::Failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Where markers and pages disagree.
pub(crate) fn findings(texts: &Texts) -> Vec<Finding> {
    Name::ALL.into_iter().flat_map(|name| read(texts, name).2).collect()
}

/// The page, the markers, and where they disagree.
fn read(texts: &Texts, name: Name) -> (Catalogue, Vec<Marker>, Vec<Finding>) {
    let page = name.page();
    let (markers, mut problems) = markers::find(texts, name.as_str());
    let Some(text) = texts.get(page) else {
        let missing = || Finding::of_file(page, "the catalogue that markers refer to is not here");
        problems.extend((!markers.is_empty()).then(missing));
        return (Catalogue::default(), markers, problems);
    };
    let (catalogue, unreadable) = Catalogue::parse(text);
    problems.extend(unreadable.into_iter().map(|(line, what)| Finding::error(page, line, what)));
    for marker in &markers {
        let unknown = marker.ids.iter().filter(|id| !catalogue.lines.iter().any(|line| line.id == **id));
        let what = |id: &u32| Finding::error(&marker.path, marker.line, format!("{} has no line {id}", page.display()));
        problems.extend(unknown.map(what));
    }
    for line in &catalogue.lines {
        let marker = markers.iter().find(|marker| marker.ids.contains(&line.id));
        let what = match (marker, &line.waits_for) {
            (Some(marker), Some(_)) => {
                let test = &marker.test.function;
                format!(
                    "line {} waits no longer, {test} proves it; `cargo xtask conformance {} --write`",
                    line.id,
                    name.as_str()
                )
            }
            (None, None) => format!("line {} has no test; say in its last column what it waits for", line.id),
            _ => continue,
        };
        problems.push(Finding::error(page, line.place, what));
    }
    (catalogue, markers, problems)
}

/// Brings the page up to date.
fn write(workshop: &Workshop, texts: &Texts, name: Name) -> anyhow::Result<ExitCode> {
    let (catalogue, markers, _) = read(texts, name);
    let page = name.page();
    let text = texts.get(page).with_context(|| format!("{} is not here", page.display()))?;
    let path = workshop.root.join(page);
    std::fs::write(&path, settled(text, &catalogue, &markers))
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The page, without what lines that have a test waited for.
fn settled(page: &str, catalogue: &Catalogue, markers: &[Marker]) -> String {
    let mut lines: Vec<_> = page.lines().map(str::to_owned).collect();
    for line in &catalogue.lines {
        if markers.iter().any(|marker| marker.ids.contains(&line.id)) {
            lines[line.place - 1] = format!("| {} | {} | |", line.id, line.title);
        }
    }
    lines.join("\n") + "\n"
}

fn row(line: &Line, markers: &[Marker], verdicts: &BTreeMap<TestName, Verdict>) -> Row {
    let of_line = markers.iter().filter(|marker| marker.ids.contains(&line.id));
    let of_line: Vec<_> = of_line.filter_map(|marker| verdicts.get(&marker.test)).collect();
    let skipped = of_line.iter().find_map(|verdict| match verdict {
        Verdict::Skipped(why) => Some(format!("a machine where its test can run ({why})")),
        Verdict::Passed | Verdict::Failed(_) => None,
    });
    let failed = of_line.iter().any(|verdict| matches!(verdict, Verdict::Failed(_)));
    let (state, waits_for) = match (failed, skipped) {
        (true, _) => (State::Failed, None),
        (false, Some(why)) => (State::Absent, Some(why)),
        (false, None) if of_line.is_empty() => (State::Absent, line.waits_for.clone()),
        (false, None) => (State::Passed, None),
    };
    Row { id: line.id, title: line.title.clone(), state, waits_for }
}

/// The rows by section, with totals.
fn table(catalogue: &Catalogue, rows: &[Row]) -> String {
    let mut text = String::new();
    let mut section = "";
    for (line, row) in catalogue.lines.iter().zip(rows) {
        if line.section != section {
            section = &line.section;
            let of_section = catalogue.lines.iter().zip(rows).filter(|(line, _)| line.section == section);
            text += &format!("\n{section}: {}\n", totals(of_section.map(|(_, row)| row)));
        }
        let state = match row.state {
            State::Passed => "passed",
            State::Failed => "FAILED",
            State::Absent => "absent",
        };
        text += &format!("{:>5}  {state}  {}\n", row.id, row.title);
        if let Some(waits_for) = &row.waits_for {
            text += &format!("{:15}waits for {waits_for}\n", "");
        }
    }
    text + &format!("\nof {} lines: {}\n", rows.len(), totals(rows.iter()))
}

fn totals<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut counts = [0; 3];
    for row in rows {
        counts[match row.state {
            State::Passed => 0,
            State::Failed => 1,
            State::Absent => 2,
        }] += 1;
    }
    let [passed, failed, absent] = counts;
    format!("{passed} passed, {failed} failed, {absent} absent")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# C\n\n## One\n\n| Line | What | Waits for |\n|---|---|---|\n\
                        | 1 | a first thing | |\n| 2 | a second | the moon |\n\n## Two\n\n| 3 | a third | |\n";

    fn texts(tests: &str) -> Texts {
        let files = [
            ("docs/conformance/amko.md", PAGE),
            ("crates/x/Cargo.toml", "[package]\nname = \"x\"\n"),
            ("crates/x/tests/it/main.rs", tests),
        ];
        files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect()
    }

    fn problems(tests: &str) -> Vec<String> {
        findings(&texts(tests)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_line_has_a_test_or_says_what_it_waits_for() {
        let both = "// catalogue amko: 1, 3\n#[test]\nfn both() {}\n";
        assert_eq!(problems(both), [""; 0]);
        assert_eq!(
            problems("// catalogue amko: 1, 2, 4\n#[test]\nfn others() {}\n"),
            [
                "error: crates/x/tests/it/main.rs:1: docs/conformance/amko.md has no line 4",
                "error: docs/conformance/amko.md:8: line 2 waits no longer, others proves it; \
                 `cargo xtask conformance amko --write`",
                "error: docs/conformance/amko.md:12: line 3 has no test; say in its last column what it waits for",
            ]
        );
    }

    #[test]
    fn a_page_is_settled_where_tests_came() {
        let texts = texts("// catalogue amko: 2, 3\n#[test]\nfn f() {}\n");
        let (catalogue, markers, _) = read(&texts, Name::Amko);
        assert_eq!(settled(PAGE, &catalogue, &markers), PAGE.replace("| the moon |", "| |"));
    }

    #[test]
    fn a_line_is_as_its_tests() {
        let tests = "// catalogue amko: 1\n#[test]\nfn a() {}\n// catalogue amko: 1, 3\n#[test]\nfn b() {}\n";
        let (catalogue, markers, problems) = read(&texts(tests), Name::Amko);
        assert_eq!(problems, []);
        let rows = |a: Verdict, b: Verdict| {
            let verdicts = markers.iter().map(|marker| marker.test.clone()).zip([a, b]).collect();
            let rows: Vec<_> = catalogue.lines.iter().map(|line| row(line, &markers, &verdicts)).collect();
            (rows.iter().map(|row| row.state).collect::<Vec<_>>(), rows)
        };
        let (states, rows_of_first) = rows(Verdict::Passed, Verdict::Failed("failed".into()));
        assert_eq!(states, [State::Failed, State::Absent, State::Failed]);
        assert_eq!(rows_of_first[1].waits_for.as_deref(), Some("the moon"));
        let (states, rows_of_second) = rows(Verdict::Passed, Verdict::Skipped("no python3".into()));
        assert_eq!(states, [State::Absent, State::Absent, State::Absent]);
        let expected = "a machine where its test can run (no python3)";
        assert_eq!(rows_of_second[2].waits_for.as_deref(), Some(expected));
        let (states, all_passed) = rows(Verdict::Passed, Verdict::Passed);
        assert_eq!(states, [State::Passed, State::Absent, State::Passed]);
        let expected = "\nOne: 1 passed, 0 failed, 1 absent\n    1  passed  a first thing\n    2  absent  a second\n\
                        \u{20}              waits for the moon\n\nTwo: 1 passed, 0 failed, 0 absent\n    \
                        3  passed  a third\n\nof 3 lines: 2 passed, 0 failed, 1 absent\n";
        assert_eq!(table(&catalogue, &all_passed), expected);
        let json = serde_json::to_value(&all_passed[..2]).unwrap();
        let expected = serde_json::json!([
            {"id": 1, "title": "a first thing", "state": "passed"},
            {"id": 2, "title": "a second", "state": "absent", "waits_for": "the moon"},
        ]);
        assert_eq!(json, expected);
    }
}
