//! Directories and files that only their owner reads.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The file system refused.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}", path.display())]
pub struct FileError {
    doing: &'static str,
    path: PathBuf,
    #[source]
    pub(crate) source: io::Error,
}

impl FileError {
    pub(crate) fn new(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self { doing, path: path.to_owned(), source }
    }
}

/// Makes a directory if it is not there, and closes it to others.
pub(crate) fn make_dir(path: &Path) -> Result<(), FileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o700)))
        .map_err(|source| FileError::new("making the directory", path, source))
}

/// Writes a whole file: complete and durable under its name, or as it was.
pub(crate) fn write(dir: &Path, name: &str, content: &[u8]) -> Result<(), FileError> {
    let (path, fresh) = (dir.join(name), dir.join(format!(".{name}.new")));
    let put = || {
        // One that a crash left behind may have another mode.
        fs::remove_file(&fresh).or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(dir)?.sync_all()
    };
    put().map_err(|source| {
        // Half a file has no use, and its room may be what is missing.
        fs::remove_file(&fresh).unwrap_or_default();
        FileError::new("writing", &path, source)
    })
}

/// Content of a file; `None` when it is not there.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::new("reading", path, source)),
    }
}
