//! The programs: looked up where the ecosystem keeps them, then in the user's cache, built only if missing.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::go::Go;
use crate::workshop::{Workshop, now};

/// Release of Kubernetes; `tools/kube/go.mod` names the same.
pub(super) const KUBERNETES: &str = "v1.34.4";
/// Release of KWOK, which has a module graph of its own.
const KWOK: &str = "sigs.k8s.io/kwok/cmd/kwok@v0.8.0";

/// Release of Helm, the last one that [`super::go`]'s oldest Go builds.
const HELM: &str = "helm.sh/helm/v3/cmd/helm@v3.19.5";

/// A program that clusters are made of, or that guides talk to them with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Etcd,
    ApiServer,
    ControllerManager,
    Kwok,
    Kubectl,
    Helm,
}

impl Program {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Kwok => "kwok",
            Self::Kubectl => "kubectl",
            Self::Helm => "helm",
        }
    }

    /// What a build takes on two cores, for the impatient.
    fn build_time(self) -> &'static str {
        match self {
            Self::Etcd => "half a minute",
            Self::Kubectl | Self::Helm => "a minute or two",
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
pub(super) fn cache(workshop: &Workshop) -> PathBuf {
    workshop.cache.join("kube").join(KUBERNETES)
}

fn build(workshop: &Workshop, program: Program) -> anyhow::Result<PathBuf> {
    let go = Go::ensure(workshop)?;
    let directory = cache(workshop);
    std::fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    println!("building {}, once; this takes {}", program.name(), program.build_time());
    let begin = now();
    // Beside its place and moved there when whole: another build may run, and this one may be stopped.
    let scratch = directory.join(format!(".building-{}", std::process::id()));
    let mut command = go.command(workshop);
    match program {
        Program::Kwok | Program::Helm => {
            let module = if program == Program::Helm { HELM } else { KWOK };
            command.args(["install", "-trimpath", "-ldflags", "-s -w", module]).env("GOBIN", &scratch);
        }
        _ => {
            command.current_dir(workshop.root.join("tools/kube"));
            command.args(["build", "-trimpath", "-ldflags", &version_flags(), "-o"]);
            command.arg(scratch.join(program.name())).arg(format!("./cmd/{}", program.name()));
        }
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

/// What the tests need.
pub(super) const NEEDED: [Program; 2] = [Program::Etcd, Program::ApiServer];

/// What guides ask for besides; one that the machine has of its own does as well.
pub(super) const CLIENTS: [(Program, &[&str]); 2] =
    [(Program::Kubectl, &["version", "--client"]), (Program::Helm, &["version"])];

/// Whether all that the tests need is here, or can be built here; else why not, and what to do.
pub(super) fn is_within_reach(workshop: &Workshop) -> Result<(), String> {
    if NEEDED.into_iter().all(|program| find(workshop, program).is_some()) {
        return Ok(());
    }
    Go::find(workshop).map(drop)
}

/// The same, where a Go that is missing is installed first.
pub(super) fn bring_within_reach(workshop: &Workshop) -> Result<(), String> {
    is_within_reach(workshop).or_else(|_| Go::ensure(workshop).map(drop).map_err(|error| error.to_string()))
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
    fn the_version_is_that_of_the_module() {
        let module = include_str!("../../../tools/kube/go.mod");
        assert!(module.contains(&format!("k8s.io/kubernetes {KUBERNETES}\n")));
        assert!(version_flags().ends_with("gitMajor=1 -X k8s.io/component-base/version.gitMinor=34"));
    }
}
