//! Passwords: argon2id hashes, verified off the async threads and a few at a time.

use std::sync::Arc;

use argon2::{
    Argon2, PasswordHasher, PasswordVerifier,
    password_hash::{PasswordHash, SaltString},
};
use rand::Rng;
use tokio::sync::Semaphore;

/// Verifications at once: each takes 19 MiB and some 20 ms of one core.
const VERIFY_AT_ONCE: usize = 2;
/// Verifications that may wait. Further ones are told to come back, so that guessing passwords cannot starve the API.
const VERIFY_WAITING_MAX: usize = 128;

/// Why a password could not be hashed or checked; it says nothing about the password itself.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many checks are waiting.
    #[error("too many logins are being checked")]
    Busy,
    /// The hash function failed.
    #[error("hashing a password: {0}")]
    Hash(argon2::password_hash::Error),
    /// The worker thread ended early.
    #[error("the password check was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

/// Hashes a password with a fresh salt; the text is in PHC format and holds all parameters.
///
/// # Errors
/// When the hash function fails.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    let salt: [u8; 16] = rand::rng().random();
    let salt = SaltString::encode_b64(&salt).map_err(PasswordError::Hash)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// The gate that all password checks pass.
#[derive(Debug, Clone)]
pub(crate) struct Verifier {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    /// Hash that stands in for a user that does not exist, so that both take the same time.
    nobody: Arc<str>,
}

impl Verifier {
    /// Makes the gate.
    ///
    /// # Errors
    /// When the hash function fails.
    pub(crate) fn new() -> Result<Self, PasswordError> {
        let unguessable: [u8; 16] = rand::rng().random();
        Ok(Self {
            running: Arc::new(Semaphore::new(VERIFY_AT_ONCE)),
            admitted: Arc::new(Semaphore::new(VERIFY_AT_ONCE + VERIFY_WAITING_MAX)),
            nobody: hash(&format!("{unguessable:?}"))?.into(),
        })
    }

    /// Whether `password` belongs to `hash`; without a hash, or with one that cannot be read, takes as long and says no.
    pub(crate) async fn verify(&self, hash: Option<&str>, password: &str) -> Result<bool, PasswordError> {
        let _place = self.admitted.clone().try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let _turn = self.running.clone().acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        let (known, hash) = match hash {
            Some(hash) => (true, hash.to_owned()),
            None => (false, self.nobody.to_string()),
        };
        let password = password.to_owned();
        let matches =
            tokio::task::spawn_blocking(move || matches(&hash, &password)).await.map_err(PasswordError::Interrupted)?;
        Ok(known && matches)
    }

    /// Hashes off the async threads.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let _turn = self.running.clone().acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        let password = password.to_owned();
        tokio::task::spawn_blocking(move || hash(&password)).await.map_err(PasswordError::Interrupted)?
    }
}

fn matches(hash: &str, password: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_passes() {
        let verifier = Verifier::new().unwrap();
        let hash = verifier.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(verifier.verify(Some(&hash), "correct horse").await.unwrap());
        assert!(!verifier.verify(Some(&hash), "wrong").await.unwrap());
        assert!(!verifier.verify(Some("garbage"), "garbage").await.unwrap());
        assert!(!verifier.verify(None, "correct horse").await.unwrap());
    }

    #[tokio::test]
    async fn checks_beyond_the_bound_are_turned_away() {
        let verifier = Verifier::new().unwrap();
        let all = u32::try_from(VERIFY_AT_ONCE + VERIFY_WAITING_MAX).unwrap();
        let _taken = verifier.admitted.clone().acquire_many_owned(all).await.unwrap();
        assert!(matches!(verifier.verify(None, "x").await, Err(PasswordError::Busy)));
    }
}
