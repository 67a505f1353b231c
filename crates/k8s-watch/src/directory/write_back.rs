//! What operators wrote back, a file per object: `.status/<Kind>/<namespace>/<name>.json`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use k8s_crds::{Kind, ObjectKey};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    event::Problem,
    manifest::{is_label, is_subdomain},
    source::WriteBack,
};

/// Directory of the write-backs within the cluster's; hidden, so that it is not taken for manifests.
pub(super) const STATUS_DIRECTORY: &str = ".status";
/// Kinds that something is written back to.
const KINDS: [Kind; 9] = [
    Kind::Namespace,
    Kind::Node,
    Kind::Service,
    Kind::Ingress,
    Kind::GslbConfig,
    Kind::GlobalDeploymentPolicy,
    Kind::GslbHostRule,
    Kind::HostRule,
    Kind::Route,
];
/// Stands for the namespace of objects that have none; not a name that a namespace can have.
const NO_NAMESPACE: &str = "_";

/// All that was written back to one object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenBack {
    /// Replaces the status of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<Value>,
    /// Added to the annotations of the manifest; `None` takes one away.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, Option<String>>,
    /// Since when the object is there, noted with the first write-back, for the time after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Timestamp>,
}

/// A write-back that was not stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("there is no such object in the manifests")]
    NoSuchObject,
    #[error("namespace or name is none that an API server takes")]
    InvalidKey,
    #[error("writing {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The files under `.status/`.
#[derive(Debug)]
pub(super) struct Store {
    root: PathBuf,
    /// Objects there are, and since when, once a watch has read them; held while a file is written or removed, so that a write-back that
    /// comes late cannot outlive its object.
    present: Mutex<Option<BTreeMap<ObjectKey, Option<Timestamp>>>>,
}

impl Store {
    pub(super) fn new(directory: &Path) -> Self {
        Self { root: directory.join(STATUS_DIRECTORY), present: Mutex::default() }
    }

    /// Stores one write-back; tells whether anything changed by it.
    pub(super) fn write(&self, key: &ObjectKey, write: WriteBack) -> Result<bool, StoreError> {
        let path = self.path(key).ok_or(StoreError::InvalidKey)?;
        let present = self.present.lock();
        if present.as_ref().is_some_and(|present| !present.contains_key(key)) {
            return Err(StoreError::NoSuchObject);
        }
        // One that cannot be read is a problem told elsewhere; writing is what mends it.
        let before = self.read(key).ok().flatten();
        let mut after = before.clone().unwrap_or_default();
        match write {
            WriteBack::Status(status) => after.status = Some(status),
            WriteBack::Annotation { key, value } => {
                after.annotations.insert(key, Some(value));
            }
            WriteBack::Annotations(annotations) => after.annotations.extend(annotations),
        }
        after.since = after.since.or_else(|| present.as_ref()?.get(key).copied().flatten());
        if before.as_ref() == Some(&after) {
            return Ok(false);
        }
        let failed = |source| StoreError::Write { path: path.clone(), source };
        replace(&path, &after).map_err(failed)?;
        Ok(true)
    }

    /// What was written back to `key`.
    pub(super) fn read(&self, key: &ObjectKey) -> Result<Option<WrittenBack>, Problem> {
        let Some(path) = self.path(key) else {
            return Ok(None);
        };
        let unreadable = |what: String| Problem {
            place: path.display().to_string(),
            what: format!("what was written back to {key} cannot be read: {what}"),
            advice: "delete the file; its operator writes it anew".to_owned(),
        };
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    /// Objects of these kinds to which something was written back. A file that belongs to no kind that is read is passed over.
    pub(super) fn keys(&self, kinds: &[Kind]) -> Vec<ObjectKey> {
        let mut keys = Vec::new();
        for kind in kinds.iter().copied() {
            for namespace in names_in(&self.root.join(kind.as_str())) {
                for file in names_in(&self.root.join(kind.as_str()).join(&namespace)) {
                    let key = ObjectKey {
                        kind,
                        namespace: kind.is_namespaced().then(|| namespace.clone()),
                        name: file.strip_suffix(".json").unwrap_or_default().to_owned(),
                    };
                    if self.path(&key).is_some() {
                        keys.push(key);
                    }
                }
            }
        }
        keys
    }

    /// The object whose file this is, by its path below the directory of the write-backs.
    pub(super) fn key_of(below: &Path) -> Option<ObjectKey> {
        let mut parts = below.iter().map(|part| part.to_str());
        let (kind, namespace, file) = (parts.next()??, parts.next()??, parts.next()??);
        let kind = KINDS.iter().copied().find(|known| known.as_str() == kind)?;
        let name = file.strip_suffix(".json").filter(|name| !name.starts_with('.'))?.to_owned();
        let namespace = kind.is_namespaced().then(|| namespace.to_owned());
        parts.next().is_none().then_some(ObjectKey { kind, namespace, name })
    }

    /// Takes note of objects that came and went; removes what was written back to the latter, and tells whose there was.
    pub(super) fn follow<'a>(
        &self,
        applied: impl Iterator<Item = (ObjectKey, Option<Timestamp>)>,
        deleted: impl Iterator<Item = &'a ObjectKey>,
    ) -> Vec<ObjectKey> {
        let mut present = self.present.lock();
        let present = present.get_or_insert_default();
        let mut removed = Vec::new();
        for key in deleted {
            present.remove(key);
            if self.remove(key) {
                removed.push(key.clone());
            }
        }
        present.extend(applied);
        removed
    }

