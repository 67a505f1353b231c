//! What both ends know about certificates.

use std::{sync::Arc, time::SystemTime};

use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData};
use rustls::{RootCertStore, crypto::CryptoProvider, pki_types::CertificateDer};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::clock::at_unix_s;

/// Name in the controller's certificate. The authority signs for one controller and its engines alone, so the name says
/// "the controller", whatever its address.
pub(crate) const CONTROLLER_NAME: &str = "meridian-controller";
/// Protocol of the link, for TLS.
pub(crate) const ALPN: &[u8] = b"h2";

/// Longest words of a status, in characters: they are for one line of a log.
const WORDS_MAX: usize = 300;

/// What is read from a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Common name: the engine's uuid.
    pub(crate) subject: String,
    pub(crate) not_after: SystemTime,
    /// SubjectPublicKeyInfo.
    pub(crate) public_key: Vec<u8>,
}

impl Facts {
    /// `None` when the bytes are no certificate of ours.
    pub(crate) fn read(certificate: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let subject = certificate.subject().iter_common_name().next()?.as_str().ok()?.to_owned();
        let not_after = at_unix_s(u64::try_from(certificate.validity().not_after.timestamp()).ok()?);
        Some(Self { subject, not_after, public_key: certificate.public_key().raw.to_vec() })
    }
}

/// SHA-256 of a certificate in DER.
pub(crate) fn fingerprint(certificate: &[u8]) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

/// A new key and the request for its certificate in DER.
pub(crate) fn request(name: &str) -> Result<(KeyPair, Vec<u8>), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let request = params.serialize_request(&key)?;
    Ok((key, request.der().to_vec()))
}

/// Whether `certificate` was made for `key`.
pub(crate) fn belongs(facts: &Facts, key: &KeyPair) -> bool {
    facts.public_key == key.subject_public_key_info()
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

pub(crate) fn roots(authority: &CertificateDer<'_>) -> Result<Arc<RootCertStore>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone().into_owned())?;
    Ok(Arc::new(roots))
}

/// What a status says: the other end's words, or what broke the stream, without the layers that passed it on.
pub(crate) fn words(status: &tonic::Status) -> String {
    let mut error = std::error::Error::source(status);
    while let Some(source) = error.and_then(std::error::Error::source) {
        error = Some(source);
    }
    // A status that was read out of another error has its words and no source.
    let text = error.map_or_else(|| status.message().to_owned(), ToString::to_string);
    // What rustls says of a process that was killed; a page of documentation follows.
    if text.contains("without sending TLS close_notify") {
        return "the other end went away without a word".to_owned();
    }
    let text = if error.is_some() { format!("the connection broke: {text}") } else { text };
    match text.char_indices().nth(WORDS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// The error and its sources in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let part = source.to_string();
        // Transport errors tend to repeat their source.
        if !text.ends_with(&part) {
            text = format!("{text}: {part}");
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[track_caller]
    fn check(error: Error, expected: &str) {
        assert_eq!(words(&tonic::Status::from_error(Box::new(error))), expected);
    }

    #[test]
    fn words_of_a_stream_that_broke_say_what_broke_it_alone() {
        check(ErrorKind::ConnectionReset.into(), "the connection broke: connection reset");
        let killed = "peer closed connection without sending TLS close_notify: https://docs.rs/rustls";
        check(Error::new(ErrorKind::UnexpectedEof, killed), "the other end went away without a word");
        let without_source = tonic::Status::unknown(format!("h2 protocol error: connection error: {killed}"));
        assert_eq!(words(&without_source), "the other end went away without a word");
        assert_eq!(words(&tonic::Status::unknown("ü".repeat(900))), "ü".repeat(WORDS_MAX) + "…");
        assert_eq!(words(&tonic::Status::aborted("the controller is stopping")), "the controller is stopping");
    }
}
