//! One private key, and the certificate it belongs to.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use rustls::sign::SigningKey;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::Certificate;

/// A private key that can sign.
#[derive(Debug, Clone)]
pub struct PrivateKey(Arc<dyn SigningKey>);

/// Why text is no usable private key. No variant carries any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key needs a passphrase.
    #[error("the private key is encrypted: decrypt it first, for example with `openssl pkey`")]
    Encrypted,
    /// No `BEGIN … PRIVATE KEY`, or no base64 in it.
    #[error("there is no private key in PEM")]
    Pem,
    /// The content does not parse, or TLS has no use for it.
    #[error("the private key is none that TLS can use: RSA of 2048 to 8192 bits, ECDSA P-256, P-384 or P-521, Ed25519")]
    Unusable,
    /// It does not belong to the certificate.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

impl PrivateKey {
    /// The first private key of a PEM text: PKCS #8, PKCS #1 or SEC 1.
    ///
    /// # Errors
    /// [`KeyError::Encrypted`], [`KeyError::Pem`], [`KeyError::Unusable`].
    pub fn parse(pem: &str) -> Result<Self, KeyError> {
        if pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::Pem)?;
        any_supported_type(&der).map(Self).map_err(|_| KeyError::Unusable)
    }

    /// Whether the certificate is about this key.
    ///
    /// # Errors
    /// [`KeyError::Mismatch`].
    pub fn belongs_to(&self, certificate: &Certificate) -> Result<(), KeyError> {
        let own = self.0.public_key().ok_or(KeyError::Unusable)?;
        let (Ok((_, own)), Ok((_, theirs))) =
            (SubjectPublicKeyInfo::from_der(own.as_ref()), SubjectPublicKeyInfo::from_der(&certificate.public_key))
        else {
            return Err(KeyError::Mismatch);
        };
        // Parameters may be written in more than one way; the key itself may not.
        let is_same = own.algorithm.algorithm == theirs.algorithm.algorithm
            && own.subject_public_key.data == theirs.subject_public_key.data;
        if is_same { Ok(()) } else { Err(KeyError::Mismatch) }
    }
}
