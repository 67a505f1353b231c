//! Who an engine is: its uuid, key and certificate, and the controller that gave them.

use std::{path::Path, time::SystemTime};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::KeyPair;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

use crate::{
    certificate::{Facts, belongs},
    private_file::{self, FileError},
};

const FILE: &str = "identity.json";

/// An engine's identity, as it lies in its directory.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Uuid that the controller gave.
    pub engine_uuid: String,
    /// What people call it.
    pub name: String,
    /// Controllers as `host:port`.
    pub controllers: Vec<String>,
    /// Which token it was got with; empty when that is not known.
    pub token_id: String,
    pub(super) certificate: CertificateDer<'static>,
    /// PKCS #8 in DER.
    pub(super) key: Vec<u8>,
    pub(super) authority: CertificateDer<'static>,
    not_after: SystemTime,
}

/// Why an identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is none.
    #[error("this engine has not joined a controller yet; join with a token file first")]
    None,
    /// The file is not what it was.
    #[error("the identity in {0} is damaged; join again with a new token")]
    Damaged(String),
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
}

#[derive(Serialize, Deserialize)]
struct Stored {
    engine_uuid: String,
    name: String,
    controllers: Vec<String>,
    #[serde(default)]
    token_id: String,
    certificate: String,
    key: String,
    authority: String,
}

impl Identity {
    /// From what a controller gave. `None` when the certificate is not for this key, or for no engine.
    pub(super) fn new(
        name: String,
        controllers: Vec<String>,
        certificate: Vec<u8>,
        key: Vec<u8>,
        authority: Vec<u8>,
    ) -> Option<Self> {
        let facts = Facts::read(&certificate)?;
        let pair = KeyPair::try_from(key.as_slice()).ok()?;
        belongs(&facts, &pair).then(|| Self {
            engine_uuid: facts.subject,
            name,
            controllers,
            token_id: String::new(),
            certificate: certificate.into(),
            key,
            authority: authority.into(),
            not_after: facts.not_after,
        })
    }

    /// The same, got with this token.
    pub(super) fn got_with(self, token_id: &str) -> Self {
        Self { token_id: token_id.to_owned(), ..self }
    }

    /// Reads the identity in an engine's directory.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn load(dir: &Path) -> Result<Self, IdentityError> {
        let content = private_file::read(&dir.join(FILE))?.ok_or(IdentityError::None)?;
        Self::parse(&content).ok_or_else(|| IdentityError::Damaged(dir.join(FILE).display().to_string()))
    }

    fn parse(content: &[u8]) -> Option<Self> {
        let stored: Stored = serde_json::from_slice(content).ok()?;
        let decode = |text: &str| BASE64_STANDARD.decode(text).ok();
        let (certificate, key, authority) =
            (decode(&stored.certificate)?, decode(&stored.key)?, decode(&stored.authority)?);
        Self::new(stored.name, stored.controllers, certificate, key, authority)
            .filter(|identity| identity.engine_uuid == stored.engine_uuid)
            .map(|identity| identity.got_with(&stored.token_id))
    }

    pub(super) fn save(&self, dir: &Path) -> Result<(), FileError> {
        let encode = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
        let stored = Stored {
            engine_uuid: self.engine_uuid.clone(),
            name: self.name.clone(),
            controllers: self.controllers.clone(),
            token_id: self.token_id.clone(),
            certificate: encode(&self.certificate),
            key: encode(&self.key),
            authority: encode(&self.authority),
        };
        private_file::write(dir, FILE, &serde_json::to_vec_pretty(&stored).unwrap_or_default())
    }

    /// When its certificate ends.
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    pub(super) fn is_expired(&self, now: SystemTime) -> bool {
        now >= self.not_after
    }

    pub(super) fn private_key(&self) -> Result<PrivateKeyDer<'static>, rustls::Error> {
        PrivateKeyDer::try_from(self.key.clone()).map_err(|reason| rustls::Error::General(reason.to_owned()))
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("engine_uuid", &self.engine_uuid)
            .field("controllers", &self.controllers)
            .finish_non_exhaustive()
    }
}
