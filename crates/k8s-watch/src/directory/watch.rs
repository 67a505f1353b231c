//! The loop of one watch: wait, look at what may have changed, tell what did.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use k8s_crds::{Kind, Object, ObjectKey};
use tokio::{sync::mpsc, time::Instant};

use super::{
    Shared,
    notices::{KernelWatch, Notices, Pending},
    teller::{Present, Teller},
    tree::{self, Listing, Reading, Stamp},
    world::{Changes, World},
    write_back::{self, Store},
};
use crate::{
    event::{Event, Problem},
    manifest,
};

/// Changes within this time are looked at together.
const COALESCE: Duration = Duration::from_millis(10);
/// How long a file that is not there may take to come back before its objects are deleted. Editors move the old file away
/// before they put the new one in place.
const VANISHING: Duration = Duration::from_millis(100);
/// How long a created file may stay as it is before it is read without having been closed: some are linked into place
/// whole.
const CREATED: Duration = Duration::from_millis(500);
/// Between two looks where the kernel tells nothing.
const POLL: Duration = Duration::from_secs(1);

/// Runs until the receiver of `events` is dropped.
pub(super) async fn run(
    shared: Arc<Shared>,
    kinds: &'static [Kind],
    notices: Arc<Notices>,
    events: mpsc::Sender<Event>,
) {
    let cluster = shared.cluster.clone();
    let mut watch = Watch::new(shared, kinds, Arc::clone(&notices));
    let mut teller = Teller::default();
    loop {
        let stepped = tokio::task::spawn_blocking(move || {
            let changes = watch.step(Instant::now());
            (watch, changes)
        });
        let changes;
        (watch, changes) = match stepped.await {
            Ok(stepped) => stepped,
            Err(error) => {
                tracing::error!(%cluster, reason = %error, "watching a directory of manifests ended, restart this process");
                return;
            }
        };
        teller.tell(&watch.present(), changes, &events);
        loop {
            tokio::select! {
                () = events.closed() => return,
                () = notices.wait() => {
                    tokio::time::sleep(COALESCE).await;
                    break;
                }
                () = wait_until(watch.next_look()) => break,
                permit = events.reserve(), if teller.owes_something() => match permit {
                    Ok(permit) => teller.pay(&watch.present(), permit),
                    Err(_) => return,
                },
            }
        }
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// All that one watch knows.
struct Watch {
    shared: Arc<Shared>,
    kinds: &'static [Kind],
    notices: Arc<Notices>,
    kernel: Option<KernelWatch>,
    /// The directory without links in its path; none while it is not there.
    root: Option<PathBuf>,
    listing: Listing,
    world: World,
    /// Files to look at again: when, and their stamp when that was decided.
    again: BTreeMap<PathBuf, (Instant, Option<Stamp>)>,
    /// Where the kernel tells nothing: each file's stamp when it was read and when it was last seen.
    stamps: BTreeMap<PathBuf, (Option<Stamp>, Option<Stamp>)>,
    poll_at: Option<Instant>,
    /// The directory was read at least once.
    is_read: bool,
    lost: Option<Problem>,
}

impl Watch {
    fn new(shared: Arc<Shared>, kinds: &'static [Kind], notices: Arc<Notices>) -> Self {
        let mut watch = Self {
            shared,
            kinds,
            notices,
            kernel: None,
            root: None,
            listing: Listing::default(),
            world: World::default(),
            again: BTreeMap::new(),
            stamps: BTreeMap::new(),
            poll_at: None,
            is_read: false,
            lost: None,
        };
        if !watch.shared.polls {
            match KernelWatch::new(&watch.notices) {
                Ok(kernel) => watch.kernel = Some(kernel),
                Err(error) => watch.fall_back(&error.to_string()),
            }
        }
        watch
    }

    /// When to look again without being told to.
    fn next_look(&self) -> Option<Instant> {
        self.again.values().map(|(at, _)| *at).chain(self.poll_at).min()
    }

    fn present(&self) -> Present<'_> {
        Present { world: self.is_read.then_some(&self.world), problems: self.problems() }
    }

    fn problems(&self) -> Vec<Problem> {
        let listed = self.lost.iter().chain(self.listing.problems.values());
        listed.cloned().chain(self.world.problems()).collect()
    }

    /// Looks at what may have changed; tells what did.
    fn step(&mut self, now: Instant) -> Changes {
        let pending = self.notices.take();
        if pending.is_over_limit {
            self.fall_back("the limit of watched directories is reached");
        }
        for key in pending.written_back.iter().filter(|key| self.kinds.contains(&key.kind)) {
            let read = self.shared.store.read(key);
            self.world.write_back_read(key.clone(), read);
        }
        match fs::canonicalize(&self.shared.directory).and_then(|root| fs::read_dir(&root).map(|_| root)) {
            Ok(root) => {
                self.look(&root, &pending, now);
                self.lost = None;
            }
            Err(error) => self.lose(&error, now),
        }
        let changes = self.world.settle();
        let applied = changes.applied.iter().map(dated);
        // Another watch may have seen the object come back by now; it has to know that its write-backs are gone.
        for key in self.shared.store.follow(applied, changes.deleted.iter()) {
            self.shared.announce(&key);
        }
        changes
    }

    /// The directory is there.
    fn look(&mut self, root: &Path, pending: &Pending, now: Instant) {
        let is_new = self.root.as_deref() != Some(root) || self.lost.is_some();
        self.root = Some(root.to_owned());
        let polls = self.kernel.is_none() && self.poll_at.is_none_or(|at| at <= now);
        let mut files = if is_new || pending.everything || polls {
            self.list(root);
            self.all_files()
        } else {
            self.files_of(root, pending, now)
        };
        if self.kernel.is_none() {
            if polls && self.is_read {
                files.retain(|file| self.has_settled(file));
            }
            if polls || self.poll_at.is_none() {
                self.poll_at = Some(now + POLL);
            }
        } else {
            self.poll_at = None;
        }
        let due = self.due(now);
        files.extend(due.iter().cloned());
        for file in files {
            self.again.remove(&file);
            self.read(&file, due.contains(&file), now);
        }
        if !self.is_read {
            self.is_read = true;
            self.read_write_backs();
        }
    }

    /// Files whose time has come. One that changed meanwhile is being written: it gets more.
    fn due(&mut self, now: Instant) -> BTreeSet<PathBuf> {
        let mut due = BTreeSet::new();
        for (file, (at, stamp)) in self.again.iter_mut().filter(|(_, (at, _))| *at <= now) {
            let present = tree::stamp(file);
            if present == *stamp {
                due.insert(file.clone());
            } else {
                (*at, *stamp) = (now + CREATED, present);
            }
        }
        due
    }

    /// The directory is not there, or not to be read. Nothing is deleted for that.
    fn lose(&mut self, error: &std::io::Error, now: Instant) {
        self.again.clear();
        self.poll_at = Some(now + POLL);
        let advice = "create it, or let this user read it; what was known of the cluster stays in force";
        self.lost = Some(Problem {
            place: self.shared.directory.display().to_string(),
            what: format!("the directory of cluster {} cannot be read: {error}", self.shared.cluster),
            advice: advice.to_owned(),
        });
    }

    fn fall_back(&mut self, reason: &str) {
        if self.kernel.take().is_some() || self.root.is_none() {
            tracing::warn!(
                cluster = self.shared.cluster,
                reason,
                "the kernel cannot watch the manifests, looking each second instead; raise fs.inotify.max_user_watches \
                 and fs.inotify.max_user_instances"
            );
        }
        self.poll_at = None;
    }

    /// Lists the tree anew, with a kernel watch on each directory before it is listed.
    fn list(&mut self, root: &Path) {
        let (shared, mut kernel, mut failure) = (Arc::clone(&self.shared), self.kernel.take(), None);
        let mut add = |directory: &Path| {
            let added = kernel.as_mut().map_or(Ok(()), |kernel| kernel.add(directory));
            failure = failure.take().or(added.err());
        };
        let listing = tree::list(root, |path| display(&shared, root, path), &mut add);
        // A link's file changes where it really is.
        for link in &listing.links {
            let target = fs::canonicalize(link).ok().and_then(|target| Some(target.parent()?.to_owned()));
            if let Some(directory) = target.filter(|directory| !listing.directories.contains(directory)) {
                add(&directory);
            }
        }
        self.listing = listing;
        self.kernel = kernel;
        self.watch_write_backs(root);
        if let Some(error) = failure {
            self.fall_back(&error.to_string());
        }
    }

    fn all_files(&self) -> BTreeSet<PathBuf> {
        self.listing.files.iter().chain(self.world.files()).cloned().collect()
    }

    /// Files that may have changed, by what was told.
    fn files_of(&mut self, root: &Path, pending: &Pending, now: Instant) -> BTreeSet<PathBuf> {
        self.follow_write_backs(root, pending);
        let mut files = BTreeSet::new();
        let mut lists = false;
        for path in pending.changed.iter().chain(&pending.created) {
            let metadata = fs::symlink_metadata(path).ok();
            let is_directory = metadata.as_ref().is_some_and(fs::Metadata::is_dir);
            let is_link = metadata.as_ref().is_some_and(fs::Metadata::is_symlink);
            if is_directory || is_link || self.listing.directories.contains(path) {
                lists |= !is_directory || !is_below_hidden(root, path);
            }
            if is_directory || !tree::is_manifest(root, path) {
                // Perhaps the file behind a link.
                files.extend(self.listing.links.iter().cloned());
                continue;
            }
            let is_whole = is_link || metadata.is_none_or(|metadata| metadata.nlink() > 1);
            if pending.changed.contains(path) || is_whole {
                files.insert(path.clone());
            } else {
                self.again.insert(path.clone(), (now + CREATED, tree::stamp(path)));
            }
        }
        files.extend(pending.permitted.iter().filter(|path| self.world.is_unreadable(path)).cloned());
        let was_unlisted = pending.permitted.iter().any(|path| self.listing.problems.contains_key(path));
        if lists || was_unlisted {
            self.list(root);
            let known: BTreeSet<PathBuf> = self.world.files().cloned().collect();
            files.extend(known.symmetric_difference(&self.listing.files).cloned());
            files.extend(known.into_iter().filter(|file| self.world.is_unreadable(file)));
        }
        files
    }

    /// Reads what others wrote back, operators in other processes for example.
    fn follow_write_backs(&mut self, root: &Path, pending: &Pending) {
        let statuses = root.join(write_back::STATUS_DIRECTORY);
        let mut keys = BTreeSet::new();
        for path in pending.changed.iter().chain(&pending.created) {
            let Ok(below) = path.strip_prefix(&statuses) else { continue };
            if path.is_dir() {
                self.watch_write_backs(root);
                keys.extend(self.shared.store.keys(self.kinds));
            } else {
                keys.extend(Store::key_of(below).filter(|key| self.kinds.contains(&key.kind)));
            }
        }
        // Before the first reading is complete nobody knows what is left over from objects that are gone.
        for key in keys.into_iter().filter(|_| self.is_read) {
            let read = self.shared.store.read(&key);
            self.world.write_back_read(key, read);
        }
    }

    fn watch_write_backs(&mut self, root: &Path) {
        let Some(kernel) = &mut self.kernel else { return };
        let added: Result<(), _> = write_back::directories(root).iter().try_for_each(|directory| kernel.add(directory));
        if let Err(error) = added {
            self.fall_back(&error.to_string());
        }
    }

    /// Where the kernel tells nothing: whether the file differs from what was read, and no longer changes.
    fn has_settled(&mut self, file: &Path) -> bool {
        let stamp = tree::stamp(file);
        let (read, seen) = self.stamps.entry(file.to_owned()).or_default();
        let has_settled = *read != stamp && *seen == stamp;
        *seen = stamp;
        has_settled
    }

    /// Reads one file; `is_final` when a missing one had its time to come back.
    fn read(&mut self, file: &Path, is_final: bool, now: Instant) {
        let place = match &self.root {
            Some(root) => display(&self.shared, root, file),
            None => file.display().to_string(),
        };
        let stamp = tree::stamp(file);
        match tree::read(file, &place) {
            Reading::Bytes(bytes) => {
                let manifest = manifest::read(Path::new(&place), &bytes, self.kinds);
                tracing::debug!(
                    cluster = self.shared.cluster,
                    file = place,
                    objects = manifest.objects.len(),
                    "manifest read"
                );
                self.world.file_read(file, &place, manifest, tree::changed_at(file));
            }
            Reading::Unreadable(problem) => self.world.file_unreadable(file, problem),
            Reading::Absent if is_final => {
                self.world.file_gone(file);
                self.stamps.remove(file);
                return;
            }
            Reading::Absent => {
                self.world.file_vanishing(file);
                self.again.insert(file.to_owned(), (now + VANISHING, None));
                return;
            }
        }
        if self.kernel.is_none() {
            self.stamps.insert(file.to_owned(), (stamp, stamp));
        }
    }

    /// Once, after the first reading of all files: what was written back before, without what lost its object meanwhile.
    /// While a file cannot be read nobody knows which those are.
    fn read_write_backs(&mut self) {
        let _ = self.world.settle();
        let is_complete = self.problems().is_empty();
        for key in self.shared.store.keys(self.kinds) {
            if is_complete && !self.world.has(&key) {
                self.shared.store.remove(&key);
                continue;
            }
            let read = self.shared.store.read(&key);
            self.world.write_back_read(key, read);
        }
        let present: Vec<_> = self.world.objects().map(dated).collect();
        self.shared.store.follow(present.into_iter(), std::iter::empty());
    }
}

/// An object and since when it is there.
fn dated(object: &Object) -> (ObjectKey, Option<Timestamp>) {
    let key = object.key();
    let since = object.metadata().creation_timestamp.as_ref().filter(|_| key.kind == Kind::Ingress);
    (key, since.map(|time| time.0))
}

/// A path as the user would write it.
fn display(shared: &Shared, root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).map_or_else(|_| path.to_owned(), |below| shared.directory.join(below));
    path.display().to_string()
}

fn is_below_hidden(root: &Path, path: &Path) -> bool {
    path.strip_prefix(root)
        .is_ok_and(|below| below.components().any(|c| c.as_os_str().as_encoded_bytes().starts_with(b".")))
}
