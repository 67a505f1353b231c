//! One certificate, read.

use std::fmt::Write as _;
use std::net::IpAddr;

use rustls::pki_types::{CertificateDer, pem::PemObject};
use sha1::{Digest, Sha1};
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521, Oid};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Version as encoded: 0 is X.509 version 1, 2 is version 3 (RFC 5280 §4.1.2.1).
    pub version: u32,
    /// Serial number in decimal.
    pub serial_number: String,
    /// Who it is for.
    pub subject: Name,
    /// Who signed it.
    pub issuer: Name,
    /// Name of the signature algorithm: `sha256WithRSAEncryption`; dotted numbers where it has none.
    pub signature_algorithm: String,
    /// First second, since the epoch.
    pub not_before: i64,
    /// Last second, since the epoch.
    pub not_after: i64,
    /// SHA-1 of the whole certificate.
    pub sha1: [u8; 20],
    /// DNS names and addresses it is for.
    pub subject_alt_names: Vec<String>,
    /// Kind and size of its key.
    pub key: KeyKind,
    /// The key's `SubjectPublicKeyInfo` in DER.
    pub public_key: Vec<u8>,
}

/// A distinguished name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Name {
    /// `CN`.
    pub common_name: Option<String>,
    /// `O`.
    pub organization: Option<String>,
    /// `OU`.
    pub organization_unit: Option<String>,
    /// `L`.
    pub locality: Option<String>,
    /// `ST`.
    pub state: Option<String>,
    /// `C`.
    pub country: Option<String>,
    /// `emailAddress`.
    pub email_address: Option<String>,
    /// All of it: `C=US, O=Example, CN=example.com`.
    pub distinguished_name: String,
}

/// Kind and size of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA.
    Rsa {
        /// Length of the modulus in bits.
        bits: usize,
        /// Public exponent; 0 when it is larger than 64 bits.
        exponent: u64,
    },
    /// Elliptic curve; its name (`SECP256R1`), or dotted numbers.
    Ec(String),
    /// Another one; the name of its algorithm.
    Other(String),
}

/// Why text is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// No `BEGIN CERTIFICATE`, or no base64 in it.
    #[error("there is no certificate in PEM ({0})")]
    Pem(String),
    /// The content does not parse.
    #[error("the certificate does not parse ({0})")]
    Der(String),
}

impl Certificate {
    /// The first certificate of a PEM text; those after it are its chain.
    ///
    /// # Errors
    /// When there is none, or it does not parse.
    pub fn parse(pem: &str) -> Result<Self, CertificateError> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes());
        let der = der.map_err(|error| CertificateError::Pem(error.to_string()))?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|error| CertificateError::Der(error.to_string()))?;
        let algorithm = &parsed.signature_algorithm.algorithm;
        Ok(Self {
            version: parsed.version().0,
            serial_number: parsed.tbs_certificate.serial.to_string(),
            subject: Name::read(parsed.subject()),
            issuer: Name::read(parsed.issuer()),
            signature_algorithm: name_of(algorithm),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            sha1: Sha1::digest(&der).into(),
            subject_alt_names: alt_names(&parsed),
            key: KeyKind::read(parsed.public_key()),
            public_key: parsed.public_key().raw.to_vec(),
        })
    }

    /// Whether it names itself as its issuer.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.subject.distinguished_name == self.issuer.distinguished_name
    }

    /// SHA-1 as `openssl x509 -fingerprint` shows it: `AA:BB:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let bytes: Vec<String> = self.sha1.iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }

    /// The public key in PEM.
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        let text = base64(&self.public_key);
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            // Writing to a String does not fail.
            let _ = writeln!(pem, "{line}");
            rest = after;
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        pem
    }
}

/// Seconds since the epoch as `2030-01-31 12:00:00`, UTC; out of range, the number.
#[must_use]
pub fn date(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => seconds.to_string(),
    }
}

/// The inverse of [`date`]; `None` for other text.
#[must_use]
pub fn seconds(date: &str) -> Option<i64> {
    let at = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", date).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

impl Name {
    fn read(name: &X509Name<'_>) -> Self {
        let first = |mut values: Box<dyn Iterator<Item = &x509_parser::x509::AttributeTypeAndValue<'_>> + '_>| {
            values.next().and_then(|value| value.as_str().ok()).map(str::to_owned)
        };
        Self {
            common_name: first(Box::new(name.iter_common_name())),
            organization: first(Box::new(name.iter_organization())),
            organization_unit: first(Box::new(name.iter_organizational_unit())),
            locality: first(Box::new(name.iter_locality())),
            state: first(Box::new(name.iter_state_or_province())),
            country: first(Box::new(name.iter_country())),
            email_address: first(Box::new(name.iter_email())),
            distinguished_name: name.to_string(),
        }
    }
}

impl KeyKind {
    fn read(key: &SubjectPublicKeyInfo<'_>) -> Self {
        match key.parsed() {
            Ok(PublicKey::RSA(rsa)) => {
                Self::Rsa { bits: rsa.key_size(), exponent: rsa.try_exponent().unwrap_or_default() }
            }
            Ok(PublicKey::EC(_)) => {
                let curve = key.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
                Self::Ec(curve.map_or_else(String::new, |curve| curve_name(&curve)))
            }
            _ => Self::Other(name_of(&key.algorithm.algorithm)),
        }
    }
}

fn curve_name(curve: &Oid<'_>) -> String {
    let known = [(OID_EC_P256, "SECP256R1"), (OID_NIST_EC_P384, "SECP384R1"), (OID_NIST_EC_P521, "SECP521R1")];
    let name = known.iter().find(|(oid, _)| oid == curve).map(|(_, name)| (*name).to_owned());
    name.unwrap_or_else(|| curve.to_id_string())
}

fn name_of(oid: &Oid<'_>) -> String {
    let registry = x509_parser::objects::oid_registry();
    x509_parser::objects::oid2sn(oid, registry).map_or_else(|_| oid.to_id_string(), str::to_owned)
}

fn alt_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    });
    names.collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}
