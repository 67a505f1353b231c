//! A client over TLS that trusts what the controller says to trust.

use std::path::Path;
use std::sync::Arc;

use controller::{Controller, ControllerConfig, Listen};
use reqwest::{Method, RequestBuilder, Response};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};

/// A configuration on a free port.
pub(crate) fn config(data_dir: &Path) -> ControllerConfig {
    let mut config = ControllerConfig::new(data_dir);
    config.listen = Listen::At("127.0.0.1:0".parse().unwrap());
    config
}

/// A logged-in client.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    cookies: String,
    csrf: String,
}

impl Client {
    pub(crate) async fn log_in(controller: &Controller) -> Self {
        let password = std::fs::read_to_string(controller.password_path().unwrap()).unwrap();
        Self::log_in_at(&controller.url(), controller.ca_path(), password.trim()).await
    }

    pub(crate) async fn log_in_at(url: &str, ca: &Path, password: &str) -> Self {
        let http = http(ca);
        let body = json!({"username": "admin", "password": password}).to_string();
        let reply = http.post(format!("{url}/login")).body(body).send().await.unwrap();
        assert_eq!(reply.status(), 200);
        let set = reply.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        let cookies: Vec<String> = set.map(|text| text.split(';').next().unwrap().to_owned()).collect();
        let csrf = cookies.iter().find_map(|cookie| cookie.strip_prefix("csrftoken=")).unwrap().to_owned();
        Self { http, url: url.to_owned(), cookies: cookies.join("; "), csrf }
    }

    pub(crate) fn cookies(&self) -> &str {
        &self.cookies
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        request.header("cookie", &self.cookies).header("x-csrftoken", &self.csrf)
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> reqwest::Result<Response> {
        self.request(method, path).header("x-avi-version", "30.2.1").body(body.to_string()).send().await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.url)).header("cookie", &self.cookies);
        let reply = request.send().await.unwrap();
        assert_eq!(reply.status(), 200, "{path}");
        serde_json::from_str(&reply.text().await.unwrap()).unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let reply = self.send(Method::POST, path, &body).await.unwrap();
        let (status, text) = (reply.status(), reply.text().await.unwrap());
        assert_eq!(status, 201, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

/// A client that trusts this authority and nothing else.
pub(crate) fn http(ca: &Path) -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    // As curl offers them; a preconfigured client offers nothing by itself.
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap()
}
