//! The file that makes an engine known to a controller, once.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::clock::unix_s;

/// What a controller gives to whoever sets up an engine: where to go, whom to trust there, and the right to join once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinToken {
    /// Controllers as `host:port`, tried in turn.
    pub controllers: Vec<String>,
    /// SHA-256 of the authority's certificate in DER, in hexadecimal.
    pub authority_sha256: String,
    /// Which token.
    pub id: String,
    /// The secret, in hexadecimal.
    pub secret: String,
    /// When it ends, seconds since the Unix epoch.
    pub expires_s: u64,
}

/// Why a text is no join token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not the JSON that a controller writes.
    #[error("this is not a join token as a controller writes it")]
    Format(#[source] serde_json::Error),
    /// A field that cannot be.
    #[error("the join token's field {0} is malformed")]
    Field(&'static str),
}

impl JoinToken {
    /// Reads the content of a token file.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let token: Self = serde_json::from_str(text).map_err(TokenError::Format)?;
        if token.controllers.is_empty() {
            return Err(TokenError::Field("controllers"));
        }
        if token.fingerprint().is_none() {
            return Err(TokenError::Field("authority_sha256"));
        }
        if !is_id(&token.id) {
            return Err(TokenError::Field("id"));
        }
        if from_hex(&token.secret).is_none() {
            return Err(TokenError::Field("secret"));
        }
        Ok(token)
    }

    /// The content of a token file. It is a secret: mode 0600.
    #[must_use]
    pub fn to_text(&self) -> String {
        // A struct of texts and numbers always is JSON.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub(crate) fn is_expired(&self, now: SystemTime) -> bool {
        unix_s(now) >= self.expires_s
    }

    pub(crate) fn fingerprint(&self) -> Option<[u8; 32]> {
        from_hex(&self.authority_sha256)?.try_into().ok()
    }
}

impl std::fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinToken")
            .field("controllers", &self.controllers)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Whether a text from the network may be part of a file name here: 32 hexadecimal digits.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_survives_its_file_and_hides_its_secret() {
        let token = JoinToken {
            controllers: vec!["192.0.2.1:9444".into()],
            authority_sha256: "ab".repeat(32),
            id: "0f".repeat(16),
            secret: "cd".repeat(32),
            expires_s: 10,
        };
        assert_eq!(JoinToken::parse(&token.to_text()).unwrap(), token);
        assert!(!format!("{token:?}").contains("cdcd"));
        assert!(token.is_expired(crate::clock::at_unix_s(10)) && !token.is_expired(crate::clock::at_unix_s(9)));
    }

    #[test]
    fn what_is_no_token_says_so() {
        let good = r#"{"controllers":["a:1"],"authority_sha256":"HASH","id":"ID","secret":"00","expires_s":1}"#
            .replace("HASH", &"00".repeat(32))
            .replace("ID", &"00".repeat(16));
        JoinToken::parse(&good).unwrap();
        for (from, to) in
            [("[\"a:1\"]", "[]"), ("\"id\":\"0", "\"id\":\"/"), ("\"00\"", "\"0\""), ("256\":\"00", "256\":\"")]
        {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good);
            assert!(matches!(JoinToken::parse(&text), Err(TokenError::Field(_))), "{text}");
        }
        assert!(JoinToken::parse("hello").unwrap_err().to_string().starts_with("this is not a join token"));
    }
}
