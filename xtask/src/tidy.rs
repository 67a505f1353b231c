//! What compilers do not see: files nobody links, tests nobody runs, names and links that went stale.
//!
//! [`sources`] looks at Rust files, [`modules`] at how they hang together, [`markdown`] at the words around them;
//! [`rust`] is the small lexer they share. Each is pure over texts; this file reads the tree. Whether tests and the
//! catalogues they prove agree is told by [`conformance`].

mod markdown;
mod modules;
pub(crate) mod rust;
mod sources;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::conformance;
use crate::workshop::Workshop;

/// Directories that hold no text of ours. Hidden ones are skipped too, but for [`HIDDEN_KEPT`].
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// Hidden directories that are ours.
const HIDDEN_KEPT: [&str; 2] = [".ci", ".cargo"];

/// A file longer than this is looked at for a second reason to change; it is not an error.
const LINES_MAX: usize = 500;

/// Directories that exist on one machine only. In two pieces, so that this line does not name them.
const MACHINE_PATHS: [&str; 2] = [concat!("/ro", "ot/"), concat!("/wo", "rk/")];

/// The texts of the repository by path relative to its root, in order.
pub(crate) type Texts = BTreeMap<PathBuf, String>;

/// Something to correct, or to look at.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: PathBuf,
    /// From 1; `None` when it is about the whole file.
    line: Option<usize>,
    what: String,
    /// A note does not fail the check.
    note: bool,
}

/// Read the tree, print what is found.
///
/// # Errors
/// There are findings that are not mere notes, or the tree cannot be read.
pub(crate) fn run(workshop: &Workshop) -> anyhow::Result<()> {
    let texts = read(workshop)?;
    let mut findings = check(&texts, |path| workshop.root.join(path).exists());
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.iter().filter(|finding| !finding.note).count() {
        0 => Ok(()),
        many => bail!("{many} findings in {} files", texts.len()),
    }
}

/// The texts of the repository.
///
/// # Errors
/// The tree cannot be read.
pub(crate) fn read(workshop: &Workshop) -> anyhow::Result<Texts> {
    let mut texts = Texts::new();
    read_tree(&workshop.root, Path::new(""), &mut texts)?;
    Ok(texts)
}

fn check(texts: &Texts, exists: impl Fn(&Path) -> bool) -> Vec<Finding> {
    let modules = modules::Modules::trace(texts);
    let mut findings = modules.unlinked(texts);
    findings.extend(conformance::findings(texts));
    for (path, text) in texts {
        findings.extend(machine_paths(path, text));
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => {
                findings.extend(sources::check(path, text, modules.is_test(path)));
                findings.extend(long_file(path, text));
            }
            Some("md") => findings.extend(markdown::check(path, text, &exists)),
            _ => {}
        }
    }
    findings
}

fn machine_paths(path: &Path, text: &str) -> Vec<Finding> {
    let names_one = |line: &str| {
        MACHINE_PATHS.iter().any(|machine| {
            line.match_indices(machine).any(|(at, _)| {
                // Inside a longer path or a URL it is not the machine's.
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '}' | ')' | '~'))
            })
        })
    };
    let lines = text.lines().enumerate().filter(|(_, line)| names_one(line));
    lines.map(|(index, _)| Finding::error(path, index + 1, "a path of one machine")).collect()
}

fn long_file(path: &Path, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    (lines > LINES_MAX).then(|| Finding {
        path: path.to_owned(),
        line: None,
        what: format!("{lines} lines: is there a second reason to change?"),
        note: true,
    })
}

/// Every file that is text, without following links.
fn read_tree(root: &Path, under: &Path, texts: &mut Texts) -> anyhow::Result<()> {
    let directory = root.join(under);
    let entries = std::fs::read_dir(&directory).with_context(|| format!("listing {}", directory.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("listing {}", directory.display()))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = under.join(name.as_ref());
        let kind = entry.file_type().with_context(|| format!("looking at {}", path.display()))?;
        if kind.is_dir() {
            let hidden = name.starts_with('.') && !HIDDEN_KEPT.contains(&name.as_ref());
            if !hidden && !SKIPPED.contains(&name.as_ref()) {
                read_tree(root, &path, texts)?;
            }
        } else if kind.is_file() && name != ".git" {
            let bytes = std::fs::read(root.join(&path)).with_context(|| format!("reading {}", path.display()))?;
            if let Ok(text) = String::from_utf8(bytes) {
                texts.insert(path, text);
            }
        }
    }
    Ok(())
}

impl Finding {
    pub(crate) fn error(path: &Path, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: Some(line), what: what.into(), note: false }
    }

    pub(crate) fn of_file(path: &Path, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, what: what.into(), note: false }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.note { "note" } else { "error" };
        let path = self.path.display();
        match self.line {
            Some(line) => write!(f, "{kind}: {path}:{line}: {}", self.what),
            None => write!(f, "{kind}: {path}: {}", self.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let texts: Texts = files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect();
        check(&texts, |path| texts.keys().any(|known| known.starts_with(path)))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_path_of_one_machine_is_found_and_a_url_is_not() {
        let path = format!("cd {}repo\nsee https://example.com{}page\n", MACHINE_PATHS[0], MACHINE_PATHS[1]);
        assert_eq!(findings(&[("Makefile", &path)]), ["error: Makefile:1: a path of one machine"]);
    }

    #[test]
    fn a_long_file_is_a_note() {
        let long = "//! Long.\n".repeat(501);
        let files = [("crates/x/Cargo.toml", "[package]"), ("crates/x/src/lib.rs", long.as_str())];
        assert_eq!(findings(&files), ["note: crates/x/src/lib.rs: 501 lines: is there a second reason to change?"]);
    }

    #[test]
    fn a_small_tidy_tree_has_no_findings() {
        let files = [
            ("crates/x/Cargo.toml", "[package]"),
            ("crates/x/src/lib.rs", "mod decide;\n"),
            ("crates/x/src/decide.rs", "#[cfg(test)]\nmod tests;\n"),
            ("crates/x/src/decide/tests.rs", "#[test]\nfn one_is_one() {}\n"),
            ("README.md", "See [the code](crates/x/src/lib.rs) in `crates/x`.\n"),
        ];
        assert_eq!(findings(&files), [""; 0]);
    }
}
