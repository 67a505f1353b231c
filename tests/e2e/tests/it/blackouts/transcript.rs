//! What happened when, as the guide tells it.
//!
//! `MERIDIAN_GUIDES=write cargo test -p e2e blackouts` puts what was measured into the guide, a section for each
//! transcript. Otherwise the guide has to be of the same shape: the same words, with other numbers. The benchmark of sites
//! reads the times from the file that `MERIDIAN_TIMES` names, a line of JSON for each transcript.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use crate::demo::variable;
use crate::first_ingress::root;

/// Characters in a line.
const WIDTH: usize = 120;
/// Sections are written one at a time.
static GUIDE: Mutex<()> = Mutex::new(());

/// A section of the guide: what it is about, what happened, what to know of it.
pub(super) struct Transcript {
    title: &'static str,
    about: &'static str,
    /// Seconds since the cut.
    lines: Vec<(f64, String)>,
}

impl Transcript {
    pub(super) fn new(title: &'static str, about: &'static str) -> Self {
        Self { title, about, lines: Vec::new() }
    }

    /// Something happened so many seconds after the cut.
    pub(super) fn at(&mut self, seconds: f64, what: impl Into<String>) {
        self.lines.push((seconds, what.into()));
    }

    /// Prints it, and compares it with the guide or puts it there.
    #[track_caller]
    pub(super) fn finish(self, remark: &str) {
        let mut text = format!("## {}\n\n{}\n```\n", self.title, wrapped(self.about));
        for (seconds, what) in &self.lines {
            writeln!(text, "{seconds:6.1} s  {what}").unwrap();
        }
        write!(text, "```\n\n{}", wrapped(remark)).unwrap();
        println!("{text}");

        let _one = GUIDE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(times) = variable("MERIDIAN_TIMES") {
            let mut times = OpenOptions::new().append(true).create(true).open(times).unwrap();
            writeln!(times, "{}", json!({"title": self.title, "lines": self.lines})).unwrap();
        }
        let guide = std::fs::read_to_string(path()).unwrap();
        let old = section(&guide, self.title).unwrap_or_default();
        if variable("MERIDIAN_GUIDES").is_some_and(|value| value == "write") {
            let new = if old.is_empty() { format!("{guide}\n{text}") } else { guide.replace(old, &text) };
            std::fs::write(path(), new).unwrap();
        } else {
            assert_eq!(shape(old), shape(&text), "the guide has other words; MERIDIAN_GUIDES=write writes it anew");
        }
    }
}

fn path() -> PathBuf {
    root().join("docs/guides/blackouts.md")
}

/// From the title to the next one, without the empty line before that.
fn section<'a>(guide: &'a str, title: &str) -> Option<&'a str> {
    let begin = guide.find(&format!("## {title}\n"))?;
    let length = guide[begin + 2..].find("\n## ").map_or(guide.len() - begin, |at| at + 2);
    Some(&guide[begin..begin + length])
}

/// A paragraph in lines of the guide's width.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().unwrap();
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + word.len() < WIDTH {
            *line += &format!(" {word}");
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n") + "\n"
}

/// The words, and where there are numbers.
fn shape(text: &str) -> Vec<String> {
    let number = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    text.split_whitespace().map(|word| if number(word) { "0".to_owned() } else { word.to_owned() }).collect()
}

#[test]
fn a_section_ends_where_the_next_one_begins_and_its_shape_has_no_numbers() {
    let guide = "# Guide\n\n## One\n\n1.5 s  cut\n\n## Two\n\n2.0 s  cut\n";
    assert_eq!(section(guide, "One"), Some("## One\n\n1.5 s  cut\n"));
    assert_eq!(section(guide, "Two"), Some("## Two\n\n2.0 s  cut\n"));
    assert_eq!(section(guide, "Three"), None);
    assert_eq!(shape("  1.5 s  cut"), shape("22.0 s cut"));
    assert_ne!(shape("1.5 s  cut"), shape("1.5 s  join"));
    assert!(wrapped(&"word ".repeat(100)).lines().all(|line| line.len() <= WIDTH && line.ends_with("word")));
}

#[test]
fn the_guide_has_a_transcript_of_each_blackout() {
    let guide = std::fs::read_to_string(path()).unwrap();
    for title in super::TITLES {
        let section = section(&guide, title).unwrap_or_else(|| panic!("no section `{title}`"));
        let lines: Vec<&str> = section.split("```").nth(1).unwrap_or_default().lines().skip(1).collect();
        assert!(lines.len() >= 3, "{section}");
        for line in lines {
            let time = line.trim_start().split_once(" s  ").map(|(time, _)| time.parse::<f64>());
            assert!(time.is_some_and(|time| time.is_ok_and(|time| time >= 0.0)), "{title}: {line}");
        }
    }
}
