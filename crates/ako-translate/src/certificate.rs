//! Certificates from Secrets (ako 5.1).

use k8s_openapi::ByteString;

use crate::NamespacedName;
use crate::desired::{Certificate, Object, ObjectKey, ObjectType, Site, Spec};
use crate::left_out::Reason;
use crate::metadata::Markers;
use crate::view::View;

/// Secret of hosts that ask for TLS without one of their own, in the operator's namespace.
pub(crate) const DEFAULT_SECRET: &str = "router-certs-default";

/// What is wrong with certificate and key.
const NOT_PEM: [&str; 2] = ["tls.crt is not a certificate in PEM", "tls.key is not a private key in PEM"];
const ALTERNATE_NOT_PEM: [&str; 2] = ["alt.crt is not a certificate in PEM", "alt.key is not a private key in PEM"];

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
    let main = certificate(data("tls.crt"), data("tls.key"), NOT_PEM).map_err(invalid)?;
    let main = main.ok_or_else(|| invalid("it lacks tls.crt or tls.key"))?;
    let alternate = certificate(data("alt.crt"), data("alt.key"), ALTERNATE_NOT_PEM).map_err(invalid)?;
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

/// A certificate and its key; `None` when either is not there. What is plainly no PEM is refused here, because a
/// controller would refuse it each time anew (ako 13 line 48).
fn certificate(
    certificate: Option<&ByteString>,
    key: Option<&ByteString>,
    [not_certificate, not_key]: [&'static str; 2],
) -> Result<Option<Certificate>, &'static str> {
    let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(None) };
    let certificate = text(certificate).filter(|pem| pem.contains("-----BEGIN CERTIFICATE-----"));
    let key = text(key).filter(|pem| pem.contains("-----BEGIN ") && pem.contains("PRIVATE KEY-----"));
    Ok(Some(Certificate { certificate: certificate.ok_or(not_certificate)?, key: key.ok_or(not_key)? }))
}

fn text(bytes: &ByteString) -> Option<String> {
    String::from_utf8(bytes.0.clone()).ok()
}
