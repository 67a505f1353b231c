//! Markers in the sources: `// catalogue amko: 21, 23` directly above the `#[test]` that proves these lines.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::tidy::rust::{Views, is_name, is_word_at};
use crate::tidy::{Finding, Texts};

/// One marker.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) ids: Vec<u32>,
    pub(super) test: TestName,
    pub(super) path: PathBuf,
    /// From 1.
    pub(super) line: usize,
}

/// A test as `cargo test` names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TestName {
    pub(super) binary: Binary,
    /// With its modules: `ingress::a_host_is_one_service`.
    pub(super) function: String,
}

/// A test binary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Binary {
    pub(super) package: String,
    pub(super) target: Target,
}

/// Which of a package's test binaries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Library,
    Program,
    Integration(String),
}

impl fmt::Display for TestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.binary.package, self.function)
    }
}

/// Markers of a catalogue in all Rust files, and those that are amiss.
pub(super) fn find(texts: &Texts, catalogue: &str) -> (Vec<Marker>, Vec<Finding>) {
    let mark = format!("// catalogue {catalogue}:");
    let mut markers = Vec::new();
    let mut problems = Vec::new();
    for (path, text) in texts.iter().filter(|(path, _)| path.extension().is_some_and(|extension| extension == "rs")) {
        if !text.contains(&mark) {
            continue;
        }
        let views = Views::of(text);
        let mut offset = 0;
        for (index, comment) in views.comments.split_inclusive('\n').enumerate() {
            offset += comment.len();
            let Some(numbers) = comment.trim().strip_prefix(&mark) else { continue };
            match marker(texts, path, &views.code, offset, numbers) {
                Ok((ids, test)) => markers.push(Marker { ids, test, path: path.clone(), line: index + 1 }),
                Err(what) => problems.push(Finding::error(path, index + 1, what)),
            }
        }
    }
    (markers, problems)
}

/// Numbers and test of the marker whose line ends at `offset`.
fn marker(
    texts: &Texts,
    path: &Path,
    code: &str,
    offset: usize,
    numbers: &str,
) -> Result<(Vec<u32>, TestName), &'static str> {
    let ids: Result<Vec<u32>, _> = numbers.split(',').map(|number| number.trim().parse()).collect();
    let ids = ids.map_err(|_| "a marker lists numbers with commas: `// catalogue amko: 21, 23`")?;
    let rest = &code[offset..];
    let next = rest.lines().next().unwrap_or_default().trim();
    if !(next.starts_with("#[test]") || next.starts_with("#[tokio::test")) {
        return Err("a marker stands directly above `#[test]` or `#[tokio::test]`");
    }
    let at = rest.match_indices("fn").find(|(at, word)| is_word_at(rest, *at, word)).map(|(at, _)| at);
    let name =
        |at: usize| rest[at + "fn".len()..].trim_start().bytes().take_while(|byte| is_name(*byte)).map(char::from);
    let name: String = name(at.ok_or("there is no function below this marker")?).collect();
    let (binary, mut modules) = place(texts, path).ok_or("a marker in a file that is no test binary's")?;
    modules.extend(inline_modules(&code[..offset]));
    modules.push(name);
    Ok((ids, TestName { binary, function: modules.join("::") }))
}

/// Test binary and modules of a file.
fn place(texts: &Texts, path: &Path) -> Option<(Binary, Vec<String>)> {
    let package = path.ancestors().skip(1).find(|directory| texts.contains_key(&directory.join("Cargo.toml")))?;
    let manifest = texts.get(&package.join("Cargo.toml"))?;
    let name = manifest.lines().find_map(|line| line.trim().strip_prefix("name = \"")?.strip_suffix('"'))?;
    let inside = path.strip_prefix(package).ok()?.with_extension("");
    let parts: Vec<_> = inside.iter().filter_map(|part| part.to_str()).collect();
    let (target, modules) = match parts.as_slice() {
        ["src", modules @ ..] if texts.contains_key(&package.join("src/lib.rs")) => (Target::Library, modules),
        ["src", modules @ ..] => (Target::Program, modules),
        ["tests", target] => (Target::Integration((*target).to_owned()), &[][..]),
        ["tests", target, modules @ ..] => (Target::Integration((*target).to_owned()), modules),
        _ => return None,
    };
    let modules = modules.iter().filter(|module| !matches!(**module, "lib" | "main" | "mod"));
    Some((Binary { package: name.to_owned(), target }, modules.map(ToString::to_string).collect()))
}

