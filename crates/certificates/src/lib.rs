//! X.509 certificates and private keys as facts: names, dates, whether they belong together.
//!
//! PEM text in, values out; no clock, no file, no trust decision: whoever presents a chain is judged elsewhere. Start
//! with [`Certificate::parse`] and [`PrivateKey::parse`]. Covers RFC 5280 §4.1 as far as avi-api 2.11 shows it, also
//! certificates of version 1, which `openssl req -x509` makes without extensions and some stories use.
#![warn(missing_docs)]

mod certificate;
mod private_key;

pub use certificate::{Certificate, CertificateError, KeyKind, Name, date, seconds};
pub use private_key::{KeyError, PrivateKey};
