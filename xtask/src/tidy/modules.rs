//! Which Rust files the compiler reaches: from each package's roots along `mod x;`, `#[path]` and `include!`.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::rust::{Views, is_name, is_word_at};
use super::{Finding, Texts};

/// The files reached, and whether only tests reach them.
pub(super) struct Modules {
    reached: BTreeMap<PathBuf, Reach>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Shipped,
    TestOnly,
}

/// A `mod x;` or `include!("x.rs")` in a file.
#[derive(Debug, PartialEq, Eq)]
struct Link {
    /// Where the file may be, relative to the repository.
    candidates: Vec<PathBuf>,
    test_only: bool,
}

impl Modules {
    /// Follow the links from every root.
    pub(super) fn trace(texts: &Texts) -> Self {
        let mut modules = Self { reached: BTreeMap::new() };
        for (manifest, text) in texts.iter().filter(|(path, _)| path.file_name().is_some_and(|n| n == "Cargo.toml")) {
            let package = manifest.parent().unwrap_or(Path::new(""));
            for root in texts.keys().filter(|path| is_root(package, path, text)) {
                modules.follow(texts, root, true, Reach::Shipped);
            }
        }
        modules
    }

    /// Files under `src/`, `tests/`, `benches/` or `examples/` that no root leads to.
    pub(super) fn unlinked(&self, texts: &Texts) -> Vec<Finding> {
        let rust = texts.keys().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
        let lost = rust.filter(|path| !self.reached.contains_key(*path));
        lost.map(|path| Finding::of_file(path, "no `mod` leads here: nothing compiles it")).collect()
    }

    /// Whether the file holds only tests.
    pub(super) fn is_test(&self, path: &Path) -> bool {
        let below_tests = path.components().any(|part| part == Component::Normal("tests".as_ref()));
        below_tests || self.reached.get(path) == Some(&Reach::TestOnly)
    }

    fn follow(&mut self, texts: &Texts, path: &Path, is_root: bool, reach: Reach) {
        let Some((path, text)) = texts.get_key_value(path) else { return };
        match self.reached.get(path) {
            Some(known) if *known == reach || *known == Reach::Shipped => return,
            _ => self.reached.insert(path.clone(), reach),
        };
        for link in links(path, text, is_root) {
            let reach = if link.test_only { Reach::TestOnly } else { reach };
            for candidate in &link.candidates {
                self.follow(texts, candidate, false, reach);
            }
        }
    }
}

/// Whether Cargo compiles the file as a crate of its own.
fn is_root(package: &Path, path: &Path, manifest: &str) -> bool {
    let Ok(inside) = path.strip_prefix(package) else { return false };
    let parts: Vec<_> = inside.iter().filter_map(|part| part.to_str()).collect();
    let named = || manifest.lines().filter_map(|line| line.trim().strip_prefix("path = \"")?.strip_suffix('"'));
    match parts.as_slice() {
        ["build.rs"] | ["src", "lib.rs" | "main.rs"] => true,
        ["src", "bin", file] | ["tests" | "benches" | "examples", file] => file.ends_with(".rs"),
        ["src", "bin", _, "main.rs"] | ["tests" | "benches" | "examples", _, "main.rs"] => true,
        _ => named().any(|root| Path::new(root) == inside),
    }
}

/// The files that a file links to.
fn links(path: &Path, text: &str, is_root: bool) -> Vec<Link> {
    let here = path.parent().unwrap_or(Path::new(""));
    let owns_directory = is_root || path.file_name().is_some_and(|name| name == "mod.rs");
    let below = if owns_directory { here.to_owned() } else { path.with_extension("") };
    let code = Views::of(text).code;
    let mut scan = Scan { text, code: &code, at: 0, inline: Vec::new(), depth: 0, attributes: Vec::new() };
    let mut links = Vec::new();
    while let Some(declared) = scan.next_link() {
        let inside = |base: &Path| scan.inline.iter().fold(base.to_owned(), |at, (name, _, _)| at.join(name));
        let test_only = scan.inline.iter().any(|(_, _, test)| *test) || declared.test_only;
        let candidates = match &declared.target {
            Target::Include(file) => vec![resolve(here, file)],
            // Beside the file, unless an inline module is around it.
            Target::Path(file) if scan.inline.is_empty() => vec![resolve(here, file)],
            Target::Path(file) => vec![resolve(&inside(&below), file)],
            Target::Module(name) => {
                vec![inside(&below).join(format!("{name}.rs")), inside(&below).join(name).join("mod.rs")]
            }
        };
        links.push(Link { candidates, test_only });
    }
    links
}

/// `base/../x` without the dots.
fn resolve(base: &Path, file: &str) -> PathBuf {
    let mut path = base.to_owned();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

struct Declared {
    target: Target,
    test_only: bool,
}

enum Target {
    Module(String),
    Path(String),
    Include(String),
}

/// A walk over a file's code.
struct Scan<'a> {
    text: &'a str,
    code: &'a str,
    at: usize,
    /// Inline modules around the current place: name, depth of their braces, test only.
    inline: Vec<(String, usize, bool)>,
    depth: usize,
    /// Ranges of the attributes in front of the current item.
    attributes: Vec<(usize, usize)>,
}

