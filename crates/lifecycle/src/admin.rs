//! The address for whoever looks after a program: `/metrics`, `/livez`, `/readyz`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Metrics;

/// Whether the program does its work; else why not, in words.
pub type Ready = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// A running admin address. Dropping it closes it.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    stop: CancellationToken,
    _task: JoinHandle<()>,
}

/// Why there is no admin address.
#[derive(Debug, thiserror::Error)]
#[error("listening for /metrics and /readyz on {address}; give another --admin-listen")]
pub struct AdminError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

impl Admin {
    /// Answers from now on.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn start(address: SocketAddr, metrics: Metrics, ready: Ready) -> Result<Self, AdminError> {
        Self::start_beside(address, metrics, ready, Router::new()).await
    }

    /// As [`Admin::start`], with more to answer.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn start_beside(
        address: SocketAddr,
        metrics: Metrics,
        ready: Ready,
        beside: Router,
    ) -> Result<Self, AdminError> {
        let failed = |source| AdminError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let router = router(Arc::new(metrics), ready).merge(beside);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                tracing::error!(reason = %error, "the admin address stopped");
            }
        });
        Ok(Self { address, stop, _task: task })
    }

    /// Where it answers.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn router(metrics: Arc<Metrics>, ready: Ready) -> Router {
    let readyz = move || {
        let answer = match ready() {
            Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
            Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
        };
        std::future::ready(answer)
    };
    Router::new()
        .route("/livez", get(|| std::future::ready("ok\n")))
        .route("/readyz", get(readyz))
        .route("/metrics", get(move || std::future::ready(text(&metrics).into_response())))
}

fn text(metrics: &Metrics) -> impl IntoResponse + use<> {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, metrics.registry()) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (StatusCode::OK, [(CONTENT_TYPE, kind)], text)
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, [(CONTENT_TYPE, "text/plain")], format!("{error}\n")),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::{Family, Kind, Sample};

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn life_readiness_and_metrics_are_told() {
        let mut metrics = Metrics::new("engine", "1.2.3");
        let samples = vec![Sample { labels: vec![("transport", "udp".to_owned())], value: 7 }];
        metrics.read(move || {
            let (name, help) = ("dns_queries", "Messages received");
            vec![Family { name, help, kind: Kind::Counter, samples: samples.clone() }]
        });
        let ready: Ready = Arc::new(|| Err("no snapshot yet".to_owned()));
        let admin = Admin::start("127.0.0.1:0".parse().unwrap(), metrics, ready).await.unwrap();
        let address = admin.local_addr();
        assert!(ask(address, "/livez").await.starts_with("HTTP/1.1 200"));
        let readiness = ask(address, "/readyz").await;
        assert!(readiness.starts_with("HTTP/1.1 503") && readiness.contains("no snapshot yet"), "{readiness}");
        let text = ask(address, "/metrics").await;
        for line in [
            "meridian_build_info{component=\"engine\",version=\"1.2.3\"} 1",
            "meridian_uptime_seconds 0",
            "meridian_dns_queries_total{transport=\"udp\"} 7",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
