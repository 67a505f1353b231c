//! Start, restart, end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use controller::{DataDirError, Listen, ListenError, TlsSource, start};
use serde_json::json;

use crate::harness::{Client, config, http};

#[tokio::test]
async fn a_first_start_makes_a_private_directory_and_a_second_goes_on_from_it() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let first = start(config(&data)).await.unwrap();
    for (name, expected) in [
        ("", 0o700),
        ("admin-password", 0o600),
        ("ca.pem", 0o600),
        ("ca-key.pem", 0o600),
        ("controller.pem", 0o600),
        ("controller-key.pem", 0o600),
        ("controller.db", 0o600),
    ] {
        let path = if name.is_empty() { data.clone() } else { data.join(name) };
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{}", path.display());
    }
    let password = fs::read_to_string(first.password_path().unwrap()).unwrap();
    assert!(password.trim().len() >= 20);
    let client = Client::log_in(&first).await;
    client.post("/api/tenant", json!({"name": "t"})).await;
    let cluster = client.get("/api/cluster").await;
    assert_eq!(cluster["uuid"], first.snapshots().borrow().as_ref().unwrap().cluster_uuid.as_str());
    first.shutdown().await;

    let second = start(config(&data)).await.unwrap();
    assert_eq!(fs::read_to_string(second.password_path().unwrap()).unwrap(), password);
    let client = Client::log_in(&second).await;
    assert_eq!(client.get("/api/cluster").await["uuid"], cluster["uuid"]);
    assert_eq!(client.get("/api/tenant?name=t").await["count"], 1);
    second.shutdown().await;
}

#[tokio::test]
async fn it_is_ready_while_every_part_runs() {
    let root = tempfile::tempdir().unwrap();
    let mut with_engines = config(root.path());
    with_engines.engine_listen = Some("127.0.0.1:0".parse().unwrap());
    let controller = start(with_engines).await.unwrap();
    let readiness = controller.readiness();
    assert_eq!(readiness.check(), Ok(()));
    Client::log_in(&controller).await.post("/api/tenant", json!({"name": "t"})).await;
    assert_eq!(readiness.check(), Ok(()));
    controller.shutdown().await;
    let reason = readiness.check().unwrap_err();
    assert!(reason.contains("has stopped"), "{reason}");
}

#[tokio::test]
async fn a_given_password_is_used_and_not_written() {
    let root = tempfile::tempdir().unwrap();
    let mut given = config(root.path());
    given.admin_password = Some("given to it".into());
    let controller = start(given).await.unwrap();
    assert_eq!(controller.password_path(), None);
    Client::log_in_at(&controller.url(), controller.ca_path(), "given to it").await;
    for entry in fs::read_dir(root.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"given to it"));
    }
}

#[tokio::test]
async fn a_second_controller_on_the_same_directory_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let first = start(config(root.path())).await.unwrap();
    let error = start(config(root.path())).await.err().unwrap();
    assert!(matches!(error.downcast_ref(), Some(DataDirError::Locked { .. })), "{error:#}");
    assert!(error.to_string().contains(&format!("in use by process {}", std::process::id())), "{error}");
    first.shutdown().await;
    start(config(root.path())).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn a_busy_port_is_named_or_the_next_one_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let root = tempfile::tempdir().unwrap();
    let mut busy = config(root.path());
    busy.listen = Listen::At(address);
    let error = start(busy).await.err().unwrap();
    assert!(matches!(error.downcast_ref(), Some(ListenError::Busy { .. })), "{error:#}");
    assert!(error.to_string().contains(&format!("port {}", address.port())), "{error}");
    let mut next = config(root.path());
    next.listen = Listen::AtOrAfter(address);
    let controller = start(next).await.unwrap();
    assert!(controller.local_addr().port() > address.port());
    Client::log_in(&controller).await;
}

#[tokio::test]
async fn other_names_and_given_files_are_shown() {
    let root = tempfile::tempdir().unwrap();
    let mut named = config(&root.path().join("own"));
    named.tls = TlsSource::Own { names: vec!["controller.example.com".into()] };
    let own = start(named).await.unwrap();
    let by_name = reach(own.ca_path(), "localhost", own.local_addr().port()).await;
    assert_eq!(by_name, 200);

    let mut given = config(&root.path().join("given"));
    given.tls = TlsSource::Files {
        certificate: root.path().join("own/controller.pem"),
        key: root.path().join("own/controller-key.pem"),
        ca: Some(own.ca_path().to_owned()),
    };
    let other = start(given).await.unwrap();
    assert_eq!(reach(other.ca_path(), "127.0.0.1", other.local_addr().port()).await, 200);
    assert!(!root.path().join("given/ca.pem").exists());
}

async fn reach(ca: &Path, host: &str, port: u16) -> u16 {
    // `localhost` may resolve to ::1 first; the controller listens on 127.0.0.1 and the client tries both.
    let url = format!("https://{host}:{port}/api/cluster/status");
    http(ca).get(url).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_dropped_controller_frees_its_port_and_directory() {
    let root = tempfile::tempdir().unwrap();
    let controller = start(config(root.path())).await.unwrap();
    let address = controller.local_addr();
    controller.shutdown().await;
    std::net::TcpListener::bind(address).unwrap();
}

#[tokio::test]
async fn a_client_that_sends_too_much_reads_why() {
    let root = tempfile::tempdir().unwrap();
    let controller = start(config(root.path())).await.unwrap();
    let client = Client::log_in(&controller).await;
    let body = json!({"name": "t", "description": "x".repeat(16 * 1024 * 1024)});
    let reply = client.send(reqwest::Method::POST, "/api/tenant", &body).await.unwrap();
    assert_eq!(reply.status(), 413);
    assert!(reply.text().await.unwrap().contains("larger than the 4194304 bytes"));
    assert_eq!(client.get("/api/tenant?name=t").await["count"], 0);
}
