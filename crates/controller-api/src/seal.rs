//! Secrets at rest: stored objects that hold any are sealed with a key that is not in the store.
//!
//! The store's key is the place of a value, so that nobody who may write to the store can put one object's secrets under
//! the name of another. What was stored before there was a seal stays readable, and is sealed when it is written next.

use std::borrow::Cow;

pub use ::seal::{KEY_LEN as SEAL_KEY_LEN, SealError};
use ::seal::{Key, is_sealed};
use avi_schema::{Kind, MessageSchema};
use objects::Types;
use store::{Compare, Op, Outcome, Store, StoreError, Txn};

/// Key of the entry that tells whether a key is the right one.
const CHECK_KEY: &str = "/seal/check";
/// What that entry says.
const CHECK: &[u8] = b"sealed";

/// Seals and opens values of the store.
pub struct Seal {
    key: Key,
    /// `/object/<type>/` of each type that can hold a secret.
    prefixes: Vec<String>,
}

/// Why a store cannot be used with a seal.
#[derive(Debug, thiserror::Error)]
pub enum SealClaimError {
    /// The store's secrets were sealed with another key.
    #[error("the secrets in the store were sealed with another key")]
    OtherKey,
    /// Sealing failed.
    #[error("sealing the check entry")]
    Seal(#[source] SealError),
    /// The store failed.
    #[error("reading the store's check entry")]
    Store(#[source] StoreError),
}

/// Whether a store has been used with a seal.
///
/// # Errors
/// When the store cannot be read.
pub async fn has_seal(store: &dyn Store) -> Result<bool, StoreError> {
    Ok(store.get(CHECK_KEY).await?.is_some())
}

impl Seal {
    /// Makes the store one of this seal, or checks that it is.
    ///
    /// # Errors
    /// [`SealClaimError`].
    pub async fn claim(&self, store: &dyn Store) -> Result<(), SealClaimError> {
        let check = self.seal(CHECK_KEY, CHECK).map_err(SealClaimError::Seal)?;
        let claim = Txn {
            compares: vec![Compare::Absent(CHECK_KEY.to_owned())],
            ops: vec![Op::Put(CHECK_KEY.to_owned(), check.into())],
        };
        if let Outcome::Committed(_) = store.txn(claim).await.map_err(SealClaimError::Store)? {
            return Ok(());
        }
        match store.get(CHECK_KEY).await.map_err(SealClaimError::Store)? {
            Some(entry) if self.holds(&entry.value) => Ok(()),
            _ => Err(SealClaimError::OtherKey),
        }
    }

    /// A seal for every type of `types` that has a secret.
    ///
    /// # Errors
    /// When the key has not [`SEAL_KEY_LEN`] bytes.
    pub fn new(key: &[u8], types: &Types) -> Result<Self, SealError> {
        let secret = types.iter().filter(|schema| has_secret(schema.message));
        let prefixes = secret.map(|schema| objects::key::object(schema.path, "")).collect();
        Ok(Self { key: Key::new(key)?, prefixes })
    }

    /// The form in which `value` is stored at `key`.
    ///
    /// # Errors
    /// [`SealError::Seal`].
    pub fn seal(&self, key: &str, value: &[u8]) -> Result<Vec<u8>, SealError> {
        let is_secret = key == CHECK_KEY || self.prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()));
        if !is_secret {
            return Ok(value.to_vec());
        }
        self.key.seal(key.as_bytes(), value)
    }

    /// The value that `stored` stands for.
    ///
    /// # Errors
    /// [`SealError::Open`].
    pub fn open<'v>(&self, key: &str, stored: &'v [u8]) -> Result<Cow<'v, [u8]>, SealError> {
        if !is_sealed(stored) {
            return Ok(Cow::Borrowed(stored));
        }
        self.key.open(key.as_bytes(), stored).map(Cow::Owned)
    }

    /// Whether a check entry was made with this key.
    fn holds(&self, stored: &[u8]) -> bool {
        is_sealed(stored) && self.open(CHECK_KEY, stored).is_ok_and(|value| *value == *CHECK)
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").field("prefixes", &self.prefixes).finish_non_exhaustive()
    }
}

fn has_secret(message: &MessageSchema) -> bool {
    message.fields.iter().any(|field| field.sensitive || is_secret(&field.kind))
}

fn is_secret(kind: &Kind) -> bool {
    match kind {
        Kind::Message(message) => has_secret(message),
        Kind::List { of, .. } => is_secret(of),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(byte: u8) -> Seal {
        Seal::new(&[byte; SEAL_KEY_LEN], &Types::new(avi_schema::TYPES.iter().copied())).unwrap()
    }

    const AT: &str = "/object/sslkeyandcertificate/a";

    #[test]
    fn what_is_sealed_opens_with_its_key_in_its_place_only() {
        let sealed = seal(1).seal(AT, b"{\"key\": 1}").unwrap();
        assert!(!sealed.windows(5).any(|window| window == b"\"key\""));
        assert_eq!(seal(1).open(AT, &sealed).unwrap(), b"{\"key\": 1}".as_slice());
        assert_ne!(sealed, seal(1).seal(AT, b"{\"key\": 1}").unwrap(), "a nonce is used once");
        assert_eq!(seal(2).open(AT, &sealed), Err(SealError::Open));
        assert_eq!(seal(1).open("/object/sslkeyandcertificate/b", &sealed), Err(SealError::Open));
    }

    #[test]
    fn types_without_secrets_and_older_values_stay_readable() {
        let seal = seal(1);
        assert_eq!(seal.seal("/object/pool/a", b"{}").unwrap(), b"{}");
        assert_eq!(seal.seal("/name/user/admin/x", b"u").unwrap(), b"u");
        assert_eq!(seal.open(AT, b"{}").unwrap(), b"{}".as_slice());
        for path in ["sslkeyandcertificate", "gslb", "user", "cloud", "systemconfiguration"] {
            assert_ne!(seal.seal(&format!("/object/{path}/a"), b"{}").unwrap(), b"{}", "{path}");
        }
    }

    #[tokio::test]
    async fn a_store_belongs_to_one_key() {
        let store = store::MemoryStore::new();
        assert!(!has_seal(&store).await.unwrap());
        seal(1).claim(&store).await.unwrap();
        seal(1).claim(&store).await.unwrap();
        assert!(matches!(seal(2).claim(&store).await, Err(SealClaimError::OtherKey)));
        assert!(has_seal(&store).await.unwrap());
        assert_eq!(Seal::new(&[0; 5], &Types::default()).unwrap_err(), SealError::Key);
    }
}
