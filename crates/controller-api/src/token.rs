//! Tokens that stand in for a password (avi-api 1.13). Only a hash is stored, so a copy of the store logs nobody in.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use rand::Rng;
use serde::{Deserialize, Serialize};
use store::{Compare, Op, Outcome, Store, StoreError, Txn};

use crate::error::ApiError;

/// Every token's key starts so.
const PREFIX: &str = "/usertoken/";
/// Tokens one user may hold.
const PER_USER_MAX: usize = 100;
const HOUR_US: i64 = 3_600_000_000;

/// A token as it is stored, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    /// `usertoken-…`.
    pub(crate) uuid: String,
    /// Uuid of the user.
    pub(crate) user: String,
    /// Life in hours, as asked for.
    pub(crate) hours: u32,
    /// Microseconds since the Unix epoch.
    pub(crate) expires_us: i64,
}

/// The tokens in the store.
pub(crate) struct Tokens(Arc<dyn Store>);

impl Tokens {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// Makes a token; gives its value, which is shown once. Dead tokens of the user are cleared away.
    pub(crate) async fn create(&self, user: &str, hours: u32, now_us: i64) -> Result<(String, Token), ApiError> {
        let (dead, alive): (Vec<_>, Vec<_>) =
            self.all(user).await?.into_iter().partition(|(_, token)| token.expires_us <= now_us);
        if alive.len() >= PER_USER_MAX {
            let text = format!("this user has {PER_USER_MAX} tokens already: delete some first");
            return Err(ApiError::Body(text));
        }
        let value = hex(&rand::rng().random::<[u8; 20]>());
        let token = Token {
            uuid: format!("usertoken-{}", uuid::Uuid::new_v4()),
            user: user.to_owned(),
            hours,
            expires_us: now_us.saturating_add(i64::from(hours).saturating_mul(HOUR_US)),
        };
        let bytes = serde_json::to_vec(&token).map_err(|error| ApiError::Internal(error.into()))?;
        let key = key_of(&value)?;
        let mut ops = vec![Op::Put(key.clone(), bytes.into())];
        ops.extend(dead.into_iter().map(|(key, _)| Op::Delete(key)));
        match self.0.txn(Txn { compares: vec![Compare::Absent(key)], ops }).await? {
            Outcome::Committed(_) => Ok((value, token)),
            Outcome::Conflict(_) => Err(ApiError::Contended),
        }
    }

    /// The living token of this value.
    pub(crate) async fn find(&self, value: &str, now_us: i64) -> Result<Option<Token>, ApiError> {
        let entry = self.0.get(&key_of(value)?).await?;
        let token = entry.and_then(|entry| serde_json::from_slice::<Token>(&entry.value).ok());
        Ok(token.filter(|token| token.expires_us > now_us))
    }

    /// The living tokens of a user, the one that lives longest last.
    pub(crate) async fn list(&self, user: &str, now_us: i64) -> Result<Vec<Token>, ApiError> {
        let mut tokens: Vec<Token> = self.all(user).await?.into_iter().map(|(_, token)| token).collect();
        tokens.retain(|token| token.expires_us > now_us);
        tokens.sort_by_key(|token| token.expires_us);
        Ok(tokens)
    }

    /// Ends a token of a user, named by uuid or value; says whether there was one.
    pub(crate) async fn delete(&self, user: &str, id: &str) -> Result<bool, ApiError> {
        let by_value = key_of(id)?;
        let found = self.all(user).await?.into_iter().find(|(key, token)| token.uuid == id || *key == by_value);
        let Some((key, _)) = found else { return Ok(false) };
        self.0.txn(Txn { compares: vec![], ops: vec![Op::Delete(key)] }).await?;
        Ok(true)
    }

    async fn all(&self, user: &str) -> Result<Vec<(String, Token)>, StoreError> {
        let (entries, _) = self.0.range(PREFIX, None, 0).await?;
        let tokens = entries.into_iter().filter_map(|entry| {
            let token: Token = serde_json::from_slice(&entry.value).ok()?;
            (token.user == user).then_some((entry.key, token))
        });
        Ok(tokens.collect())
    }
}

/// The key a token is stored under. One cheap pass is enough: the values are 160 random bits, there is no guessing.
fn key_of(value: &str) -> Result<String, ApiError> {
    let failed = |error: argon2::Error| ApiError::Internal(error.to_string().into());
    let params = Params::new(Params::MIN_M_COST, 1, 1, Some(32)).map_err(failed)?;
    let mut hash = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(value.as_bytes(), b"meridian user token", &mut hash)
        .map_err(failed)?;
    Ok(format!("{PREFIX}{}", hex(&hash)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn a_token_lives_its_hours_and_its_value_is_not_stored() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let tokens = Tokens::new(store.clone());
        let (value, token) = tokens.create("user-1", 2, 1_000).await.unwrap();
        assert_eq!(value.len(), 40);
        assert_eq!(tokens.find(&value, 1_000 + 2 * HOUR_US - 1).await.unwrap(), Some(token.clone()));
        assert_eq!(tokens.find(&value, 1_000 + 2 * HOUR_US).await.unwrap(), None);
        assert_eq!(tokens.find("", 0).await.unwrap(), None);
        for entry in store.range("/", None, 0).await.unwrap().0 {
            assert!(!entry.key.contains(&value) && !String::from_utf8_lossy(&entry.value).contains(&value));
        }
        assert!(!tokens.delete("user-2", &token.uuid).await.unwrap());
        assert!(tokens.delete("user-1", &value).await.unwrap());
        assert_eq!(tokens.list("user-1", 0).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_user_holds_a_bounded_number_and_dead_ones_make_room() {
        let tokens = Tokens::new(Arc::new(MemoryStore::new()));
        for _ in 0..PER_USER_MAX {
            tokens.create("user-1", 1, 0).await.unwrap();
        }
        assert!(matches!(tokens.create("user-1", 1, 0).await, Err(ApiError::Body(_))));
        tokens.create("user-1", 1, HOUR_US).await.unwrap();
        assert_eq!(tokens.list("user-1", HOUR_US).await.unwrap().len(), 1);
    }
}
