//! TLS settings: a stated CA, or no check at all.

use std::sync::Arc;

use any_certificate::{AnyCertificate, Signature};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::{config::Verification, error::ConfigError};

/// Settings for one client; the cryptography is named here and nowhere taken from a process-wide default.
pub(crate) fn client_config(verification: &Verification) -> Result<ClientConfig, ConfigError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|source| ConfigError::Tls { source })?;
    let mut config = match verification {
        Verification::Insecure => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(provider, Signature::Checked)))
            .with_no_client_auth(),
        Verification::CaPem(pem) => {
            builder.with_root_certificates(roots(pem, "the given PEM text")?).with_no_client_auth()
        }
        Verification::CaFile(path) => {
            let place = path.display().to_string();
            let pem = std::fs::read(path).map_err(|source| ConfigError::ReadCa { path: place.clone(), source })?;
            builder.with_root_certificates(roots(&pem, &place)?).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(pem: &[u8], place: &str) -> Result<RootCertStore, ConfigError> {
    let unusable = |reason: String| ConfigError::Ca { place: place.to_owned(), reason };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        store.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    Ok(store)
}
