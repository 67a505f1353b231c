//! Where the work happens: the repository, the target directory, the commands run in them.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What Cargo tells `cargo run`'s child about the child's own package; it is not true for what that child builds.
const ABOUT_XTASK: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];

/// The repository and the settings every command shares. The environment is read here, once.
pub(crate) struct Workshop {
    /// Root of the repository.
    pub(crate) root: PathBuf,
    /// Build output; one directory for every command, so that nothing is built twice.
    pub(crate) target: PathBuf,
    /// What is kept between clones, `~/.cache/meridian` as a rule.
    pub(crate) cache: PathBuf,
    /// Directory with ready programs of Kubernetes, as the ecosystem's test tools use it.
    pub(crate) kubebuilder_assets: Option<PathBuf>,
    cargo: OsString,
    foreign: Vec<OsString>,
}

impl Workshop {
    pub(crate) fn open() -> Self {
        let read = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let cache = cache_dir(read("XDG_CACHE_HOME"), read("HOME"));
        let target = target_dir(read("CARGO_TARGET_DIR"), cache.clone());
        let root = root(read("CARGO_MANIFEST_DIR"));
        Self {
            target: root.join(target),
            cache: cache.unwrap_or_else(|| root.join("target/cache")),
            kubebuilder_assets: read("KUBEBUILDER_ASSETS").map(PathBuf::from),
            root,
            cargo: read("CARGO").unwrap_or_else(|| "cargo".into()),
            foreign: std::env::vars_os().map(|(name, _)| name).filter(|name| is_about_xtask(name)).collect(),
        }
    }

    /// `cargo`, in the root, with the shared target directory.
    pub(crate) fn cargo(&self) -> Command {
        self.command(&self.cargo)
    }

    /// Any program, in the root.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        for name in &self.foreign {
            command.env_remove(name);
        }
        command
    }

    /// Where a profile's `meridian` ends up.
    pub(crate) fn binary(&self, profile: &str) -> PathBuf {
        self.target.join(profile).join("meridian")
    }
}

/// The repository that this run is about: `cargo run` says which; else the one that this program was built in, which is
/// another one where several clones share a target directory and Cargo found nothing to build.
fn root(run_in: Option<OsString>) -> PathBuf {
    let run_in = run_in.map(PathBuf::from).filter(|manifest| manifest.ends_with("xtask"));
    let manifest = run_in.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    manifest.parent().unwrap_or(&manifest).to_owned()
}

/// What we build for. Asking Cargo about this platform alone spares downloads that are for others.
pub(crate) fn platform() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// Whether a program can be started; `arguments` must make it end at once.
pub(crate) fn answers(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether this process may install packages.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The clock, for timing steps.
#[expect(clippy::disallowed_methods, reason = "steps are timed; this is the edge")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn is_about_xtask(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| ABOUT_XTASK.iter().any(|prefix| name.starts_with(prefix)))
}

/// `CARGO_TARGET_DIR`, else the user's cache, so that every clone and tool shares one build; the Makefile says the same.
fn target_dir(chosen: Option<OsString>, cache: Option<PathBuf>) -> PathBuf {
    chosen.map(PathBuf::from).or_else(|| Some(cache?.join("target"))).unwrap_or_else(|| PathBuf::from("target"))
}

/// Ours in the user's cache; `None` for a user without a home.
fn cache_dir(cache: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let cache = cache.map(PathBuf::from).or_else(|| Some(PathBuf::from(home?).join(".cache")))?;
    Some(cache.join("meridian"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[track_caller]
    fn check(chosen: Option<&str>, cache: Option<&str>, home: Option<&str>, expected: &str) {
        let os = |value: Option<&str>| value.map(OsString::from);
        assert_eq!(target_dir(os(chosen), cache_dir(os(cache), os(home))), Path::new(expected));
    }

    #[test]
    fn the_repository_is_the_one_that_cargo_runs_this_in() {
        assert_eq!(root(Some("/src/other/xtask".into())), Path::new("/src/other"));
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        assert_eq!(Some(root(None).as_path()), built_in);
        assert_eq!(Some(root(Some("/src/other/bench".into())).as_path()), built_in);
    }

    #[test]
    fn the_target_directory_is_the_chosen_one_or_in_the_users_cache() {
        check(Some("/t"), Some("/c"), Some("/home/ann"), "/t");
        check(None, Some("/c"), Some("/home/ann"), "/c/meridian/target");
        check(None, None, Some("/home/ann"), "/home/ann/.cache/meridian/target");
        check(None, None, None, "target");
    }

    #[test]
    fn what_cargo_said_about_xtask_is_not_passed_on() {
        assert!(is_about_xtask(OsStr::new("CARGO_PKG_NAME")));
        assert!(!is_about_xtask(OsStr::new("CARGO_HOME")));
        assert!(!is_about_xtask(OsStr::new("PATH")));
    }
}
