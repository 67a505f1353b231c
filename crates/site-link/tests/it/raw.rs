//! A site in the hands of a test: TLS and frames, and no manners.

use std::net::SocketAddr;
use std::sync::Arc;

use any_certificate::{AnyCertificate, Signature};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use prost::Message as _;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use crate::harness::WITHIN;
use crate::wire::{Frame, Hello, frame::Kind};

pub(crate) struct Raw {
    pub(crate) frames: Framed<TlsStream<TcpStream>, LengthDelimitedCodec>,
}

/// Key and certificate, both PEM.
pub(crate) struct Keys {
    pub(crate) key: String,
    pub(crate) certificate: String,
}

pub(crate) fn keys() -> Keys {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
    Keys { key: key.serialize_pem(), certificate }
}

pub(crate) fn hello(site: &str, to: &str, protocol: u32) -> Hello {
    Hello { protocol, site: site.into(), to: to.into(), software: "raw".into(), keep_alive_ms: 2_000 }
}

impl Raw {
    pub(crate) async fn connect(to: SocketAddr, keys: &Keys) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certificate = CertificateDer::from_pem_slice(keys.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(keys.key.as_bytes()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(
                Arc::clone(&provider),
                Signature::Unchecked,
            )))
            .with_client_auth_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = vec![b"meridian-site".to_vec()];
        let tcp = TcpStream::connect(to).await.unwrap();
        let name = ServerName::try_from("meridian-site").unwrap();
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
        let codec = LengthDelimitedCodec::builder().max_frame_length(usize::MAX >> 1).new_codec();
        Self { frames: Framed::new(tls, codec) }
    }

    pub(crate) async fn send(&mut self, kind: Kind) {
        self.send_bytes(Frame { kind: Some(kind) }.encode_to_vec()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: Vec<u8>) {
        self.frames.send(Bytes::from(bytes)).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Option<Kind> {
        let bytes = timeout(WITHIN, self.frames.next()).await.unwrap()?.ok()?;
        Frame::decode(bytes).unwrap().kind
    }

    /// The words with which the other end closes.
    pub(crate) async fn goodbye(&mut self) -> String {
        loop {
            match self.next().await {
                Some(Kind::Goodbye(goodbye)) => return goodbye.words,
                Some(_) => {}
                None => return "closed without a word".to_owned(),
            }
        }
    }
}
