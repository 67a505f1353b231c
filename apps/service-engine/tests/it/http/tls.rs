//! HTTPS: a certificate is replaced under way.

use any_certificate::{AnyCertificate, Signature};
use model::http::{Certificate, VirtualService};
use model::testing::{http_pool, to_pool, virtual_service};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use super::backend::Backend;
use super::client::Client;
use super::*;
use crate::running::Running;

const NAME: &str = "shop.example.com";

/// A certificate that signed itself, and how a client sees it.
fn certificate() -> (Arc<Certificate>, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let der = made.cert.der().clone();
    let certificate = Certificate {
        uuid: "sslkeyandcertificate-1".into(),
        name: "shop".into(),
        chain_pem: made.cert.pem(),
        key_pem: made.signing_key.serialize_pem(),
    };
    (Arc::new(certificate), der)
}

fn https(vip: SocketAddr, certificate: &Arc<Certificate>) -> VirtualService {
    let mut service = virtual_service("vs", vip, to_pool("p"));
    service.ports[0].tls = true;
    service.certificates = vec![Arc::clone(certificate)];
    service
}

/// A client, and the certificate that it was shown.
async fn connect(vip: SocketAddr) -> (Client<TlsStream<TcpStream>>, CertificateDer<'static>) {
    let provider = Arc::new(default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(provider, Signature::Unchecked)))
        .with_no_client_auth();
    let stream = TcpStream::connect(vip).await.unwrap();
    let name = ServerName::try_from(NAME).unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    (Client::new(stream), shown)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_to_new_clients_and_closes_no_connection() {
    let backend = Backend::start(free_address(), "shop").await;
    let vip = free_address();
    let ((first, first_der), (second, second_der)) = (certificate(), certificate());
    let pools = || vec![http_pool("p", &[(backend.address, 1)])];
    let running = Running::start(http_snapshot(1, vec![https(vip, &first)], pools(), vec![]));
    running.wait("it listens", is_up("vs")).await;
    let (mut old, shown) = connect(vip).await;
    assert_eq!(shown, first_der);
    assert_eq!(old.get(NAME, "/1").await, (200, "shop /1".into()));
    let (mut downloading, _) = connect(vip).await;
    downloading.download(NAME).await;

    running.send(http_snapshot(2, vec![https(vip, &second)], pools(), vec![]));
    running.wait("the change", |report| report.version.revision.0 == 2).await;
    let (mut new, shown) = connect(vip).await;
    assert_eq!(shown, second_der);
    assert_eq!(new.get(NAME, "/2").await, (200, "shop /2".into()));
    assert_eq!(old.get(NAME, "/3").await, (200, "shop /3".into()));
    downloading.part().await;

    // One that cannot be read is left out, and the rest of the configuration serves.
    let broken = Arc::new(Certificate { chain_pem: "no PEM".into(), ..Certificate::clone(&second) });
    running.send(http_snapshot(3, vec![https(vip, &broken)], pools(), vec![]));
    running.wait("the change", |report| report.version.revision.0 == 3).await;
    assert_eq!(old.get(NAME, "/4").await, (200, "shop /4".into()));
    downloading.part().await;
    drop(downloading);
    running.engine.shutdown().await;
}
