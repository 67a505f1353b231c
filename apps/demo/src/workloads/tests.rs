//! Manifests in, pods and slices out.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::*;

const MANIFEST: &str = include_str!("../../../../examples/iberia/s2/deployment.yaml");

/// Addresses of this process alone, so that test runs side by side do not meet; `number` is of the test.
fn network(number: u8) -> [u8; 3] {
    let [.., low] = std::process::id().to_be_bytes();
    [127, 30 + number, low]
}

/// Addresses in the slice of a Service.
fn endpoints(directory: &Path, service: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(directory.join("generated/endpoint-slices.yaml")).ok()?;
    let slices = text.split("---\n").skip(1).map(|slice| serde_json::from_str::<Value>(slice).unwrap());
    let slice =
        slices.into_iter().find(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == service)?;
    assert_eq!(slice["ports"][0]["port"], 8080);
    let endpoints = slice["endpoints"].as_array().unwrap().iter();
    Some(endpoints.map(|endpoint| endpoint["addresses"][0].as_str().unwrap().to_owned()).collect())
}

fn page(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect((address, 8080)).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text.rsplit("\r\n\r\n").next()?.to_owned())
}

#[track_caller]
fn wait(what: &str, mut condition: impl FnMut() -> bool) {
    let start = now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10)); // bounded: by the assertion above
    }
}

#[expect(clippy::disallowed_methods, reason = "a test that waits reads the clock")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_follow_the_deployment_and_slices_follow_the_pods() {
    let directory = tempfile::tempdir().unwrap();
    let (path, network) = (directory.path(), network(0));
    let file = path.join("deployment.yaml");
    fs::write(&file, MANIFEST).unwrap();
    let mut workloads = Workloads::new();
    workloads.run("s2", path.to_owned(), network).await.unwrap();
    let [a, b, c] = network;
    let pod = |host: u8| format!("{a}.{b}.{c}.{host}");
    assert_eq!(endpoints(path, "hello").unwrap(), [pod(1), pod(2)]);
    assert_eq!(page(&pod(2)).unwrap(), "MESSAGE: This service resides in SITE2\n");

    fs::write(&file, MANIFEST.replace("replicas: 2", "replicas: 0")).unwrap();
    wait("no endpoint", || endpoints(path, "hello").unwrap().is_empty());
    wait("the end of the pods", || page(&pod(1)).is_none() && page(&pod(2)).is_none());
    fs::write(&file, MANIFEST.replace("replicas: 2", "replicas: 3")).unwrap();
    wait("three endpoints", || endpoints(path, "hello").unwrap().len() == 3);

    // An edit that is not done changes nothing; another text makes other pods.
    fs::write(&file, "apiVersion: apps/v1\nkind: [").unwrap();
    fs::write(path.join("other.yaml"), MANIFEST.replace("hello", "other").replace("SITE2", "HERE")).unwrap();
    wait("another Deployment", || endpoints(path, "other").is_some_and(|found| found.len() == 2));
    assert_eq!(endpoints(path, "hello").unwrap().len(), 3);
    fs::write(&file, MANIFEST.replace("SITE2", "ELSEWHERE")).unwrap();
    wait("the new text", || {
        let found = endpoints(path, "hello").unwrap();
        found.len() == 2 && found.iter().all(|pod| page(pod).is_some_and(|page| page.ends_with("ELSEWHERE\n")))
    });

    fs::remove_file(&file).unwrap();
    fs::remove_file(path.join("other.yaml")).unwrap();
    wait("the end of the slices", || !path.join("generated/endpoint-slices.yaml").exists());
    workloads.shutdown().await;
}

#[test]
fn a_directory_that_is_gone_changes_nothing_until_it_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let (path, away) = (directory.path().join("s2"), directory.path().join("away"));
    fs::create_dir(&path).unwrap();
    fs::write(path.join("deployment.yaml"), MANIFEST).unwrap();
    let mut manifests = Manifests::default();
    assert!(manifests.look(&path));
    fs::rename(&path, &away).unwrap();
    for _ in 0..3 {
        assert!(!manifests.look(&path));
        assert_eq!(manifests.deployments().count(), 1);
    }
    fs::rename(&away, &path).unwrap();
    assert!(manifests.look(&path), "the slices have to be written again");
    assert!(!manifests.look(&path));
    fs::remove_file(path.join("deployment.yaml")).unwrap();
    assert_eq!((manifests.look(&path), manifests.look(&path)), (false, true), "a file alone is gone");
    assert_eq!(manifests.deployments().count(), 0);
}

#[tokio::test]
async fn a_taken_address_is_told_with_its_owner() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("deployment.yaml"), MANIFEST).unwrap();
    let [a, b, c] = network(1);
    let _taken = std::net::TcpListener::bind((Ipv4Addr::new(a, b, c, 2), 8080)).unwrap();
    let refused = Workloads::new().run("s2", directory.path().to_owned(), [a, b, c]).await.unwrap_err();
    assert!(format!("{refused:#}").contains(&format!("{a}.{b}.{c}.2:8080 is taken by process")), "{refused:#}");
}
