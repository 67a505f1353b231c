//! Secrets at rest: values that only a key opens, at the place where they were put.
//!
//! AES-256-GCM with a random nonce for each value. The place is authenticated with the value, so that nobody who may
//! write where sealed values lie can put one secret under the name of another. Where keys come from, which values are
//! secrets and where they lie is the business of whoever uses this.
#![warn(missing_docs)]

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

/// Length of a key in bytes.
pub const KEY_LEN: usize = 32;
/// Sealed values start so; JSON and protobuf messages never do.
const MAGIC: &[u8] = b"\0sealed1";

/// Seals and opens.
pub struct Key(RandomizedNonceKey);

/// Why a value cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key has the wrong length.
    #[error("a sealing key has {KEY_LEN} bytes")]
    Key,
    /// Sealing failed.
    #[error("the value cannot be sealed")]
    Seal,
    /// The value was sealed with another key or at another place, or changed, or never sealed.
    #[error("the value was sealed with another key, or changed since")]
    Open,
}

/// Whether a value says of itself that it is sealed.
#[must_use]
pub fn is_sealed(value: &[u8]) -> bool {
    value.starts_with(MAGIC)
}

impl Key {
    /// From random bytes.
    ///
    /// # Errors
    /// When there are not [`KEY_LEN`] of them.
    pub fn new(bytes: &[u8]) -> Result<Self, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, bytes).map(Self).map_err(|_| SealError::Key)
    }

    /// The sealed form of `value` at `place`.
    ///
    /// # Errors
    /// [`SealError::Seal`].
    pub fn seal(&self, place: &[u8], value: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = value.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(place), &mut sealed).map_err(|_| SealError::Seal)?;
        Ok([MAGIC, nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// The value that was sealed at `place`.
    ///
    /// # Errors
    /// [`SealError::Open`].
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) =
            sealed.strip_prefix(MAGIC).and_then(|rest| rest.split_at_checked(NONCE_LEN)).ok_or(SealError::Open)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Open)?;
        let mut value = sealed.to_vec();
        let length = self.0.open_in_place(nonce, Aad::from(place), &mut value).map_err(|_| SealError::Open)?.len();
        value.truncate(length);
        Ok(value)
    }
}

/// Without the key.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key::new(&[byte; KEY_LEN]).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_at_its_place_only() {
        let sealed = key(1).seal(b"here", b"a secret").unwrap();
        assert!(is_sealed(&sealed) && !sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(key(1).open(b"here", &sealed).unwrap(), b"a secret");
        assert_ne!(sealed, key(1).seal(b"here", b"a secret").unwrap(), "a nonce is used once");
        assert_eq!(key(2).open(b"here", &sealed), Err(SealError::Open));
        assert_eq!(key(1).open(b"there", &sealed), Err(SealError::Open));
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert_eq!(key(1).open(b"here", &changed), Err(SealError::Open), "byte {index}");
            assert_eq!(key(1).open(b"here", &sealed[..index]), Err(SealError::Open), "cut at {index}");
        }
    }

    #[test]
    fn key_of_another_length_is_none() {
        assert_eq!(Key::new(&[1; KEY_LEN - 1]).unwrap_err(), SealError::Key);
    }
}
