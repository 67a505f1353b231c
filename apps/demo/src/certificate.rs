//! The certificate of the story's second application: made once, put into the cluster as its Secret.

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};

use crate::story;

/// A certificate with its key, PEM.
pub(crate) struct Certificate {
    /// What clients trust: it is signed by itself.
    pub(crate) certificate: String,
    key: String,
}

impl Certificate {
    /// Elliptic curve P-256, signed by itself, as the story makes it.
    pub(crate) fn make() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new([story::SECURE_HOST.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, story::SECURE_HOST);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        Ok(Self { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
    }

    /// Manifest of the Secret that holds it.
    pub(crate) fn secret(&self) -> String {
        let indented = |pem: &str| pem.trim_end().lines().map(|line| format!("    {line}\n")).collect::<String>();
        format!(
            "# Made when these manifests were copied.\napiVersion: v1\nkind: Secret\nmetadata:\n  name: hackazon-secret\n  \
             namespace: default\ntype: kubernetes.io/tls\nstringData:\n  tls.crt: |\n{}  tls.key: |\n{}",
            indented(&self.certificate),
            indented(&self.key)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_holds_certificate_and_key() {
        let made = Certificate::make().unwrap();
        let secret: serde_json::Value = serde_saphyr::from_str(&made.secret()).unwrap();
        let text = |key: &str| secret["stringData"][key].as_str().unwrap().trim_end().to_owned();
        assert_eq!(text("tls.crt"), made.certificate.trim_end());
        assert!(text("tls.key").starts_with("-----BEGIN PRIVATE KEY-----"));
    }
}
