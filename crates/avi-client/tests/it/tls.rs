//! Which certificates are taken.

use std::sync::Arc;

use avi_client::{AviClient, Config, ConfigError, Verification};
use axum_server::tls_rustls::RustlsConfig;
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::fake::{Fake, config};

/// A controller with its own certificate; its address and that certificate as PEM.
async fn start() -> (String, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![cert.der().clone()],
            rustls_pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let router = Fake::default().router();
    let server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(Arc::new(server))).unwrap();
    tokio::spawn(server.serve(router.into_make_service()));
    (address, cert.pem())
}

fn client(address: &str, tls: Verification) -> AviClient {
    AviClient::new(Config { tls, ..config(address) }).unwrap()
}

#[tokio::test]
async fn the_stated_ca_is_trusted_from_text_and_from_file() {
    let (address, pem) = start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &pem).unwrap();
    client(&address, Verification::CaPem(pem.into_bytes())).login().await.unwrap();
    client(&address, Verification::CaFile(file.path().to_owned())).login().await.unwrap();
}

#[tokio::test]
async fn another_ca_is_refused_with_advice_unless_nothing_is_checked() {
    let (address, _) = start().await;
    let (_, other) = start().await;
    let error = client(&address, Verification::CaPem(other.into_bytes())).login().await.unwrap_err();
    assert!(error.to_string().contains("give the controller's own CA"), "{error}");
    client(&address, Verification::Insecure).login().await.unwrap();
}

#[test]
fn an_unusable_ca_is_refused_with_its_place() {
    let with = |tls| AviClient::new(Config { tls, ..config("https://c") }).unwrap_err();
    let error = with(Verification::CaFile("/nowhere/ca.pem".into()));
    assert!(matches!(&error, ConfigError::ReadCa { path, .. } if path == "/nowhere/ca.pem"), "{error}");
    let error = with(Verification::CaPem(b"no pem".to_vec()));
    assert!(error.to_string().contains("holds no certificate"), "{error}");
}
