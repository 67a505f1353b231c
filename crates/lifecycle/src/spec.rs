//! The configuration file: YAML, with the version of its form.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// It cannot be read.
    #[error("reading {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// It is of another form; the first line should be `version: 1`.
    #[error("{} says version {found}, this program reads version {expected}", path.display())]
    Version {
        /// Which.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// What is read here.
        expected: u32,
    },
    /// An unknown or malformed field.
    #[error("{}: {detail}", path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// What, and in which line.
        detail: String,
    },
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Reads a file whose `version` is `expected`. `T` has that field too, and should deny unknown ones.
///
/// # Errors
/// [`SpecError`].
pub fn read_spec<T: DeserializeOwned>(path: &Path, expected: u32) -> Result<T, SpecError> {
    let form = |source: serde_saphyr::Error| SpecError::Form { path: path.to_owned(), detail: source.to_string() };
    let text = fs::read_to_string(path).map_err(|source| SpecError::Read { path: path.to_owned(), source })?;
    let Versioned { version: found } = serde_saphyr::from_str(&text).map_err(form)?;
    if found != expected {
        return Err(SpecError::Version { path: path.to_owned(), found, expected });
    }
    serde_saphyr::from_str(&text).map_err(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Spec {
        #[expect(dead_code, reason = "read by Versioned")]
        version: u32,
        listen: String,
    }

    #[test]
    fn file_of_the_right_form_is_read_and_others_say_what_is_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.yaml");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            read_spec::<Spec>(&path, 1)
        };
        assert_eq!(read("version: 1\nlisten: a:1\n").unwrap().listen, "a:1");
        assert!(matches!(read("version: 2\nlisten: a:1\n"), Err(SpecError::Version { found: 2, .. })));
        assert!(matches!(read("listen: a:1\n"), Err(SpecError::Form { .. })));
        let Err(SpecError::Form { detail, .. }) = read("version: 1\nlisten: a:1\nlissten: b\n") else { panic!() };
        assert!(detail.contains("lissten"), "{detail}");
    }
}
