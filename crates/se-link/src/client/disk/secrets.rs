//! Private keys on the engine's disk: bodies of certificates are sealed, with a key that lies beside the identity.

use std::path::Path;

use rand::RngCore;
use se_protocol::{
    transfer::Part,
    wire::{Chunk, Resource, ResourceKind},
};
use seal::{KEY_LEN, Key};

use crate::private_file::{self, FileError};

/// File with the key, readable by its owner alone.
pub(super) const SEAL_KEY: &str = "seal-key";

/// A certificate that the key does not open.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closed;

/// The key in `dir`; `None` when there is none that can be used.
pub(super) fn load(dir: &Path) -> Option<Key> {
    match private_file::read(&dir.join(SEAL_KEY)) {
        Ok(bytes) => Key::new(&bytes?).ok(),
        Err(error) => {
            tracing::warn!(reason = crate::certificate::chain(&error), "key of the engine's private files not read");
            None
        }
    }
}

/// A new key, in place of any before.
pub(super) fn make(dir: &Path) -> Result<Key, FileError> {
    let failed = |source| FileError::new("making", &dir.join(SEAL_KEY), std::io::Error::other(source));
    let mut bytes = [0; KEY_LEN];
    rand::rng().fill_bytes(&mut bytes);
    private_file::write(dir, SEAL_KEY, &bytes)?;
    Key::new(&bytes).map_err(failed)
}

/// What is to be written.
pub(super) fn seal(parts: &mut [Part], key: &Key) -> Result<(), seal::SealError> {
    for resource in certificates(parts) {
        resource.body = key.seal(&place(resource), &resource.body)?.into();
    }
    Ok(())
}

/// What was written. Without a key nothing that is sealed opens.
pub(super) fn open(part: &mut Part, key: Option<&Key>) -> Result<(), Closed> {
    for resource in certificates(std::slice::from_mut(part)) {
        let opened = key.and_then(|key| key.open(&place(resource), &resource.body).ok());
        resource.body = opened.ok_or(Closed)?.into();
    }
    Ok(())
}

fn certificates(parts: &mut [Part]) -> impl Iterator<Item = &mut Resource> {
    let chunks = parts.iter_mut().filter_map(|part| match part {
        Part::Chunk(Chunk { puts, deletes: _ }) => Some(puts),
        Part::Begin(_) | Part::Commit(_) => None,
    });
    let kind = i32::from(ResourceKind::Certificate);
    chunks.flatten().filter(move |resource| resource.key.as_ref().is_some_and(|key| key.kind == kind))
}

fn place(resource: &Resource) -> Vec<u8> {
    resource.key.as_ref().map(|key| key.id.clone().into_bytes()).unwrap_or_default()
}
