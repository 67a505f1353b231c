//! Who a site is to the others: a key and the certificate that the others pin.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::pin::Pin;

/// Both PEM blocks, the key first.
const FILE: &str = "site-identity.pem";

/// Key and self-signed certificate of a site, made at the first start and kept for ever: the others pin it.
///
/// Its dates mean nothing; what ends its use is that the others take it off their rosters.
pub struct Identity {
    key: PrivateKeyDer<'static>,
    certificate: CertificateDer<'static>,
    certificate_pem: String,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file system refused.
    #[error("{doing} {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No key could be made.
    #[error("making a key and its certificate")]
    Make(#[source] rcgen::Error),
    /// What lies there is not what was put there.
    #[error(
        "the identity in {} is damaged; put back a copy, or remove it and have the other sites take this one in again",
        path.display()
    )]
    Damaged {
        /// Where.
        path: PathBuf,
    },
}

impl Identity {
    /// The identity in `dir`, made there (mode 0600, its directory 0700) if there is none.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn open(dir: &Path) -> Result<Self, IdentityError> {
        let path = dir.join(FILE);
        match fs::read(&path) {
            Ok(pem) => Self::parse(&pem).ok_or(IdentityError::Damaged { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let pem = make().map_err(IdentityError::Make)?;
                write(dir, &path, pem.as_bytes()).map_err(|source| IdentityError::File {
                    doing: "writing",
                    path: path.clone(),
                    source,
                })?;
                Self::parse(pem.as_bytes()).ok_or(IdentityError::Damaged { path })
            }
            Err(source) => Err(IdentityError::File { doing: "reading", path, source }),
        }
    }

    /// What the other sites pin.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    fn parse(pem: &[u8]) -> Option<Self> {
        let key = PrivateKeyDer::from_pem_slice(pem).ok()?;
        let certificate = CertificateDer::from_pem_slice(pem).ok()?;
        let text = std::str::from_utf8(pem).ok()?;
        let certificate_pem = text.get(text.find("-----BEGIN CERTIFICATE-----")?..)?.to_owned();
        let pair = KeyPair::try_from(&key).ok()?;
        let pin = Pin::of(&certificate)?;
        pin.is_of(&pair.subject_public_key_info()).then_some(Self { key, certificate, certificate_pem })
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

fn make() -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "meridian-site");
    let certificate = params.self_signed(&key)?;
    Ok(format!("{}{}", key.serialize_pem(), certificate.pem()))
}

/// Complete and durable under its name, or not there.
fn write(dir: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let fresh = dir.join(format!(".{FILE}.new"));
    fs::remove_file(&fresh).or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_identity_is_made_once_is_private_and_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("sites");
        let first = Identity::open(&dir).unwrap();
        assert_eq!(fs::metadata(dir.join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Identity::open(&dir).unwrap();
        assert_eq!(first.certificate_pem(), again.certificate_pem());
        assert!(!again.certificate_pem().contains("PRIVATE"), "{}", again.certificate_pem());
        assert!(!format!("{again:?}").contains("PRIVATE"));
    }

    #[test]
    fn a_damaged_identity_is_told_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (make().unwrap(), make().unwrap());
        let mixed = one.replace(&one[one.find("-----BEGIN CERT").unwrap()..], "")
            + &other[other.find("-----BEGIN CERT").unwrap()..];
        for content in ["", "half", mixed.as_str()] {
            fs::write(dir.path().join(FILE), content).unwrap();
            assert!(matches!(Identity::open(dir.path()), Err(IdentityError::Damaged { .. })), "{content}");
            assert_eq!(fs::read_to_string(dir.path().join(FILE)).unwrap(), content);
        }
    }
}
