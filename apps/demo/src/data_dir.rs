//! The demo's data directory: lock, copies of the manifests, `connection.env`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::certificate::Certificate;
use crate::story;

/// Marks a directory that the demo made, so that `--fresh` never empties somebody else's.
const MARKER: &str = ".meridian-demo";

/// What clients of the second application trust.
const CERTIFICATE: &str = "hackazon.crt";

/// An open data directory. The lock lives as long as this value.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// What the verbs need to reach this demo.
#[derive(Debug)]
pub(crate) struct Connection<'a> {
    pub(crate) controller: &'a str,
    pub(crate) username: &'a str,
    pub(crate) password: &'a str,
    pub(crate) ca: &'a Path,
    pub(crate) dns: &'a str,
}

impl DataDir {
    /// Opens `path` (mode 0700, made if missing), locks it, and copies the manifests that are not there yet.
    /// `fresh` empties it first.
    pub(crate) fn open(path: &Path, fresh: bool) -> anyhow::Result<Self> {
        let shown = path.display();
        if path.exists() && !path.is_dir() {
            bail!("{shown} is no directory; name one with --data DIR");
        }
        let is_new = !path.exists() || fs::read_dir(path).with_context(|| format!("reading {shown}"))?.next().is_none();
        private_directory(path)?;
        if !is_new && !path.join(MARKER).exists() {
            bail!("{shown} holds something else than a demo's data; name another directory with --data DIR");
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .with_context(|| format!("closing {shown} to others"))?;
        let path = path.canonicalize().with_context(|| format!("resolving {shown}"))?;
        let lock = private_file(&path.join(MARKER))?;
        if lock.try_lock().is_err() {
            bail!("another demo runs on {shown}; stop it, or name another directory with --data DIR");
        }
        let directory = Self { path, _lock: lock };
        if fresh {
            directory.empty()?;
        }
        directory.copy_manifests()?;
        Ok(directory)
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    pub(crate) fn controller(&self) -> PathBuf {
        self.path.join("controller")
    }

    pub(crate) fn clusters(&self) -> PathBuf {
        self.path.join("clusters")
    }

    pub(crate) fn cluster(&self, name: &str) -> PathBuf {
        self.clusters().join(name)
    }

    /// The certificate that clients of the second application trust.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.path.join(CERTIFICATE)
    }

    pub(crate) fn connection_file(&self) -> PathBuf {
        self.path.join("connection.env")
    }

    /// Writes `connection.env`, mode 0600, in one step.
    pub(crate) fn write_connection(&self, connection: &Connection<'_>) -> anyhow::Result<()> {
        let target = self.connection_file();
        let fresh = self.path.join(".connection.env.new");
        let doing = || format!("writing {}", target.display());
        let mut file = private_file(&fresh)?;
        file.set_len(0).with_context(doing)?;
        file.write_all(connection.to_text().as_bytes()).with_context(doing)?;
        fs::rename(&fresh, &target).with_context(doing)
    }

    /// The operator's identity in this directory: what it wrote stays its own, whatever is deleted of the manifests.
    fn operator_identity(&self) -> anyhow::Result<String> {
        let path = self.path.join("amko-uuid");
        let doing = || format!("keeping the operator's identity in {}", path.display());
        if path.exists() {
            return Ok(fs::read_to_string(&path).with_context(doing)?.trim().to_owned());
        }
        let identity = uuid::Uuid::new_v4().to_string();
        private_file(&path)?.write_all(identity.as_bytes()).with_context(doing)?;
        Ok(identity)
    }

    fn empty(&self) -> anyhow::Result<()> {
        for entry in fs::read_dir(&self.path).with_context(|| format!("reading {}", self.path.display()))? {
            let entry = entry?;
            if entry.file_name() == MARKER {
                continue;
            }
            let doing = || format!("removing {}", entry.path().display());
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path()).with_context(doing)?;
            } else {
                fs::remove_file(entry.path()).with_context(doing)?;
            }
        }
        Ok(())
    }

    /// A cluster whose directory exists is the user's: nothing is put back that was deleted there.
    fn copy_manifests(&self) -> anyhow::Result<()> {
        let identity = self.operator_identity()?;
        let known: Vec<&str> =
            story::CLUSTERS.iter().map(|cluster| cluster.name).filter(|name| self.cluster(name).exists()).collect();
        let is_known = |relative: &str| known.contains(&relative.split('/').next().unwrap_or_default());
        for (relative, text) in story::MANIFESTS.iter().filter(|(relative, _)| !is_known(relative)) {
            self.write_manifest(relative, &story::with_operator_identity(text, &identity))?;
        }
        if !is_known(story::SECRET_FILE) {
            let made = Certificate::make().context("making the certificate of the second application")?;
            self.write_manifest(story::SECRET_FILE, &made.secret())?;
            let file = self.certificate();
            fs::write(&file, made.certificate).with_context(|| format!("writing {}", file.display()))?;
        }
        Ok(())
    }

    fn write_manifest(&self, relative: &str, text: &str) -> anyhow::Result<()> {
        let file = self.clusters().join(relative);
        private_directory(file.parent().unwrap_or(&self.path))?;
        let mut copy = private_file(&file)?;
        copy.write_all(text.as_bytes()).with_context(|| format!("writing {}", file.display()))
    }
}

