//! Which files go: whole ones, the oldest first.

use std::fs;
use std::path::{Path, PathBuf};

use se_protocol::logs::LogKind;

use crate::files::FileName;

/// Microseconds of the hour that a file holds.
pub(crate) const HOUR_US: i64 = 3_600_000_000;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Hours that a file is kept after its own.
    pub kept_hours: i64,
    /// Bytes of all files of one kind together.
    pub bytes_max: u64,
    /// Bytes of one file; then the hour goes on in another.
    pub file_bytes_max: u64,
}

impl Default for Limits {
    /// A week, but at most 1 GiB in files of 64 MiB.
    fn default() -> Self {
        Self { kept_hours: 7 * 24, bytes_max: 1 << 30, file_bytes_max: 64 << 20 }
    }
}

/// The log files of a directory for one kind by age, the oldest first.
pub(crate) fn list(dir: &Path, kind: LogKind) -> Vec<(FileName, PathBuf)> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut files: Vec<(FileName, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some((FileName::parse(entry.file_name().to_str()?)?, entry.path())))
        .filter(|(name, _)| name.kind == kind)
        .collect();
    files.sort();
    files
}

/// Bytes of a file with what SQLite keeps beside it.
pub(crate) fn bytes(path: &Path) -> u64 {
    with_companions(path).iter().filter_map(|path| fs::metadata(path).ok()).map(|metadata| metadata.len()).sum()
}

/// Deletes what is too old or too much, but never `open`.
pub(crate) fn apply(dir: &Path, kind: LogKind, limits: &Limits, open: Option<FileName>, now_us: i64) {
    let oldest_kept = now_us.div_euclid(HOUR_US) - limits.kept_hours;
    let files = list(dir, kind);
    let mut total: u64 = files.iter().map(|(_, path)| bytes(path)).sum();
    for (name, path) in files {
        if Some(name) == open || (name.hour >= oldest_kept && total <= limits.bytes_max) {
            continue;
        }
        total = total.saturating_sub(bytes(&path));
        for path in with_companions(&path) {
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), reason = %error, "old logs cannot be deleted");
            }
        }
        tracing::debug!(path = %path.display(), "old logs deleted");
    }
}

fn with_companions(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        list(dir, LogKind::Dns).into_iter().map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn old_files_go_whole_and_others_when_there_is_too_much() {
        let dir = tempfile::tempdir().unwrap();
        let file = |hour, part| FileName { kind: LogKind::Dns, hour, part };
        for (name, size) in [(file(100, 0), 10), (file(110, 0), 10), (file(110, 1), 10), (file(111, 0), 10)] {
            fs::write(dir.path().join(name.to_string()), vec![0; size]).unwrap();
        }
        fs::write(dir.path().join(format!("{}-wal", file(110, 0))), [0; 5]).unwrap();
        fs::write(dir.path().join("other"), [0; 5]).unwrap();
        fs::write(dir.path().join(FileName { kind: LogKind::Http, ..file(1, 0) }.to_string()), [0; 50]).unwrap();
        let limits = Limits { kept_hours: 10, bytes_max: 100, file_bytes_max: 100 };
        apply(dir.path(), LogKind::Dns, &limits, Some(file(111, 0)), 112 * HOUR_US);
        assert_eq!(names(dir.path()), [file(110, 0), file(110, 1), file(111, 0)].map(|name| name.to_string()));
        apply(dir.path(), LogKind::Dns, &Limits { bytes_max: 20, ..limits }, Some(file(111, 0)), 112 * HOUR_US);
        assert_eq!(names(dir.path()), [file(110, 1), file(111, 0)].map(|name| name.to_string()));
        apply(dir.path(), LogKind::Dns, &Limits { bytes_max: 1, ..limits }, Some(file(111, 0)), 112 * HOUR_US);
        assert_eq!(names(dir.path()), [file(111, 0).to_string()]);
        let left = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(left, 3, "the files beside, and no companion of a deleted one");
    }
}
