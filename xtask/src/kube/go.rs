//! The Go toolchain: the machine's own where it is new enough, else one installed into the user's cache.

use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;

use crate::python::{self, GO};
use crate::workshop::{Workshop, answers};

/// Go that the module asks for, as major and minor version.
const NEEDED: (u32, u32) = (1, 24);
/// Go from which on a newer toolchain is fetched by `go` itself.
const FETCHING: (u32, u32) = (1, 21);

/// A `go` that builds the programs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Go {
    program: PathBuf,
    /// It is older than the module asks for, and fetches a newer one.
    fetches: bool,
}

impl Go {
    /// One that is here; else why not, and what to do.
    pub(super) fn find(workshop: &Workshop) -> Result<Self, String> {
        let found = own_version(workshop);
        let version = found.as_deref().and_then(parse_version);
        if let Some(version) = version.filter(|version| *version >= FETCHING) {
            return Ok(Self { program: "go".into(), fetches: version < NEEDED });
        }
        let installed = GO.find(workshop).and_then(|environment| python::packaged(&environment, "go/bin/go"));
        installed.map(|program| Self { program, fetches: false }).ok_or_else(|| how_to_get_it(found.as_deref()))
    }

    /// One that is here, or is installed now.
    ///
    /// # Errors
    /// There is none and it cannot be installed; the message says what to do.
    pub(super) fn ensure(workshop: &Workshop) -> anyhow::Result<Self> {
        match Self::find(workshop) {
            Ok(go) => Ok(go),
            Err(how) => match GO.ensure(workshop) {
                Ok(_) => Self::find(workshop).map_err(anyhow::Error::msg),
                Err(error) => bail!("{how} (installing it failed: {error:#})"),
            },
        }
    }

    /// `go`, in the root of the repository.
    pub(super) fn command(&self, workshop: &Workshop) -> Command {
        let mut command = workshop.command(&self.program);
        if self.fetches {
            command.env("GOTOOLCHAIN", "auto");
        }
        if self.program.is_absolute() {
            // Of another Go that is on this machine.
            command.env_remove("GOROOT");
        }
        command
    }
}

/// What the machine's own `go` says of itself.
fn own_version(workshop: &Workshop) -> Option<String> {
    if !answers(workshop.command("go").arg("version")) {
        return None;
    }
    let output = workshop.command("go").args(["env", "GOVERSION"]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn how_to_get_it(found: Option<&str>) -> String {
    let (major, minor) = NEEDED;
    let what = found.map_or_else(|| "`go` is missing".to_owned(), |version| format!("`go` is of version {version}"));
    format!(
        "{what}; programs of Kubernetes are built with Go {major}.{minor} or newer. To have it: `cargo xtask kube \
         programs`, which installs one for itself where python3 and its venv are, or `apt-get install golang-go` (Debian \
         13), or https://go.dev/dl. Or point KUBEBUILDER_ASSETS to a directory with etcd and kube-apiserver"
    )
}

/// `go1.26.8` is (1, 26).
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("go")?.split(['.', 'r', 'b', '-', ' ']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_go_are_read() {
        assert_eq!(parse_version("go1.26.8"), Some((1, 26)));
        assert_eq!(parse_version("go1.24rc1"), Some((1, 24)));
        assert_eq!(parse_version("go1.25-custom"), Some((1, 25)));
        assert_eq!(parse_version("devel"), None);
    }

    #[test]
    fn whoever_has_no_go_is_told_what_to_do() {
        assert!(how_to_get_it(None).starts_with("`go` is missing; "));
        let how = how_to_get_it(Some("go1.19.8"));
        assert!(how.starts_with("`go` is of version go1.19.8; ") && how.contains("KUBEBUILDER_ASSETS"), "{how}");
    }
}