    /// Removes what was written back to an object that is no more; tells whether there was anything.
    pub(super) fn remove(&self, key: &ObjectKey) -> bool {
        let Some(path) = self.path(key) else { return false };
        match fs::remove_file(&path) {
            Ok(()) => {
                tracing::debug!(path = %path.display(), "write-backs removed with their object");
                return true;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(path = %path.display(), reason = %error, "cannot remove write-backs"),
        }
        false
    }

    /// Its file; none for a key whose parts are no names, so that no path leads elsewhere.
    fn path(&self, key: &ObjectKey) -> Option<PathBuf> {
        let namespace = match (&key.namespace, key.kind) {
            (None, kind) if !kind.is_namespaced() => NO_NAMESPACE,
            (Some(namespace), kind) if kind.is_namespaced() && is_label(namespace) => namespace,
            _ => return None,
        };
        let file = is_subdomain(&key.name).then(|| format!("{}.json", key.name))?;
        Some(self.root.join(key.kind.as_str()).join(namespace).join(file))
    }
}

/// Writes beside the file and moves into place, so that nobody reads half of it.
fn replace(path: &Path, content: &WrittenBack) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(directory)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(path.file_name().unwrap_or_default());
    let hidden = directory.join(hidden);
    let mut text = serde_json::to_vec_pretty(content)?;
    text.push(b'\n');
    fs::write(&hidden, text)?;
    fs::rename(&hidden, path)
}

/// Directories of the write-backs below a cluster's, as far as there are any.
pub(super) fn directories(root: &Path) -> Vec<PathBuf> {
    let statuses = root.join(STATUS_DIRECTORY);
    let below = |directory: &Path| -> Vec<PathBuf> {
        let names = names_in(directory).into_iter().map(|name| directory.join(name));
        names.filter(|path| path.is_dir()).collect()
    };
    let kinds = below(&statuses);
    let namespaces: Vec<PathBuf> = kinds.iter().flat_map(|kind| below(kind)).collect();
    let all = std::iter::once(statuses).chain(kinds).chain(namespaces);
    all.filter(|directory| directory.is_dir()).collect()
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: Kind, namespace: Option<&str>, name: &str) -> ObjectKey {
        ObjectKey { kind, namespace: namespace.map(str::to_owned), name: name.to_owned() }
    }

    #[test]
    fn a_key_that_is_no_name_leads_nowhere() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        for key in [
            key(Kind::Ingress, Some(".."), "a"),
            key(Kind::Ingress, Some("a"), "../a"),
            key(Kind::Ingress, None, "a"),
            key(Kind::Namespace, Some("a"), "a"),
            key(Kind::GslbConfig, Some("a"), ""),
        ] {
            let error = store.write(&key, WriteBack::Status(Value::Null)).unwrap_err();
            assert!(matches!(error, StoreError::InvalidKey), "{key}");
        }
        assert!(fs::read_dir(directory.path()).unwrap().next().is_none());
    }

    #[test]
    fn a_file_tells_whose_it_is() {
        let check =
            |path: &str, expected: Option<ObjectKey>| assert_eq!(Store::key_of(Path::new(path)), expected, "{path}");
        check("Ingress/a/b.c.json", Some(key(Kind::Ingress, Some("a"), "b.c")));
        check("Namespace/_/a.json", Some(key(Kind::Namespace, None, "a")));
        for path in ["Ingress/a/.b.json", "Ingress/a/b", "Ingress/a", "Widget/a/b.json", "Ingress/a/b.json/c"] {
            check(path, None);
        }
    }

    #[test]
    fn the_same_again_writes_nothing_and_all_keys_are_found() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        let keys = [key(Kind::Namespace, None, "a"), key(Kind::GslbConfig, Some("avi-system"), "gc-1.x")];
        for key in &keys {
            let annotation = || WriteBack::Annotation { key: "k".to_owned(), value: "v".to_owned() };
            assert!(store.write(key, annotation()).unwrap());
            assert!(!store.write(key, annotation()).unwrap());
            assert!(store.write(key, WriteBack::Status(serde_json::json!({}))).unwrap());
        }
        assert_eq!(store.keys(&[Kind::Namespace, Kind::GslbConfig]), keys);
        let written = store.read(&keys[0]).unwrap().unwrap();
        assert_eq!(written.annotations["k"].as_deref(), Some("v"));
        assert_eq!(written.status, Some(serde_json::json!({})));
    }
}
