//! Files that are generated from the sources and committed, so that people can read and apply them.
//!
//! The crates that know the content have an example each that prints `{path: text}`; linking them here would put
//! `k8s-openapi` into the program that is built before anything else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};

use crate::workshop::Workshop;

/// Package and example of each generator.
const GENERATORS: [(&str, &str); 1] = [("k8s-crds", "definitions")];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail when a file is not what would be written
    #[arg(long)]
    check: bool,
}

/// # Errors
/// A generator fails, a file cannot be written, or, with `--check`, one is not current.
pub(crate) fn run(workshop: &Workshop, args: &Args) -> anyhow::Result<()> {
    protocols(workshop, args.check)?;
    let mut changed = Vec::new();
    for (package, example) in GENERATORS {
        for (path, text) in generate(workshop, package, example)? {
            if update(&workshop.root.join(&path), &text, args.check)? {
                changed.push(path);
            }
        }
    }
    for path in &changed {
        println!("{} {path}", if args.check { "not current:" } else { "wrote" });
    }
    if args.check && !changed.is_empty() {
        bail!("generated files are not current; `cargo xtask codegen` writes them");
    }
    Ok(())
}

/// As a step of CI: nothing is written.
///
/// # Errors
/// A file is not current.
pub(crate) fn check(workshop: &Workshop) -> anyhow::Result<()> {
    run(workshop, &Args { check: true })
}

/// The code of `proto/*.proto`, by a package outside the workspace: nobody else waits for its generator.
fn protocols(workshop: &Workshop, check: bool) -> anyhow::Result<()> {
    let mut cargo = workshop.cargo();
    cargo.args(["run", "--quiet", "--locked", "--manifest-path", "proto/codegen/Cargo.toml", "--"]);
    if check {
        cargo.arg("--check");
    }
    let status = cargo.status().context("starting the generator of proto/*.proto")?;
    if !status.success() {
        bail!("the generator of proto/*.proto ended with {status}");
    }
    Ok(())
}

/// What a generator prints.
fn generate(workshop: &Workshop, package: &str, example: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut cargo = workshop.cargo();
    cargo.args(["run", "--quiet", "--package", package, "--example", example]).stderr(Stdio::inherit());
    let output = cargo.output().context("starting cargo")?;
    if !output.status.success() {
        bail!("the example `{example}` of {package} failed; its messages are above");
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("reading what `{example}` of {package} printed"))
}

/// Whether the file was, or would be, changed.
fn update(path: &Path, text: &str, check: bool) -> anyhow::Result<bool> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(false);
    }
    if !check {
        let directory = path.parent().context("a generated file lies in a directory")?;
        fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_once_and_only_looked_at_by_a_check() {
        let directory = std::env::temp_dir().join(format!("meridian-codegen-{}", std::process::id()));
        let path = directory.join("a/b.yaml");
        assert!(update(&path, "x: 1\n", true).unwrap());
        assert!(!path.exists());
        assert!(update(&path, "x: 1\n", false).unwrap());
        assert!(!update(&path, "x: 1\n", true).unwrap());
        fs::remove_dir_all(&directory).unwrap();
    }
}
