//! TLS 1.3 in which either end proves that it has the key of the certificate it shows.
//!
//! Whether that certificate is the pinned one is judged after the handshake (`roster.rs`), when the other end can be told
//! why not. Nothing that was said before is taken for true, and sessions are not resumed.

use std::io;
use std::sync::Arc;

use any_certificate::{AnyCertificate, Signature};
use rustls::client::Resumption;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    ClientConfig, CommonState, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::identity::Identity;
use crate::pin::Pin;

/// Name of the protocol, for TLS.
const ALPN: &[u8] = b"meridian-site";
/// In certificates of sites a name says nothing, but TLS wants one.
const NAME: &str = "meridian-site";

/// TLS of one site, for both directions.
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl Tls {
    pub(crate) fn new(identity: &Identity) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = &[&rustls::version::TLS13];
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)?
            .with_client_cert_verifier(Arc::new(AnyClient(Arc::clone(&provider))))
            .with_single_cert(vec![identity.certificate()], identity.key())?;
        server.alpn_protocols = vec![ALPN.to_vec()];
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(provider, Signature::Checked)))
            .with_client_auth_cert(vec![identity.certificate()], identity.key())?;
        client.alpn_protocols = vec![ALPN.to_vec()];
        client.resumption = Resumption::disabled();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(server)), connector: TlsConnector::from(Arc::new(client)) })
    }

    pub(crate) async fn accept<S>(&self, stream: S) -> io::Result<(tokio_rustls::server::TlsStream<S>, Pin)>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let stream = self.acceptor.accept(stream).await?;
        let pin = pin_of(stream.get_ref().1)?;
        Ok((stream, pin))
    }

    pub(crate) async fn connect<S>(&self, stream: S) -> io::Result<(tokio_rustls::client::TlsStream<S>, Pin)>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
        let stream = self.connector.connect(name, stream).await?;
        let pin = pin_of(stream.get_ref().1)?;
        Ok((stream, pin))
    }
}

fn pin_of(state: &CommonState) -> io::Result<Pin> {
    let shown = state.peer_certificates().and_then(|shown| shown.first());
    shown.and_then(Pin::of).ok_or_else(|| io::Error::other("the other end shows no certificate that can be read"))
}

/// Any certificate of who dials in, who has to have its key: what [`AnyCertificate`] is to who is dialled.
#[derive(Debug)]
struct AnyClient(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only TLS 1.3 is spoken here".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
