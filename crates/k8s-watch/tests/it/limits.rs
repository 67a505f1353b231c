//! Slow readers, floods, and file systems that tell nothing.

use std::{fs, time::Duration};

use k8s_watch::{Event, ManifestDirectory, Source};

use crate::cluster::{Cluster, service};

#[tokio::test]
async fn a_slow_reader_gets_a_reset_in_place_of_what_it_missed() {
    let mut cluster = Cluster::with(&[]).await;
    // More than the channel holds, in one file.
    let many: String = (0..2000).map(|number| service(&format!("s{number}"), "1")).collect();
    cluster.write("many.yaml", &many);
    cluster.until(|cluster| !cluster.log.is_empty()).await;
    // Nothing more is received until the channel is full.
    let fills = async {
        while cluster.events.len() < cluster.events.max_capacity() {
            tokio::time::sleep(Duration::from_millis(5)).await; // bounded: polls a condition
        }
    };
    tokio::time::timeout(Duration::from_secs(10), fills).await.unwrap();
    cluster.write("a.yaml", &service("a", "1"));
    cluster.until(|cluster| cluster.objects.len() == 2001).await;
    assert!(cluster.log.contains(&"reset".to_owned()));
    assert!(cluster.log.len() < 2000, "{}", cluster.log.len());
}

#[tokio::test]
async fn without_the_kernel_files_are_looked_at_each_second() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.yaml"), service("a", "1")).unwrap();
    let mut cluster = Cluster::watch(directory, true).await;
    assert_eq!(cluster.label("a"), Some("1"));
    cluster.write("a.yaml", &service("a", "2"));
    cluster.write("d/b.yaml", &service("b", "1"));
    cluster.until(|cluster| cluster.label("a") == Some("2") && cluster.label("b") == Some("1")).await;
    fs::remove_file(cluster.path("a.yaml")).unwrap();
    cluster.until(|cluster| cluster.label("a").is_none()).await;
    assert_eq!(cluster.log, ["apply a", "apply b", "delete a"]);
}

#[tokio::test]
async fn dropping_the_receiver_ends_the_watch() {
    let directory = tempfile::tempdir().unwrap();
    let source = ManifestDirectory::new("s1", directory.path());
    let mut first = source.watch();
    let mut second = source.watch();
    assert!(matches!(first.recv().await, Some(Event::Reset(_))));
    drop(first);
    assert!(matches!(second.recv().await, Some(Event::Reset(_))));
    fs::write(directory.path().join("a.yaml"), service("a", "1")).unwrap();
    assert!(matches!(second.recv().await, Some(Event::Apply(_))));
}
