//! A TLS client that takes whatever certificate a server shows.
//!
//! For health monitors, whose servers' certificates nobody vouches for, for operators told not to verify, and for tests
//! and benchmarks, which made the certificate themselves. Nobody is authenticated this way: nothing that is secret may
//! depend on it.
#![warn(missing_docs)]

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Takes every certificate of a server.
#[derive(Debug, Clone)]
pub struct AnyCertificate {
    provider: Arc<CryptoProvider>,
    signature: Signature,
}

/// Whether the server has to own the key of the certificate that it shows (RFC 8446 §4.4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// The handshake's signature is checked.
    Checked,
    /// It is not looked at: also certificates that webpki cannot read are taken, as X.509 v1 of plain `openssl` commands.
    Unchecked,
}

impl AnyCertificate {
    /// With the algorithms of `provider`, which are also those offered to the server.
    pub fn new(provider: Arc<CryptoProvider>, signature: Signature) -> Self {
        Self { provider, signature }
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.signature {
            Signature::Unchecked => Ok(HandshakeSignatureValid::assertion()),
            Signature::Checked => {
                let algorithms = &self.provider.signature_verification_algorithms;
                verify_tls12_signature(message, certificate, signature, algorithms)
            }
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.signature {
            Signature::Unchecked => Ok(HandshakeSignatureValid::assertion()),
            Signature::Checked => {
                let algorithms = &self.provider.signature_verification_algorithms;
                verify_tls13_signature(message, certificate, signature, algorithms)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