/// Names of the modules that are open where `code` ends.
fn inline_modules(code: &str) -> Vec<String> {
    let mut open: Vec<Option<String>> = Vec::new();
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => open.push(module_before(&code[..at])),
            b'}' => drop(open.pop()),
            _ => {}
        }
    }
    open.into_iter().flatten().collect()
}

/// The name, when the text ends with `mod name`.
fn module_before(code: &str) -> Option<String> {
    let code = code.trim_end();
    let name = code.rsplit(|c: char| !c.is_ascii() || !is_name(c as u8)).next().filter(|name| !name.is_empty())?;
    let before = code[..code.len() - name.len()].trim_end();
    let at = before.len().checked_sub("mod".len())?;
    (before.is_char_boundary(at) && is_word_at(before, at, "mod")).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> (Vec<String>, Vec<String>) {
        let files = [("a/Cargo.toml", "[package]\nname = \"x\""), ("a/src/lib.rs", ""), (path, text)];
        let texts: Texts = files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect();
        let (markers, problems) = find(&texts, "amko");
        let shown = |m: &Marker| format!("{:?} {:?} {} {}", m.ids, m.test.binary.target, m.test.function, m.line);
        (markers.iter().map(shown).collect(), problems.iter().map(ToString::to_string).collect())
    }

    #[track_caller]
    fn check(path: &str, text: &str, expected: &str) {
        assert_eq!(found(path, text), (vec![expected.to_owned()], vec![]), "{text}");
    }

    #[test]
    fn a_marker_names_its_test_as_the_runner_does() {
        let test = "/// Why.\n// catalogue amko: 21, 23\n#[test]\nfn f() {}";
        check("a/tests/it/main.rs", test, "[21, 23] Integration(\"it\") f 2");
        check("a/tests/it/b/c.rs", test, "[21, 23] Integration(\"it\") b::c::f 2");
        check("a/tests/it.rs", test, "[21, 23] Integration(\"it\") f 2");
        check("a/src/b/mod.rs", test, "[21, 23] Library b::f 2");
        let inline = "fn g() {}\n#[cfg(test)]\nmod tests {\n    use a;\n    // catalogue amko: 1\n    \
                      #[tokio::test(flavor = \"multi_thread\")]\n    async fn f() {}\n}";
        check("a/src/b.rs", inline, "[1] Library b::tests::f 5");
        let property = "proptest! {\n    // catalogue amko: 1\n    #[test]\n    fn f(x in 0..9) {}\n}";
        check("a/src/lib.rs", property, "[1] Library f 2");
    }

    #[test]
    fn a_marker_that_marks_nothing_is_found() {
        for (text, expected) in [
            ("// catalogue amko: 1\nfn f() {}", "a marker stands directly above `#[test]` or `#[tokio::test]`"),
            (
                "// catalogue amko: 1\n\n#[test]\nfn f() {}",
                "a marker stands directly above `#[test]` or `#[tokio::test]`",
            ),
            (
                "// catalogue amko: 1 2\n#[test]\nfn f() {}",
                "a marker lists numbers with commas: `// catalogue amko: 21, 23`",
            ),
        ] {
            assert_eq!(found("a/src/lib.rs", text), (vec![], vec![format!("error: a/src/lib.rs:1: {expected}")]));
        }
        assert_eq!(found("a/src/lib.rs", "let s = \"\n// catalogue amko: 1\n\";"), (vec![], vec![]));
    }
}
