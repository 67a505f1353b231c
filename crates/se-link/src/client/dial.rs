//! Connections to a controller: TCP, TLS, and a gRPC channel on exactly that connection.

use std::{io, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error as TlsError, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use super::{
    Identity,
    alert::{Alert, Alerted},
};
use crate::{
    certificate::{ALPN, CONTROLLER_NAME, fingerprint, provider, roots},
    server::KEEPALIVE,
};

/// Longest way from an address to a connection that is ready.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Why there is no connection. The words are for whoever runs the engine.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Nobody answers there.
    #[error("connecting to {address}")]
    Connect {
        /// `host:port`.
        address: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It takes too long.
    #[error("{0} did not complete a connection within 10 s")]
    Slow(String),
    /// Somebody else is there.
    #[error(
        "{0} is not the controller that this engine belongs to: its certificate comes from another authority; \
         check the address, or join again with a token of that controller"
    )]
    OtherController(String),
    /// TLS failed.
    #[error("TLS with {address}")]
    Tls {
        /// `host:port`.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// gRPC failed.
    #[error("opening the stream to {address}")]
    Channel {
        /// `host:port`.
        address: String,
        /// Why.
        #[source]
        source: tonic::transport::Error,
    },
}

/// TLS that trusts the controller an engine joined, and shows who the engine is.
pub(super) fn as_engine(identity: &Identity) -> Result<ClientConfig, TlsError> {
    let verifier = controllers(&identity.authority)?;
    let config =
        builder(verifier)?.with_client_auth_cert(vec![identity.certificate.clone()], identity.private_key()?)?;
    Ok(with_alpn(config))
}

/// TLS that trusts the controller whose authority has this fingerprint, and shows nothing.
pub(crate) fn pinned(fingerprint: [u8; 32]) -> Result<ClientConfig, TlsError> {
    let verifier = Arc::new(PinnedAuthority { fingerprint, provider: provider() });
    Ok(with_alpn(builder(verifier)?.with_no_client_auth()))
}

/// A channel over one new connection; when that is lost, so is the channel. What the other end's TLS says against this one
/// is put into `alert`.
pub(crate) async fn dial(address: &str, tls: ClientConfig, alert: &Alert) -> Result<Channel, DialError> {
    match timeout(CONNECT_WITHIN, connect(address, tls, alert)).await {
        Ok(result) => result,
        Err(_) => Err(DialError::Slow(address.to_owned())),
    }
}

async fn connect(address: &str, tls: ClientConfig, alert: &Alert) -> Result<Channel, DialError> {
    let at = || address.to_owned();
    let tcp = TcpStream::connect(address).await.map_err(|source| DialError::Connect { address: at(), source })?;
    tcp.set_nodelay(true).map_err(|source| DialError::Connect { address: at(), source })?;
    let name = ServerName::try_from(CONTROLLER_NAME)
        .map_err(|error| DialError::Tls { address: at(), source: io::Error::other(error) })?;
    let stream =
        TlsConnector::from(Arc::new(tls)).connect(name, tcp).await.map_err(|source| match tls_error(&source) {
            Some(TlsError::InvalidCertificate(
                CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::ApplicationVerificationFailure,
            )) => DialError::OtherController(at()),
            _ => DialError::Tls { address: at(), source },
        })?;
    let connection = Mutex::new(Some(TokioIo::new(Alerted::new(stream, alert.clone()))));
    let connector = tower::service_fn(move |_: http::Uri| {
        let connection = connection.lock().take();
        async move { connection.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    Endpoint::from_static("http://meridian-controller")
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true)
        .connect_with_connector(connector)
        .await
        .map_err(|source| DialError::Channel { address: at(), source })
}

fn tls_error(error: &io::Error) -> Option<&TlsError> {
    error.get_ref()?.downcast_ref()
}

fn builder(
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(builder)
}

fn with_alpn(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![ALPN.to_vec()];
    config
}

fn controllers(authority: &CertificateDer<'_>) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    WebPkiServerVerifier::builder_with_provider(roots(authority)?, provider())
        .build()
        .map_err(|error| TlsError::General(error.to_string()))
}

/// Trusts the authority that the other end shows if it is the one of the token, and then what it signed.
#[derive(Debug)]
struct PinnedAuthority {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let authority = intermediates
            .iter()
            .find(|certificate| fingerprint(certificate) == self.fingerprint)
            .ok_or(TlsError::InvalidCertificate(CertificateError::UnknownIssuer))?;
        controllers(authority)?.verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(TlsError::General("only TLS 1.3 is spoken here".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}
