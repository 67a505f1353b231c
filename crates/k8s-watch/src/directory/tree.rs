//! The files of a directory: which there are, and what is in one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use crate::event::Problem;

/// Largest file that is read; an API server's limit for one object is 1.5 MiB.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Deepest directory that is entered.
const DEPTH_MAX: usize = 32;

/// What there is, by path.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Files that look like manifests.
    pub(super) files: BTreeSet<PathBuf>,
    /// Those of them that are links.
    pub(super) links: BTreeSet<PathBuf>,
    /// Directories, the root included.
    pub(super) directories: BTreeSet<PathBuf>,
    /// Directories that could not be listed, and links that are not followed.
    pub(super) problems: BTreeMap<PathBuf, Problem>,
}

/// What a path holds.
#[derive(Debug)]
pub(super) enum Reading {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// There is no such file.
    Absent,
    /// It is there and cannot be read.
    Unreadable(Problem),
}

/// What tells one state of a file from another, without reading it.
pub(super) type Stamp = (u64, i64, i64, u64);

/// Lists `root` and what is below it; `enter` is called with each directory before it is listed, so that nothing that
/// comes later goes unseen.
pub(super) fn list(root: &Path, display: impl Fn(&Path) -> String, mut enter: impl FnMut(&Path)) -> Listing {
    let mut listing = Listing::default();
    let mut waiting = vec![(root.to_owned(), 0)];
    while let Some((directory, depth)) = waiting.pop() {
        enter(&directory);
        let mut problem = |path: &Path, what: String, advice: &str| {
            let place = display(path);
            let advice = advice.to_owned();
            listing.problems.insert(path.to_owned(), Problem { place, what, advice });
        };
        if depth > DEPTH_MAX {
            problem(&directory, format!("directories deeper than {DEPTH_MAX}"), "move the manifests further up");
            continue;
        }
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                let advice = "let this user read it; what was known of its files stays in force";
                problem(&directory, format!("the directory cannot be listed: {error}"), advice);
                listing.directories.insert(directory);
                continue;
            }
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if is_hidden(&path) {
                continue;
            }
            if kind.is_dir() {
                waiting.push((path, depth + 1));
            } else if kind.is_symlink() && path.is_dir() {
                let advice = "put the files here, or watch that directory as a cluster of its own";
                problem(&path, "a link to a directory is not followed".to_owned(), advice);
            } else if has_manifest_name(&path) {
                if kind.is_symlink() {
                    listing.links.insert(path.clone());
                }
                listing.files.insert(path);
            }
        }
        listing.directories.insert(directory);
    }
    listing
}

/// Reads the file at `path`.
pub(super) fn read(path: &Path, place: &str) -> Reading {
    let unreadable = |what: String, advice: &str| {
        Reading::Unreadable(Problem {
            place: place.to_owned(),
            what,
            advice: format!("{advice}; what was known of it stays in force"),
        })
    };
    let bytes = fs::metadata(path).and_then(|metadata| match metadata.len() {
        _ if metadata.is_dir() => Err(io::ErrorKind::NotFound.into()),
        // A pipe or device would be waited for.
        _ if !metadata.is_file() => Err(io::Error::other("it is no ordinary file")),
        length if length > FILE_BYTES_MAX => Err(io::ErrorKind::FileTooLarge.into()),
        _ => fs::read(path),
    });
    match bytes {
        Ok(bytes) => Reading::Bytes(bytes),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Reading::Absent,
            io::ErrorKind::FileTooLarge => unreadable("the file is larger than 16 MiB".to_owned(), "split it"),
            _ => unreadable(format!("the file cannot be read: {error}"), "let this user read it"),
        },
    }
}

/// Its stamp; none when there is no such file.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.ctime(), metadata.ctime_nsec(), metadata.len()))
}

/// When the file was changed or moved into place; none when there is no such file.
pub(super) fn changed_at(path: &Path) -> Option<Timestamp> {
    let metadata = fs::metadata(path).ok()?;
    Timestamp::new(metadata.ctime(), i32::try_from(metadata.ctime_nsec()).ok()?).ok()
}

/// A name of a manifest: `*.yaml`, `*.yml`, `*.json`. Temporary names of editors end otherwise or are hidden.
pub(super) fn has_manifest_name(path: &Path) -> bool {
    !is_hidden(path)
        && path.extension().is_some_and(|extension| matches!(extension.to_str(), Some("yaml" | "yml" | "json")))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// A manifest below `root`, none of whose directories is hidden.
pub(super) fn is_manifest(root: &Path, path: &Path) -> bool {
    has_manifest_name(path)
        && path.strip_prefix(root).is_ok_and(|below| {
            below.components().all(|component| !component.as_os_str().as_encoded_bytes().starts_with(b"."))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_are_known_by_their_names() {
        let root = Path::new("/c");
        for name in ["/c/a.yaml", "/c/x/a.yml", "/c/a.b.json"] {
            assert!(is_manifest(root, Path::new(name)), "{name}");
        }
        for name in [
            "/c/.a.yaml",
            "/c/.status/a.json",
            "/c/.git/x/a.yaml",
            "/c/a.yaml~",
            "/c/a.yaml.swp",
            "/c/#a.yaml#",
            "/c/a.yaml___jb_tmp___",
            "/c/4913",
            "/c/a.txt",
            "/d/a.yaml",
            "/c",
        ] {
            assert!(!is_manifest(root, Path::new(name)), "{name}");
        }
    }
}
