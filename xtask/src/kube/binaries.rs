//! The programs: looked up where the ecosystem keeps them, then in the user's cache, built only if missing.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::workshop::{Workshop, now};

/// Release of Kubernetes; `tools/kube/go.mod` names the same.
pub(super) const KUBERNETES: &str = "v1.34.4";
/// Release of KWOK, which has a module graph of its own.
const KWOK: &str = "sigs.k8s.io/kwok/cmd/kwok@v0.8.0";

/// Go that the module asks for, as major and minor version.
const GO_NEEDED: (u32, u32) = (1, 24);
/// Go from which on a newer toolchain is fetched by `go` itself.
const GO_FETCHING: (u32, u32) = (1, 21);

/// A program that clusters are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Etcd,
    ApiServer,
    ControllerManager,
    Kwok,
}

impl Program {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Kwok => "kwok",
        }
    }

    /// What a build takes on two cores, for the impatient.
    fn build_time(self) -> &'static str {
        match self {
            Self::Etcd => "half a minute",
            _ => "some minutes",
        }
    }
}

/// Path of a program, which is built first when it is nowhere.
///
/// # Errors
/// It has to be built, and Go is missing, too old, or cannot build it.
pub(super) fn ensure(workshop: &Workshop, program: Program) -> anyhow::Result<PathBuf> {
    if let Some(found) = find(workshop, program) {
        return Ok(found);
    }
    build(workshop, program)
}

/// Path of a program, if it is there already.
pub(super) fn find(workshop: &Workshop, program: Program) -> Option<PathBuf> {
    let places = workshop.kubebuilder_assets.iter().cloned().chain([cache(workshop)]);
    places.map(|place| place.join(program.name())).find(|path| path.is_file())
}

/// Where programs are kept; a directory per release.
fn cache(workshop: &Workshop) -> PathBuf {
    workshop.cache.join("kube").join(KUBERNETES)
}

fn build(workshop: &Workshop, program: Program) -> anyhow::Result<PathBuf> {
    let go = go_version(workshop)?;
    let directory = cache(workshop);
    std::fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    println!("building {}, once; this takes {}", program.name(), program.build_time());
    let begin = now();
    // Beside its place and moved there when whole: another build may run, and this one may be stopped.
    let scratch = directory.join(format!(".building-{}", std::process::id()));
    let mut command = workshop.command("go");
    match program {
        Program::Kwok => {
            command.args(["install", "-trimpath", "-ldflags", "-s -w", KWOK]).env("GOBIN", &scratch);
        }
        _ => {
            command.current_dir(workshop.root.join("tools/kube"));
            command.args(["build", "-trimpath", "-ldflags", &version_flags(), "-o"]);
            command.arg(scratch.join(program.name())).arg(format!("./cmd/{}", program.name()));
        }
    }
    if go < GO_NEEDED {
        command.env("GOTOOLCHAIN", "auto");
    }
    let built = command.status().context("starting go");
    let path = directory.join(program.name());
    let moved = built.and_then(|status| {
        if !status.success() {
            bail!("go could not build {}; its messages are above", program.name());
        }
        std::fs::rename(scratch.join(program.name()), &path).with_context(|| format!("moving to {}", path.display()))
    });
    drop(std::fs::remove_dir_all(&scratch));
    moved?;
    println!("built {} in {} s", path.display(), begin.elapsed().as_secs());
    Ok(path)
}

/// Without these, the server says it is of version `v0.0.0-master+$Format:%H$`.
fn version_flags() -> String {
    let mut parts = KUBERNETES.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let of = "k8s.io/component-base/version";
    format!("-s -w -X {of}.gitVersion={KUBERNETES} -X {of}.gitMajor={major} -X {of}.gitMinor={minor}")
}

/// Version of `go`.
fn go_version(workshop: &Workshop) -> anyhow::Result<(u32, u32)> {
    let (major, minor) = GO_NEEDED;
    let how = format!(
        "programs of Kubernetes are built with Go {major}.{minor} or newer. To have it: `apt-get install golang-go` \
         (Debian 13), or https://go.dev/dl, or with an older Go `go install golang.org/dl/go{major}.{minor}.0@latest && \
         go{major}.{minor}.0 download` and ~/sdk/go{major}.{minor}.0/bin first in PATH. Or point KUBEBUILDER_ASSETS to \
         a directory with etcd and kube-apiserver"
    );
    let Ok(output) = workshop.command("go").args(["env", "GOVERSION"]).output() else {
        bail!("`go` is missing; {how}");
    };
    let text = String::from_utf8_lossy(&output.stdout);
    match parse_go_version(text.trim()) {
        Some(version) if version >= GO_FETCHING => Ok(version),
        _ => bail!("`go` is of version {}; {how}", text.trim()),
    }
}

/// `go1.26.8` is (1, 26).
fn parse_go_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("go")?.split(['.', 'r', 'b', '-', ' ']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// What the tests need.
pub(super) const NEEDED: [Program; 2] = [Program::Etcd, Program::ApiServer];

/// Whether all that the tests need is here, or can be built here; else why not.
pub(super) fn is_within_reach(workshop: &Workshop) -> Result<(), String> {
    if NEEDED.into_iter().all(|program| find(workshop, program).is_some()) {
        return Ok(());
    }
    go_version(workshop).map(drop).map_err(|error| error.to_string())
}

/// The name under which a process of this program runs; what `/proc/PID/exe` leads to.
pub(super) fn same_program(running: &Path, program: &Path) -> bool {
    // A file that was replaced meanwhile is shown with ` (deleted)` behind its path.
    let running = running.to_string_lossy();
    running.trim_end_matches(" (deleted)") == program.to_string_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_go_are_read() {
        assert_eq!(parse_go_version("go1.26.8"), Some((1, 26)));
        assert_eq!(parse_go_version("go1.24rc1"), Some((1, 24)));
        assert_eq!(parse_go_version("go1.25-custom"), Some((1, 25)));
        assert_eq!(parse_go_version("devel"), None);
    }

    #[test]
    fn the_version_is_that_of_the_module() {
        let module = include_str!("../../../tools/kube/go.mod");
        assert!(module.contains(&format!("k8s.io/kubernetes {KUBERNETES}\n")));
        assert!(version_flags().ends_with("gitMajor=1 -X k8s.io/component-base/version.gitMinor=34"));
    }
}
