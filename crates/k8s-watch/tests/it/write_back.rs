//! What operators write back.

use std::fs;

use k8s_crds::{Kind, Object, ObjectKey};
use k8s_watch::{Source, WriteBack};
use serde_json::json;

use crate::cluster::{Cluster, key, service};

const CONFIG: &str = "\
# My own words.
apiVersion: amko.vmware.com/v1alpha1
kind: GSLBConfig
metadata: {name: gc, namespace: avi-system}
spec: {}
";

fn config_key() -> ObjectKey {
    ObjectKey { kind: Kind::GslbConfig, namespace: Some("avi-system".to_owned()), name: "gc".to_owned() }
}

fn state(cluster: &Cluster) -> Option<String> {
    match cluster.objects.get(&config_key())? {
        Object::GslbConfig(config) => config.status.as_ref().map(|status| status.state.clone()),
        _ => None,
    }
}

fn annotation(cluster: &Cluster) -> Option<&str> {
    let annotations = cluster.objects.get(&config_key())?.metadata().annotations.as_ref()?;
    annotations.get("amko.vmware.com/amko-uuid").map(String::as_str)
}

async fn write_both(cluster: &Cluster) {
    let uuid = WriteBack::Annotation { key: "amko.vmware.com/amko-uuid".to_owned(), value: "3e328a5c".to_owned() };
    cluster.source.write_back(&config_key(), uuid).await.unwrap();
    let status = WriteBack::Status(json!({"state": "synced all objects"}));
    cluster.source.write_back(&config_key(), status).await.unwrap();
}

#[tokio::test]
async fn status_and_annotations_come_back_by_the_watch_and_survive_a_restart() {
    let mut cluster = Cluster::with(&[("gc.yaml", CONFIG)]).await;
    write_both(&cluster).await;
    let is_written = |cluster: &Cluster| {
        state(cluster).as_deref() == Some("synced all objects") && annotation(cluster) == Some("3e328a5c")
    };
    cluster.until(is_written).await;
    assert_eq!(fs::read_to_string(cluster.path("gc.yaml")).unwrap(), CONFIG);
    assert!(cluster.path(".status/GSLBConfig/avi-system/gc.json").exists());

    let again = Cluster::watch(cluster.directory, false).await;
    assert!(is_written(&again));
    assert!(again.problems.is_empty());
}

#[tokio::test]
async fn the_same_again_tells_nothing() {
    let mut cluster = Cluster::with(&[("gc.yaml", CONFIG)]).await;
    write_both(&cluster).await;
    cluster.until(|cluster| state(cluster).is_some() && annotation(cluster).is_some()).await;
    cluster.log.clear();
    let file = cluster.path(".status/GSLBConfig/avi-system/gc.json");
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    write_both(&cluster).await;
    cluster.settle("marker").await;
    assert!(cluster.log.is_empty(), "{:?}", cluster.log);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
}

#[tokio::test]
async fn it_goes_with_its_object_and_does_not_come_back() {
    let mut cluster = Cluster::with(&[("gc.yaml", CONFIG)]).await;
    write_both(&cluster).await;
    cluster.until(|cluster| state(cluster).is_some()).await;
    fs::remove_file(cluster.path("gc.yaml")).unwrap();
    cluster.until(|cluster| cluster.objects.is_empty()).await;
    assert!(!cluster.path(".status/GSLBConfig/avi-system/gc.json").exists());

    let late = cluster.source.write_back(&config_key(), WriteBack::Status(json!({}))).await.unwrap_err();
    assert_eq!(late.to_string(), "writing back to GSLBConfig avi-system/gc in cluster s1az1");
    cluster.write("gc.yaml", CONFIG);
    cluster.until(|cluster| !cluster.objects.is_empty()).await;
    assert_eq!(state(&cluster), None);
}

#[tokio::test]
async fn a_broken_file_at_start_costs_no_write_back() {
    let mut cluster = Cluster::with(&[("gc.yaml", CONFIG)]).await;
    write_both(&cluster).await;
    cluster.until(|cluster| annotation(cluster).is_some()).await;
    cluster.write("gc.yaml", "");
    let mut again = Cluster::watch(cluster.directory, false).await;
    assert!(again.objects.is_empty());
    again.write("gc.yaml", CONFIG);
    again.until(|cluster| annotation(cluster) == Some("3e328a5c")).await;
}

#[tokio::test]
async fn leftovers_of_objects_that_are_gone_are_removed_at_start() {
    let mut cluster = Cluster::with(&[("gc.yaml", CONFIG)]).await;
    write_both(&cluster).await;
    cluster.until(|cluster| state(cluster).is_some()).await;
    let (directory, leftover) = (cluster.directory, ".status/GSLBConfig/avi-system/gc.json");
    drop(cluster.events);
    fs::remove_file(directory.path().join("gc.yaml")).unwrap();
    let again = Cluster::watch(directory, false).await;
    assert!(!again.path(leftover).exists());
}

