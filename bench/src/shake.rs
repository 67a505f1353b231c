//! A load of whole TLS handshakes: each connection shakes hands anew, asks once, reads the answer, and ends.
//!
//! `openssl s_time` opens one connection after the other, so that a server sleeps between any two of them, and `wrk` resumes
//! its sessions. This one keeps several connections under way, and offers every server the same: TLS 1.3 with X25519.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use any_certificate::{AnyCertificate, Signature};
use anyhow::{Context, ensure};
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// What is asked of whom, how long; `http` starts it.
#[derive(Debug, clap::Args)]
pub(crate) struct ShakeArgs {
    #[arg(long)]
    port: u16,
    #[arg(long)]
    seconds: u64,
    /// Connections at a time
    #[arg(long)]
    connections: u32,
    /// Hosts that are asked in turn
    #[arg(long)]
    hosts: u32,
}

/// Shakes hands for so long, then prints how many connections were answered with 200.
pub(crate) async fn run(args: ShakeArgs) -> anyhow::Result<()> {
    let args = Arc::new(args);
    let connector = TlsConnector::from(Arc::new(config()?));
    let end = tokio::time::Instant::now() + Duration::from_secs(args.seconds);
    let mut tasks = JoinSet::new();
    for first in 0..args.connections {
        let (args, connector) = (Arc::clone(&args), connector.clone());
        tasks.spawn(async move {
            let mut answered = 0_u64;
            for n in (first..).step_by(usize::try_from(args.connections)?) {
                if tokio::time::Instant::now() >= end {
                    break;
                }
                ask(&args, &connector, n % args.hosts).await?;
                answered += 1;
            }
            anyhow::Ok(answered)
        });
    }
    let mut answered = 0;
    for result in tasks.join_all().await {
        answered += result?;
    }
    #[expect(clippy::print_stdout, reason = "`http` reads it")]
    {
        println!("{answered}");
    }
    Ok(())
}

async fn ask(args: &ShakeArgs, connector: &TlsConnector, host: u32) -> anyhow::Result<()> {
    let name = format!("app-{host}.example.com");
    let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port))).await.context("connecting")?;
    stream.set_nodelay(true)?;
    let mut stream = connector.connect(ServerName::try_from(name.clone())?, stream).await.context("shaking hands")?;
    let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.context("asking")?;
    let mut answer = Vec::with_capacity(1024);
    // Some close without saying so in TLS; the answer is whole all the same.
    let read = stream.read_to_end(&mut answer).await;
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "{read:?}: {}", String::from_utf8_lossy(&answer));
    Ok(())
}

fn config() -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::X25519],
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384],
        ..aws_lc_rs::default_provider()
    });
    // What the client thinks of the certificate is not measured.
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(provider, Signature::Unchecked)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}
