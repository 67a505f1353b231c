//! A watched directory, and what its consumer knows.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use k8s_crds::{Kind, Object, ObjectKey};
use k8s_watch::{Event, ManifestDirectory, Problem, Source};
use tempfile::TempDir;
use tokio::{sync::mpsc, time};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Cluster {
    pub(crate) directory: TempDir,
    pub(crate) source: ManifestDirectory,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) objects: BTreeMap<ObjectKey, Object>,
    pub(crate) problems: Vec<Problem>,
    /// Each event but the first reset, as `apply a`, `delete a`, `reset`, `problems 1`.
    pub(crate) log: Vec<String>,
}

impl Cluster {
    /// A directory with these files, watched, its first reset received.
    pub(crate) async fn with(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write(&directory.path().join(name), text);
        }
        Self::watch(directory, false).await
    }

    pub(crate) async fn watch(directory: TempDir, polls: bool) -> Self {
        let source = if polls { ManifestDirectory::polling } else { ManifestDirectory::new };
        let source = source("s1az1", directory.path());
        let mut cluster = Self {
            events: source.watch(),
            directory,
            source,
            objects: BTreeMap::new(),
            problems: Vec::new(),
            log: Vec::new(),
        };
        cluster.until(|cluster| !cluster.log.is_empty()).await;
        assert_eq!(cluster.log, ["reset"]);
        cluster.log.clear();
        cluster
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        write(&self.path(name), text);
    }

    /// Receives until the condition holds.
    #[track_caller]
    pub(crate) fn until(&mut self, condition: impl Fn(&Self) -> bool) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            while !condition(self) {
                let Ok(event) = time::timeout(PATIENCE, self.events.recv()).await else {
                    panic!("{caller}: waited in vain, log {:?}, problems {:?}", self.log, self.problems);
                };
                self.take(event.unwrap());
            }
        }
    }

    /// Waits until a marker file's object came through: all that happened before has been told by then.
    pub(crate) async fn settle(&mut self, marker: &str) {
        self.write(&format!("zz-{marker}.yaml"), &service(marker, "x"));
        let key = key(marker);
        self.until(|cluster| cluster.objects.contains_key(&key)).await;
        self.log.retain(|line| *line != format!("apply {marker}"));
    }

    pub(crate) fn take(&mut self, event: Event) {
        self.log.push(match &event {
            Event::Reset(_) => "reset".to_owned(),
            Event::Apply(object) => format!("apply {}", object.key().name),
            Event::Delete(key) => format!("delete {}", key.name),
            Event::Problems(problems) => format!("problems {}", problems.len()),
            Event::Served(kind, is_served) => format!("served {kind} {is_served}"),
        });
        match event {
            Event::Reset(objects) => self.objects = objects.into_iter().map(|object| (object.key(), object)).collect(),
            Event::Apply(object) => drop(self.objects.insert(object.key(), *object)),
            Event::Delete(key) => drop(self.objects.remove(&key)),
            Event::Problems(problems) => self.problems = problems,
            Event::Served(..) => {}
        }
    }

    /// Label `l` of a service.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        let labels = self.objects.get(&key(name))?.metadata().labels.as_ref()?;
        labels.get("l").map(String::as_str)
    }
}

pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey { kind: Kind::Service, namespace: Some("default".to_owned()), name: name.to_owned() }
}

pub(crate) fn service(name: &str, label: &str) -> String {
    format!("---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  labels:\n    l: \"{label}\"\n")
}