#[tokio::test]
async fn a_broken_write_back_is_told_and_the_object_is_used() {
    let status = ".status/Service/default/a.json";
    let mut cluster = Cluster::with(&[("a.yaml", &service("a", "1")), (status, "{")]).await;
    assert_eq!(cluster.label("a"), Some("1"));
    cluster.until(|cluster| cluster.problems.len() == 1).await;
    assert!(cluster.problems[0].place.ends_with(status), "{:?}", cluster.problems);
    let written = WriteBack::Annotation { key: "k".to_owned(), value: "v".to_owned() };
    cluster.source.write_back(&key("a"), written).await.unwrap();
    cluster.until(|cluster| cluster.problems.is_empty()).await;
    assert_eq!(cluster.objects[&key("a")].metadata().annotations.as_ref().unwrap()["k"], "v");
}

#[tokio::test]
async fn annotations_are_set_and_taken_away_even_from_a_manifest_that_has_them() {
    let manifest = CONFIG.replace("{name: gc,", "{name: gc, annotations: {amko.vmware.com/amko-uuid: old},");
    let mut cluster = Cluster::with(&[("gc.yaml", &manifest)]).await;
    let write = |value: Option<&str>| {
        let annotations = [("amko.vmware.com/amko-uuid".to_owned(), value.map(str::to_owned))];
        WriteBack::Annotations(annotations.into())
    };
    cluster.source.write_back(&config_key(), write(Some("new"))).await.unwrap();
    cluster.until(|cluster| annotation(cluster) == Some("new")).await;
    cluster.source.write_back(&config_key(), write(None)).await.unwrap();
    cluster.until(|cluster| annotation(cluster).is_none()).await;
    assert_eq!(fs::read_to_string(cluster.path("gc.yaml")).unwrap(), manifest);
}

/// Two operators on one directory, each with its own kinds, as processes of their own or in one.
#[tokio::test]
async fn who_reads_other_kinds_takes_nothing_away_of_what_others_wrote_back() {
    let mut cluster = Cluster::with(&[("gc.yaml", CONFIG), ("web.yaml", &service("web", "a"))]).await;
    write_both(&cluster).await;
    cluster.until(|cluster| state(cluster).is_some()).await;
    let file = cluster.path(".status/GSLBConfig/avi-system/gc.json");
    let of_another_process = k8s_watch::ManifestDirectory::new("s1az1", cluster.directory.path());
    for source in [of_another_process.reading(&[Kind::Service]), cluster.source.reading(&[Kind::Service])] {
        let mut events = source.watch();
        let Some(k8s_watch::Event::Reset(objects)) = events.recv().await else { panic!("no reset") };
        let keys: Vec<_> = objects.iter().map(Object::key).collect();
        assert_eq!(keys, [key("web")]);
        assert!(file.exists());
    }
}

/// A reader that sees a manifest go and come back must not leave another, who saw neither, with a status that is lost.
#[tokio::test]
async fn a_write_back_that_went_with_its_object_is_told_to_all_who_watch() {
    let mut cluster = Cluster::with(&[("gc.yaml", CONFIG)]).await;
    write_both(&cluster).await;
    cluster.until(|cluster| state(cluster).is_some()).await;
    let mut other = cluster.source.clone().watch();
    fs::remove_file(cluster.path("gc.yaml")).unwrap();
    cluster.until(|cluster| !cluster.objects.contains_key(&config_key())).await;
    cluster.write("gc.yaml", CONFIG);
    cluster.until(|cluster| cluster.objects.contains_key(&config_key())).await;
    assert_eq!(state(&cluster), None);
    let mut last = None;
    while let Ok(Some(event)) = tokio::time::timeout(std::time::Duration::from_secs(10), other.recv()).await {
        let objects = match event {
            k8s_watch::Event::Reset(objects) => objects,
            k8s_watch::Event::Apply(object) => vec![*object],
            _ => Vec::new(),
        };
        if let Some(Object::GslbConfig(config)) = objects.into_iter().next() {
            last = config.status;
            if last.is_none() {
                break;
            }
        }
    }
    assert!(last.is_none(), "{last:?}");
}

#[tokio::test]
async fn what_another_process_writes_back_is_told() {
    let mut cluster = Cluster::with(&[("gc.yaml", CONFIG)]).await;
    let of_another_process = k8s_watch::ManifestDirectory::new("s1az1", cluster.directory.path());
    for state_now in ["one", "two"] {
        let status = WriteBack::Status(json!({"state": state_now}));
        of_another_process.write_back(&config_key(), status).await.unwrap();
        cluster.until(|cluster| state(cluster).as_deref() == Some(state_now)).await;
    }
    fs::remove_file(cluster.path(".status/GSLBConfig/avi-system/gc.json")).unwrap();
    cluster.until(|cluster| state(cluster).is_none()).await;
    assert!(cluster.problems.is_empty());
}
