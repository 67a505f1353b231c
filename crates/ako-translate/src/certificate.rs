//! Certificates from Secrets (ako 5.1).

use certificates::{CertificateError, KeyError, PrivateKey};
use k8s_openapi::ByteString;

use crate::NamespacedName;
use crate::desired::{Certificate, Object, ObjectKey, ObjectType, Site, Spec};
use crate::left_out::Reason;
use crate::metadata::Markers;
use crate::view::View;

/// Secret of hosts that ask for TLS without one of their own, in the operator's namespace.
pub(crate) const DEFAULT_SECRET: &str = "router-certs-default";

/// What can be wrong with a certificate and its key, and what to do.
struct Faults {
    no_certificate: &'static str,
    certificate_broken: &'static str,
    no_key: &'static str,
    key_encrypted: &'static str,
    key_unusable: &'static str,
    mismatch: &'static str,
}

/// Of `tls.crt` and `tls.key`.
const MAIN: Faults = Faults {
    no_certificate: "tls.crt is not a certificate in PEM",
    certificate_broken: "tls.crt does not parse as a certificate; make the Secret again from the original file",
    no_key: "tls.key is not a private key in PEM",
    key_encrypted: "tls.key is encrypted; decrypt it first, for example with `openssl pkey`",
    key_unusable: "tls.key is no key that TLS can use; use RSA of 2048 to 8192 bits, ECDSA P-256, P-384 or P-521, or Ed25519",
    mismatch: "tls.key does not belong to the first certificate in tls.crt; put the host's own certificate first, its \
               chain after it, and its own key into tls.key",
};
/// Of `alt.crt` and `alt.key`.
const ALTERNATE: Faults = Faults {
    no_certificate: "alt.crt is not a certificate in PEM",
    certificate_broken: "alt.crt does not parse as a certificate; make the Secret again from the original file",
    no_key: "alt.key is not a private key in PEM",
    key_encrypted: "alt.key is encrypted; decrypt it first, for example with `openssl pkey`",
    key_unusable: "alt.key is no key that TLS can use; use RSA of 2048 to 8192 bits, ECDSA P-256, P-384 or P-521, or Ed25519",
    mismatch: "alt.key does not belong to the first certificate in alt.crt; put the host's own certificate first, its \
               chain after it, and its own key into alt.key",
};

/// One or two certificates of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) main: Certificate,
    /// `alt.crt` and `alt.key`, typically of the other key type.
    pub(crate) alternate: Option<Certificate>,
}

/// Reads a Secret.
pub(crate) fn read(view: &mut View<'_>, name: &NamespacedName) -> Result<Pair, Reason> {
    let secret = view.secret(name).ok_or_else(|| Reason::SecretMissing(name.clone()))?;
    let data = |key: &str| secret.data.as_ref().and_then(|data| data.get(key));
    let invalid = |what| Reason::SecretInvalid { secret: name.clone(), what };
    let main = certificate(data("tls.crt"), data("tls.key"), &MAIN).map_err(invalid)?;
    let main = main.ok_or_else(|| invalid("it lacks tls.crt or tls.key"))?;
    let alternate = certificate(data("alt.crt"), data("alt.key"), &ALTERNATE).map_err(invalid)?;
    Ok(Pair { main, alternate })
}

/// The Secret of the default certificate.
pub(crate) fn default_secret(site: &Site) -> NamespacedName {
    NamespacedName::new(site.settings.namespace.clone(), DEFAULT_SECRET)
}

/// Objects of a pair under its two names.
pub(crate) fn objects(pair: &Pair, tenant: &str, names: [String; 2], markers: &Markers) -> Vec<Object> {
    let all = [Some(&pair.main), pair.alternate.as_ref()].into_iter().zip(names);
    all.filter_map(|(certificate, name)| {
        Some(Object {
            key: ObjectKey { kind: ObjectType::SslKeyAndCertificate, tenant: tenant.to_owned(), name },
            markers: markers.clone(),
            spec: Spec::Certificate(certificate?.clone()),
        })
    })
    .collect()
}

/// A certificate and its key; `None` when either is not there. What a controller would refuse each time anew is not sent
/// to it (ako 13 line 48).
fn certificate(
    certificate: Option<&ByteString>,
    key: Option<&ByteString>,
    faults: &Faults,
) -> Result<Option<Certificate>, &'static str> {
    let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(None) };
    let certificate = text(certificate).ok_or(faults.no_certificate)?;
    let key = text(key).ok_or(faults.no_key)?;
    let parsed = certificates::Certificate::parse(&certificate).map_err(|error| match error {
        CertificateError::Pem(_) => faults.no_certificate,
        CertificateError::Der(_) => faults.certificate_broken,
    })?;
    let belongs = PrivateKey::parse(&key).and_then(|key| key.belongs_to(&parsed));
    belongs.map_err(|error| match error {
        KeyError::Encrypted => faults.key_encrypted,
        KeyError::Pem => faults.no_key,
        KeyError::Unusable => faults.key_unusable,
        KeyError::Mismatch => faults.mismatch,
    })?;
    Ok(Some(Certificate { certificate, key }))
}

fn text(bytes: &ByteString) -> Option<String> {
    String::from_utf8(bytes.0.clone()).ok()
}
