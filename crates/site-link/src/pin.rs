//! What of a certificate is compared: its public key. Dates, names and issuers are passed over, so that a site whose wall
//! clock is wrong still links.

use std::fmt;

use rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_parser::prelude::{FromDer, X509Certificate};

/// SubjectPublicKeyInfo of a site's certificate, in DER.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pin(Vec<u8>);

impl Pin {
    /// `None` when the bytes are no certificate.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        Some(Self(certificate.public_key().raw.to_vec()))
    }

    /// `None` when the text holds no certificate.
    pub(crate) fn of_pem(pem: &str) -> Option<Self> {
        Self::of(&CertificateDer::from_pem_slice(pem.as_bytes()).ok()?)
    }

    pub(crate) fn is_of(&self, public_key: &[u8]) -> bool {
        self.0 == public_key
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({} bytes)", self.0.len())
    }
}
