//! The command line of a status.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::StatusDocument;
use crate::plan::Output;
use crate::spec::ADMIN;

/// Longest wait for the operator.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Longest answer, in bytes; a hundred thousand objects take less.
const BYTES_MAX: u64 = 256 << 20;

/// Which operator is asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meridian amko status
  meridian amko status --admin 127.0.0.1:9447 -o json
  kubectl -n avi-system exec amko-0 -- meridian amko status")]
pub struct StatusArgs {
    /// Where the operator answers /metrics, /readyz and /status
    #[arg(long, value_name = "ADDR", env = "MERIDIAN_AMKO_ADMIN_LISTEN", default_value_t = ADMIN)]
    admin: SocketAddr,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

impl StatusArgs {
    /// Asks the operator.
    ///
    /// # Errors
    /// None runs there, or it does not answer.
    pub(crate) async fn run(self) -> anyhow::Result<String> {
        let asked = tokio::time::timeout(ANSWER_MAX, ask(self.admin)).await;
        let body = asked.with_context(|| format!("the operator at {} does not answer", self.admin))??;
        let document: StatusDocument = serde_json::from_str(&body).context("reading the operator's answer")?;
        match self.output {
            Output::Text => Ok(document.to_string()),
            Output::Json => Ok(serde_json::to_string_pretty(&document).context("printing JSON")? + "\n"),
        }
    }
}

/// One request of HTTP/1.0, whose answer ends with the connection (RFC 1945 §7.2.2).
async fn ask(address: SocketAddr) -> anyhow::Result<String> {
    let connected = TcpStream::connect(address).await;
    let mut stream =
        connected.with_context(|| format!("no operator at {address}; name its --admin-listen by --admin"))?;
    let request = format!("GET /status HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.context("asking the operator")?;
    let mut answer = Vec::new();
    stream.take(BYTES_MAX).read_to_end(&mut answer).await.context("reading the operator's answer")?;
    let answer = String::from_utf8(answer).context("reading the operator's answer")?;
    let (head, body) = answer.split_once("\r\n\r\n").context("what answers is no operator")?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        Some("503") => bail!("{}", body.trim()),
        _ => bail!("what answers at {address} is no operator that tells its status"),
    }
}
