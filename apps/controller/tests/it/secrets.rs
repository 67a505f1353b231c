//! Secrets at rest: sealed in the store, with a key in a file of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use controller::start;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Client, config};

const CERTIFICATE: &str = include_str!("../../../../crates/certificates/tests/data/v3.pem");
const KEY: &str = include_str!("../../../../crates/certificates/tests/data/v3.key");
const OTHER: &str = include_str!("../../../../crates/certificates/tests/data/ec.pem");

/// Whether any file of the directory, apart from the log of this test, holds the text.
fn holds(directory: &Path, text: &str) -> bool {
    fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        path.is_file() && fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_key_is_nowhere_readable_and_survives_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let controller = start(config(root.path())).await.unwrap();
    let client = Client::log_in(&controller).await;
    let body = json!({"name": "c", "certificate": {"certificate": CERTIFICATE}, "key": KEY});
    let made = client.post("/api/sslkeyandcertificate", body).await;
    client.post("/api/pool", json!({"name": "readable-name"})).await;
    controller.shutdown().await;

    let secret = KEY.lines().nth(3).unwrap();
    assert!(!holds(root.path(), secret), "a line of the key lies in the data directory");
    assert!(holds(root.path(), "readable-name"), "the search looks into the store");
    let key_file = root.path().join("seal-key");
    assert_eq!(fs::metadata(&key_file).unwrap().permissions().mode() & 0o777, 0o600);

    let controller = start(config(root.path())).await.unwrap();
    let client = Client::log_in(&controller).await;
    let path = format!("/api/sslkeyandcertificate/{}", made["uuid"].as_str().unwrap());
    assert_eq!(client.get(&path).await["key"], "<sensitive>");
    let same = json!({"name": "c", "certificate": {"certificate": CERTIFICATE}, "key": "<sensitive>"});
    assert_eq!(client.send(Method::PUT, &path, &same).await.unwrap().status(), 200);
    let other = json!({"name": "c", "certificate": {"certificate": OTHER}, "key": "<sensitive>"});
    assert_eq!(client.send(Method::PUT, &path, &other).await.unwrap().status(), 400, "the key is still the first");
    controller.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_key_a_store_is_not_opened() {
    let root = tempfile::tempdir().unwrap();
    start(config(root.path())).await.unwrap().shutdown().await;
    let key_file = root.path().join("seal-key");
    let key = fs::read(&key_file).unwrap();
    fs::remove_file(&key_file).unwrap();
    let error = start(config(root.path())).await.err().unwrap();
    assert!(error.to_string().contains("seal-key is missing"), "{error:#}");
    assert!(!key_file.exists(), "no new key is made over the old one");
    fs::write(&key_file, vec![7; key.len()]).unwrap();
    let error = start(config(root.path())).await.err().unwrap();
    assert!(format!("{error:#}").contains("sealed with another key"), "{error:#}");
    fs::write(&key_file, key).unwrap();
    start(config(root.path())).await.unwrap().shutdown().await;
}