impl Scan<'_> {
    fn next_link(&mut self) -> Option<Declared> {
        let bytes = self.code.as_bytes();
        while self.at < bytes.len() {
            let at = self.at;
            self.at += 1;
            match bytes[at] {
                b'{' => {
                    self.depth += 1;
                    self.attributes.clear();
                }
                b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.inline.retain(|(_, depth, _)| *depth <= self.depth);
                    self.attributes.clear();
                }
                b';' => self.attributes.clear(),
                b'#' if bytes.get(at + 1) == Some(&b'[') => {
                    self.at = self.end_of_attribute(at + 1);
                    self.attributes.push((at, self.at));
                }
                b'm' if is_word_at(self.code, at, "mod") => {
                    if let Some(declared) = self.module(at + "mod".len()) {
                        return Some(declared);
                    }
                }
                b'i' if is_word_at(self.code, at, "include") && self.code[at..].starts_with("include!(") => {
                    if let Some(file) = self.literal_after(at, "include!(") {
                        return Some(Declared { target: Target::Include(file), test_only: false });
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// What follows the word `mod`: a link, or an inline module that is entered.
    fn module(&mut self, after: usize) -> Option<Declared> {
        let rest = &self.code[after..];
        let word = rest.trim_start();
        let name: String = word.bytes().take_while(|byte| is_name(*byte)).map(char::from).collect();
        let follows = word[name.len()..].trim_start();
        if name.is_empty() {
            return None;
        }
        let test_only = self.attributes.iter().any(|(from, to)| is_test_only(&self.code[*from..*to]));
        if follows.starts_with('{') {
            self.inline.push((name, self.depth + 1, test_only));
            return None;
        }
        if !follows.starts_with(';') {
            return None;
        }
        let path = self.attributes.iter().find_map(|(from, _)| self.literal_after(*from, "#[path = "));
        let target = path.map_or(Target::Module(name), Target::Path);
        Some(Declared { target, test_only })
    }

    /// The text of the string literal after `prefix` at `at`.
    fn literal_after(&self, at: usize, prefix: &str) -> Option<String> {
        let from = at + prefix.len() + 1;
        let opening = self.code[at..].strip_prefix(prefix)?;
        let length = opening.strip_prefix('"')?.find('"')?;
        Some(self.text[from..from + length].to_owned())
    }

    fn end_of_attribute(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (offset, byte) in self.code.bytes().enumerate().skip(open) {
            match byte {
                b'[' => depth += 1,
                b']' if depth == 1 => return offset + 1,
                b']' => depth -= 1,
                _ => {}
            }
        }
        self.code.len()
    }
}

/// `#[cfg(test)]`, and `all(test, …)`; not `not(test)`.
pub(super) fn is_test_only(attribute: &str) -> bool {
    attribute.starts_with("#[cfg(")
        && !attribute.contains("not(test)")
        && attribute.match_indices("test").any(|(at, word)| is_word_at(attribute, at, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, is_root: bool, expected: &[&str]) {
        let found = links(Path::new(path), text, is_root);
        let shown: Vec<_> = found
            .iter()
            .map(|link| format!("{}{}", if link.test_only { "test " } else { "" }, link.candidates[0].display()))
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_root_links_beside_it_and_a_module_below_it() {
        check("x/src/lib.rs", "pub mod a;\npub(crate) mod b;", true, &["x/src/a.rs", "x/src/b.rs"]);
        check("x/src/a.rs", "mod c;", false, &["x/src/a/c.rs"]);
        check("x/src/a/mod.rs", "mod c;", false, &["x/src/a/c.rs"]);
    }

    #[test]
    fn attributes_and_inline_modules_count() {
        check("x/src/a.rs", "#[cfg(test)]\n#[rustfmt::skip]\nmod tests;", false, &["test x/src/a/tests.rs"]);
        check("x/src/a.rs", "#[cfg(not(test))]\nmod real;", false, &["x/src/a/real.rs"]);
        check("x/src/a.rs", "#[path = \"../b/odd.rs\"]\nmod odd;", false, &["x/b/odd.rs"]);
        check(
            "x/src/lib.rs",
            "#[cfg(test)] mod t { fn f() {} mod u; }\nmod v;",
            true,
            &["test x/src/t/u.rs", "x/src/v.rs"],
        );
        check("x/src/lib.rs", "include!(\"generated.rs\");", true, &["x/src/generated.rs"]);
    }

    #[test]
    fn words_in_comments_and_texts_are_no_links() {
        check("x/src/lib.rs", "// mod a;\nlet s = \"mod b;\";\n/* mod c; */ let modx; fn mod_d() {}", true, &[]);
    }

    #[test]
    fn a_file_that_no_root_leads_to_is_unlinked() {
        let files = [
            ("x/Cargo.toml", "[package]\n[[bin]]\npath = \"fuzz_targets/query.rs\"\n"),
            ("x/src/lib.rs", "mod a;"),
            ("x/src/a.rs", ""),
            ("x/src/lost.rs", "mod below;"),
            ("x/src/lost/below.rs", ""),
            ("x/tests/it/main.rs", "mod story;"),
            ("x/tests/it/story.rs", ""),
            ("x/tests/it/unheard.rs", ""),
            ("x/fuzz_targets/query.rs", ""),
        ];
        let texts: Texts = files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect();
        let modules = Modules::trace(&texts);
        let lost: Vec<_> = modules.unlinked(&texts).into_iter().map(|finding| finding.path).collect();
        let expected = ["x/src/lost/below.rs", "x/src/lost.rs", "x/tests/it/unheard.rs"].map(PathBuf::from);
        assert_eq!(lost, expected);
        assert!(modules.is_test(Path::new("x/tests/it/story.rs")));
        assert!(!modules.is_test(Path::new("x/src/a.rs")));
    }
}