impl Connection<'_> {
    fn to_text(&self) -> String {
        let ca = self.ca.display().to_string();
        [
            ("MERIDIAN_CONTROLLER", self.controller),
            ("MERIDIAN_USERNAME", self.username),
            ("MERIDIAN_PASSWORD", self.password),
            ("MERIDIAN_CA", &ca),
            ("MERIDIAN_DNS", self.dns),
        ]
        .iter()
        .map(|(name, value)| format!("{name}={}\n", quote(value)))
        .collect()
    }
}

/// Quotes a value for a shell and for tools that read `NAME=value` lines, only where it is needed.
fn quote(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-@%+=".contains(c);
    if value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

/// Makes a directory, and those above it, that only its owner enters.
fn private_directory(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| {
        format!("making the directory {}; name one that can be written with --data DIR", path.display())
    })
}

fn private_file(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("opening {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_other_things_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("thesis.txt"), "x").unwrap();
        let error = DataDir::open(directory.path(), true).unwrap_err().to_string();
        assert!(error.contains("something else"), "{error}");
        assert!(directory.path().join("thesis.txt").exists());
    }

    #[test]
    fn what_was_deleted_stays_deleted_until_fresh() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        let ingress = path.join("clusters/s2/hello.yaml");
        drop(DataDir::open(&path, false).unwrap());
        fs::remove_file(&ingress).unwrap();
        drop(DataDir::open(&path, false).unwrap());
        assert!(!ingress.exists());
        drop(DataDir::open(&path, true).unwrap());
        assert!(ingress.exists());
    }

    #[test]
    fn the_operator_stays_itself_when_its_manifests_are_copied_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        let config = path.join("clusters/s1az1/avi-system/gslb-config.yaml");
        drop(DataDir::open(&path, false).unwrap());
        let first = fs::read_to_string(&config).unwrap();
        assert!(first.contains("  annotations:\n    amko.vmware.com/amko-uuid: "), "{first}");
        fs::remove_dir_all(path.join("clusters")).unwrap();
        drop(DataDir::open(&path, false).unwrap());
        assert_eq!(fs::read_to_string(&config).unwrap(), first);
    }

    #[test]
    fn a_second_demo_on_the_same_data_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let _first = DataDir::open(directory.path(), false).unwrap();
        let error = DataDir::open(directory.path(), false).unwrap_err().to_string();
        assert!(error.contains("another demo runs"), "{error}");
    }

    #[test]
    fn the_connection_file_is_private_and_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path(), false).unwrap();
        let connection = Connection {
            controller: "https://127.0.0.1:9443",
            username: "admin",
            password: "it's",
            ca: Path::new("/tmp/ca.pem"),
            dns: "127.0.0.1:5300",
        };
        data.write_connection(&connection).unwrap();
        let file = data.connection_file();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains("MERIDIAN_PASSWORD='it'\\''s'\n"), "{text}");
        assert!(text.contains("MERIDIAN_DNS=127.0.0.1:5300\n"), "{text}");
    }
}
