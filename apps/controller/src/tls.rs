//! The API's certificate: given, or made here together with a small authority that clients trust.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context, bail};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{config::TlsSource, data_dir::DataDir};

const CA: &str = "ca.pem";
const CA_KEY: &str = "ca-key.pem";
const CERTIFICATE: &str = "controller.pem";
const KEY: &str = "controller-key.pem";
/// What the certificate was made for and until when, so that a restart knows whether it still serves.
const ISSUED: &str = "controller-certificate.json";

const DAY: Duration = Duration::from_secs(86_400);
/// The longest that browsers accept, counted from yesterday.
const CERTIFICATE_DAYS: u32 = 824;
/// A certificate with less left is made anew at the start.
const RENEW_DAYS: u32 = 60;
/// Ten years.
const CA_DAYS: u32 = 3_652;

/// What the server needs, and what its clients need.
pub(crate) struct Tls {
    pub(crate) server: Arc<ServerConfig>,
    /// File that clients trust.
    pub(crate) ca: PathBuf,
}

/// The certificate that `source` asks for; an own one is made when there is none yet, when it was made for other names,
/// or when it ends soon. The authority stays.
pub(crate) fn prepare(source: &TlsSource, data: &DataDir, listen: SocketAddr, now: SystemTime) -> anyhow::Result<Tls> {
    let (certificate, key, ca) = match source {
        TlsSource::Own { names } => {
            let names = all_names(names, listen);
            if !is_current(data, &names, now) {
                issue(data, &names, now).context("making the controller's certificate")?;
            }
            (data.file(CERTIFICATE), data.file(KEY), data.file(CA))
        }
        TlsSource::Files { certificate, key, ca } => {
            (certificate.clone(), key.clone(), ca.clone().unwrap_or_else(|| certificate.clone()))
        }
    };
    Ok(Tls { server: server_config(&certificate, &key)?, ca })
}

fn server_config(certificate: &Path, key: &Path) -> anyhow::Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("reading the certificate {}", certificate.display()))?;
    if chain.is_empty() {
        bail!("{} holds no certificate in PEM", certificate.display());
    }
    let private_key =
        PrivateKeyDer::from_pem_file(key).with_context(|| format!("reading the private key {}", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .context("choosing TLS versions")?
        .with_no_client_auth()
        .with_single_cert(chain, private_key)
        .with_context(|| format!("using {} with {}", certificate.display(), key.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn all_names(extra: &[String], listen: SocketAddr) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    if !listen.ip().is_unspecified() {
        names.push(listen.ip().to_string());
    }
    names.extend_from_slice(extra);
    names.sort();
    names.dedup();
    names
}

/// Whether the certificate on disk was made for these names and serves a while longer.
fn is_current(data: &DataDir, names: &[String], now: SystemTime) -> bool {
    let issued = fs::read(data.file(ISSUED)).ok().and_then(|bytes| serde_json::from_slice::<Issued>(&bytes).ok());
    let all_there = [CA, CA_KEY, CERTIFICATE, KEY].iter().all(|name| data.file(name).exists());
    all_there && issued.is_some_and(|issued| issued.names == names && issued.until > seconds(now + RENEW_DAYS * DAY))
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Issued {
    names: Vec<String>,
    /// Seconds since the Unix epoch.
    until: u64,
}

fn issue(data: &DataDir, names: &[String], now: SystemTime) -> anyhow::Result<()> {
    let issuer = authority(data, now)?;
    let key = KeyPair::generate().context("making a private key")?;
    let mut params = CertificateParams::new(names).context("using the names given for it")?;
    params.distinguished_name = named("Meridian controller");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let until = now + CERTIFICATE_DAYS * DAY;
    (params.not_before, params.not_after) = ((now - DAY).into(), until.into());
    let certificate = params.signed_by(&key, &issuer).context("signing it")?;
    data.write(KEY, key.serialize_pem().as_bytes())?;
    data.write(CERTIFICATE, certificate.pem().as_bytes())?;
    // Last: only what is complete counts as issued.
    let issued = Issued { names: names.to_vec(), until: seconds(until) };
    data.write(ISSUED, &serde_json::to_vec(&issued)?)?;
    Ok(())
}

/// The authority on disk, or a new one.
fn authority(data: &DataDir, now: SystemTime) -> anyhow::Result<Issuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Meridian controller authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = ((now - DAY).into(), (now + CA_DAYS * DAY).into());
    if data.file(CA).exists() && data.file(CA_KEY).exists() {
        let text = fs::read_to_string(data.file(CA_KEY)).context("reading the authority's key")?;
        let key = KeyPair::from_pem(&text).context("reading the authority's key")?;
        return Ok(Issuer::new(params, key));
    }
    let key = KeyPair::generate().context("making the authority's key")?;
    let certificate = params.self_signed(&key).context("signing the authority")?;
    data.write(CA_KEY, key.serialize_pem().as_bytes())?;
    data.write(CA, certificate.pem().as_bytes())?;
    Ok(Issuer::new(params, key))
}

/// A name that says one thing.
pub(crate) fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(names: &[&str]) -> TlsSource {
        TlsSource::Own { names: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn the_authority_stays_and_the_certificate_follows_names_and_age() {
        let root = tempfile::tempdir().unwrap();
        let data = DataDir::open(root.path()).unwrap();
        let listen = "127.0.0.1:9443".parse().unwrap();
        let start = SystemTime::UNIX_EPOCH + 20_000 * DAY;
        let read = |name: &str| fs::read(root.path().join(name)).unwrap();

        prepare(&own(&[]), &data, listen, start).unwrap();
        let (ca, first) = (read(CA), read(CERTIFICATE));
        prepare(&own(&[]), &data, listen, start + DAY).unwrap();
        assert_eq!(read(CERTIFICATE), first, "a restart changes nothing");
        prepare(&own(&["controller.example.com"]), &data, listen, start + DAY).unwrap();
        let second = read(CERTIFICATE);
        assert_ne!(second, first, "another name, another certificate");
        prepare(&own(&["controller.example.com"]), &data, listen, start + 800 * DAY).unwrap();
        assert_ne!(read(CERTIFICATE), second, "one that ends soon is renewed");
        assert_eq!(read(CA), ca);
    }

    #[test]
    fn files_that_are_no_certificate_are_named() {
        let root = tempfile::tempdir().unwrap();
        let data = DataDir::open(root.path()).unwrap();
        let path = data.write("given.pem", b"nothing").unwrap();
        let source = TlsSource::Files { certificate: path.clone(), key: path.clone(), ca: None };
        let error = prepare(&source, &data, "127.0.0.1:1".parse().unwrap(), SystemTime::UNIX_EPOCH).err().unwrap();
        assert!(error.to_string().contains("given.pem holds no certificate"), "{error:#}");
    }
}
