//! What may have changed since we last looked: told by the kernel, kept until it is looked at.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use k8s_crds::ObjectKey;
use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, CreateKind, ModifyKind},
};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Paths that are kept one by one; beyond them everything is looked at.
const PATHS_MAX: usize = 4096;

/// What may have changed.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Written and closed, moved, linked or removed.
    pub(super) changed: BTreeSet<PathBuf>,
    /// Created, perhaps about to be written.
    pub(super) created: BTreeSet<PathBuf>,
    /// Permissions changed.
    pub(super) permitted: BTreeSet<PathBuf>,
    /// Something was written back to these.
    pub(super) written_back: BTreeSet<ObjectKey>,
    /// The kernel lost count: look at everything.
    pub(super) everything: bool,
    /// The kernel cannot watch so much.
    pub(super) is_over_limit: bool,
}

/// The mailbox between the kernel's thread and a watch. Level-triggered: notices of the same path are one.
#[derive(Debug, Default)]
pub(super) struct Notices {
    pending: Mutex<Pending>,
    wake: Notify,
}

impl Notices {
    /// Waits until there may be something to take.
    pub(super) async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Takes all there is.
    pub(super) fn take(&self) -> Pending {
        std::mem::take(&mut self.pending.lock())
    }

    /// Something was written back to `key`.
    pub(super) fn written_back(&self, key: ObjectKey) {
        self.pending.lock().written_back.insert(key);
        self.wake.notify_one();
    }

    fn tell(&self, told: notify::Result<notify::Event>) {
        let mut pending = self.pending.lock();
        if !pending.note(told) {
            return;
        }
        if pending.changed.len() + pending.created.len() + pending.permitted.len() > PATHS_MAX {
            pending.changed.clear();
            pending.created.clear();
            pending.permitted.clear();
            pending.everything = true;
        }
        drop(pending);
        self.wake.notify_one();
    }
}

impl Pending {
    /// Takes note of one event; tells whether it matters. Opening, reading and unfinished writing do not.
    fn note(&mut self, told: notify::Result<notify::Event>) -> bool {
        let event = match told {
            Ok(event) if event.need_rescan() => {
                self.everything = true;
                return true;
            }
            Ok(event) => event,
            Err(error) => {
                self.is_over_limit |= matches!(error.kind, notify::ErrorKind::MaxFilesWatch);
                self.everything = true;
                return true;
            }
        };
        // Of one path the latest counts: one that was removed and created again is about to be written.
        let (paths, superseded) = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Create(CreateKind::Folder)
            | EventKind::Remove(_) => (&mut self.changed, Some(&mut self.created)),
            EventKind::Create(_) => (&mut self.created, Some(&mut self.changed)),
            EventKind::Modify(ModifyKind::Metadata(_)) => (&mut self.permitted, None),
            _ => return false,
        };
        if let Some(superseded) = superseded {
            for path in &event.paths {
                superseded.remove(path);
            }
        }
        paths.extend(event.paths);
        true
    }
}

/// The kernel's watch on directories; ends when dropped.
pub(super) struct KernelWatch {
    watcher: RecommendedWatcher,
}

impl KernelWatch {
    /// A watch on nothing yet, which tells `notices`.
    pub(super) fn new(notices: &Arc<Notices>) -> notify::Result<Self> {
        let notices = Arc::clone(notices);
        let watcher = notify::recommended_watcher(move |told| notices.tell(told))?;
        Ok(Self { watcher })
    }

    /// Watches `directory`, not what is below it; doing so again is harmless.
    ///
    /// A directory that is gone by now is no error: its removal is told by the one above it.
    pub(super) fn add(&mut self, directory: &Path) -> notify::Result<()> {
        match self.watcher.watch(directory, RecursiveMode::NonRecursive) {
            Err(error) if !directory.is_dir() => {
                tracing::debug!(path = %directory.display(), reason = %error, "directory vanished before it was watched");
                Ok(())
            }
            result => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use notify::{
        Event,
        event::{DataChange, Flag, RenameMode},
    };

    use super::*;

    #[test]
    fn only_finished_changes_are_noted() {
        let mut pending = Pending::default();
        let mut note = |kind, path: &str| pending.note(Ok(Event::new(kind).add_path(path.into())));
        assert!(!note(EventKind::Access(AccessKind::Open(AccessMode::Any)), "open"));
        assert!(!note(EventKind::Access(AccessKind::Close(AccessMode::Read)), "read"));
        assert!(!note(EventKind::Modify(ModifyKind::Data(DataChange::Any)), "half"));
        assert!(note(EventKind::Access(AccessKind::Close(AccessMode::Write)), "written"));
        assert!(note(EventKind::Modify(ModifyKind::Name(RenameMode::To)), "moved"));
        assert!(note(EventKind::Create(CreateKind::File), "new"));
        let expected: BTreeSet<PathBuf> = ["written", "moved"].into_iter().map(PathBuf::from).collect();
        assert_eq!(pending.changed, expected);
        assert!(pending.created.contains(Path::new("new")));
        let mut note = |kind, path: &str| pending.note(Ok(Event::new(kind).add_path(path.into())));
        note(EventKind::Access(AccessKind::Close(AccessMode::Write)), "new");
        note(EventKind::Create(CreateKind::File), "moved");
        assert!(pending.changed.contains(Path::new("new")) && !pending.changed.contains(Path::new("moved")));
        assert!(!pending.everything);
        assert!(pending.note(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan))));
        assert!(pending.everything);
    }

    #[test]
    fn a_flood_of_paths_becomes_one_look_at_everything() {
        let notices = Notices::default();
        for number in 0..=PATHS_MAX {
            let kind = EventKind::Access(AccessKind::Close(AccessMode::Write));
            notices.tell(Ok(Event::new(kind).add_path(format!("{number}").into())));
        }
        let pending = notices.take();
        assert!(pending.everything && pending.changed.is_empty());
    }
}
