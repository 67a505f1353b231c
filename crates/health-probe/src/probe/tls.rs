//! TLS of HTTPS probes. The server's certificate is not verified: avi-api 6.2 asks for that only with a PKI profile.

use std::{net::IpAddr, sync::Arc};

use any_certificate::{AnyCertificate, Signature};
use health::FailureCode;
use rustls::{ClientConfig, client::Resumption, crypto::aws_lc_rs};
use rustls_pki_types::ServerName;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Obstacle, obstacle::is_rustls};

/// The configuration all HTTPS probes share.
///
/// # Errors
/// When the library refuses its default protocol versions.
pub(crate) fn client_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(provider, Signature::Unchecked)))
        .with_no_client_auth();
    // Each probe is a full handshake: a resumed one would not show that the server can still make one.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Name to ask for: the monitor's own, else the host, else none (an IP address is not sent as SNI, RFC 6066 §3).
pub(crate) fn server_name(own: Option<&str>, host: &str, address: IpAddr) -> ServerName<'static> {
    [own.unwrap_or_default(), host]
        .into_iter()
        .filter(|name| !name.is_empty())
        .find_map(|name| ServerName::try_from(name).ok())
        .map_or_else(|| ServerName::from(address), |name| name.to_owned())
}

pub(crate) async fn handshake(
    stream: TcpStream,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    deadline: Instant,
) -> Result<TlsStream<TcpStream>, Obstacle> {
    match timeout_at(deadline, TlsConnector::from(config).connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if is_rustls(&error) || error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(Obstacle::target(FailureCode::SslError, error.to_string()))
        }
        Ok(Err(error)) => Err(Obstacle::from_io(error)),
        Err(_) => Err(Obstacle::target(FailureCode::ConnectionTimeout, "TLS handshake not complete in time")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monitors_own_name_comes_before_the_host() {
        let address = IpAddr::from([192, 0, 2, 1]);
        let name = |own, host| server_name(own, host, address).to_str().into_owned();
        assert_eq!(name(Some("own.example"), "host.example"), "own.example");
        assert_eq!(name(None, "host.example"), "host.example");
        assert_eq!(name(Some(""), ""), "192.0.2.1");
        assert_eq!(name(Some("not a name"), ""), "192.0.2.1");
    }
}
