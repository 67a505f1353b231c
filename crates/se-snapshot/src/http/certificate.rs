//! `SSLKeyAndCertificate` with the certificates that issued it (avi-api 2.11).

use std::sync::Arc;

use model::http::Certificate;

use crate::{field::Message, reading::Reading};

/// Name of the certificate that is shown where a virtual service has none (avi-api appendix A).
pub(super) const DEFAULT: &str = "System-Default-Cert";

/// The certificate; `None` where there is none, or it lacks its key.
pub(super) fn read(uuid: &str, reading: &mut Reading<'_, '_>) -> Option<Arc<Certificate>> {
    let Some(object) = reading.get("sslkeyandcertificate", uuid) else {
        // It may be in the store, and sealed with another key.
        let label = format!("SSLKeyAndCertificate {uuid}");
        let missing = Message::root(&label, crate::field::nothing());
        reading.tell(missing.problem("", "no such object can be read; clients are not shown it"));
        return None;
    };
    let label = format!("SSLKeyAndCertificate {}", object.name);
    let certificate = Message::root(&label, object.fields);
    let Some(pem) = pem(&certificate) else {
        reading.tell(certificate.problem("certificate", "no certificate yet; clients are not shown it"));
        return None;
    };
    let Some(key) = certificate.text("key") else {
        reading.tell(certificate.problem("key", "no private key; clients are not shown the certificate"));
        return None;
    };
    if certificate.flag("enable_ocsp_stapling", false) {
        reading.tell(certificate.problem("enable_ocsp_stapling", "not done by this release"));
    }
    let mut chain = vec![pem.trim_end()];
    for issuer in certificate.messages("ca_certs") {
        let Some(uuid) = issuer.reference("ca_ref") else { continue };
        let Some(object) = reading.get("sslkeyandcertificate", uuid) else {
            reading.tell(issuer.problem("ca_ref", "no such object; the chain is shown without it"));
            continue;
        };
        let pem = self::pem(&Message::root("", object.fields)).map(str::trim_end);
        chain.extend(pem.filter(|pem| !chain.contains(pem)));
    }
    let mut chain_pem = chain.join("\n");
    chain_pem.push('\n');
    let (uuid, name) = (object.uuid.to_owned(), object.name.to_owned());
    Some(Arc::new(Certificate { uuid, name, chain_pem, key_pem: key.to_owned() }))
}

fn pem<'a>(certificate: &Message<'a>) -> Option<&'a str> {
    certificate.message("certificate").text("certificate")
}
