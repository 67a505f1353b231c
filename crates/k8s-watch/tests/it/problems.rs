//! What cannot be read is told, and changes nothing.

use std::fs;

use k8s_watch::{Event, ManifestDirectory, Source};

use crate::cluster::{Cluster, service};

#[tokio::test]
async fn a_malformed_file_is_told_with_its_line_and_keeps_its_objects() {
    let mut cluster = Cluster::with(&[("a.yaml", &service("a", "1")), ("b.yaml", &service("b", "1"))]).await;
    cluster.write("a.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: [\n");
    cluster.until(|cluster| cluster.problems.len() == 1).await;
    let place = &cluster.problems[0].place;
    assert!(place.starts_with(cluster.path("a.yaml").to_str().unwrap()), "{place}");
    assert!(cluster.problems[0].what.starts_with("not well-formed: "), "{:?}", cluster.problems);
    cluster.write("b.yaml", &service("b", "2"));
    cluster.until(|cluster| cluster.label("b") == Some("2")).await;
    assert_eq!(cluster.label("a"), Some("1"));
    cluster.write("a.yaml", &service("a", "1"));
    cluster.until(|cluster| cluster.problems.is_empty()).await;
    assert_eq!(cluster.log, ["problems 1", "apply b", "problems 0"]);
}

#[tokio::test]
async fn an_unknown_field_is_told_and_the_object_is_used() {
    let mut cluster = Cluster::with(&[]).await;
    let text = service("a", "1") + "spec:\n  typ: LoadBalancer\n";
    cluster.write("a.yaml", &text);
    cluster.until(|cluster| cluster.problems.len() == 1).await;
    assert_eq!(cluster.label("a"), Some("1"));
    let told = cluster.problems[0].to_string();
    let place = cluster.path("a.yaml").display().to_string();
    assert_eq!(
        told,
        format!(
            "{place}:9: Service default/a: unknown field `spec.typ`; did you mean `type`? the rest of the object is used"
        )
    );
}

#[tokio::test]
async fn an_unknown_kind_keeps_the_object_it_was() {
    let mut cluster = Cluster::with(&[("a.yaml", &service("a", "1"))]).await;
    cluster.write("a.yaml", &service("a", "1").replace("kind: Service", "kind: Servce"));
    cluster.until(|cluster| cluster.problems.len() == 1).await;
    assert!(cluster.problems[0].to_string().ends_with("did you mean `Service`?"), "{:?}", cluster.problems);
    assert_eq!(cluster.label("a"), Some("1"));
    cluster.write("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    cluster.until(|cluster| cluster.problems.is_empty()).await;
    assert_eq!(cluster.log, ["problems 1", "delete a", "problems 0"]);
}

#[tokio::test]
async fn of_two_files_with_one_object_the_first_is_used() {
    let mut cluster = Cluster::with(&[("b.yaml", &service("a", "b"))]).await;
    cluster.write("c.yaml", &service("a", "c"));
    cluster.until(|cluster| cluster.problems.len() == 1).await;
    assert_eq!(cluster.label("a"), Some("b"));
    fs::remove_file(cluster.path("b.yaml")).unwrap();
    cluster.until(|cluster| cluster.label("a") == Some("c") && cluster.problems.is_empty()).await;
    assert!(!cluster.log.contains(&"delete a".to_owned()), "{:?}", cluster.log);
}

#[tokio::test]
async fn a_directory_that_is_not_there_yet_is_no_empty_cluster() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("later");
    let source = ManifestDirectory::new("s2", &path);
    let mut events = source.watch();
    let Some(Event::Problems(problems)) = events.recv().await else { panic!("problems first") };
    assert!(problems[0].what.starts_with("the directory of cluster s2 cannot be read"), "{problems:?}");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("a.yaml"), service("a", "1")).unwrap();
    let Some(Event::Reset(objects)) = events.recv().await else { panic!("a reset once it is there") };
    assert_eq!(objects.len(), 1);
    assert!(matches!(events.recv().await, Some(Event::Problems(problems)) if problems.is_empty()));
}

#[tokio::test]
async fn a_directory_that_goes_away_deletes_nothing() {
    let mut cluster = Cluster::with(&[("c/a.yaml", &service("a", "1"))]).await;
    let away = tempfile::tempdir_in(cluster.directory.path().parent().unwrap()).unwrap();
    let (here, there) = (cluster.directory.path().to_owned(), away.path().join("away"));
    fs::rename(&here, &there).unwrap();
    cluster.until(|cluster| cluster.problems.len() == 1).await;
    fs::rename(&there, &here).unwrap();
    cluster.until(|cluster| cluster.problems.is_empty()).await;
    cluster.write("c/a.yaml", &service("a", "2"));
    cluster.until(|cluster| cluster.label("a") == Some("2")).await;
    assert_eq!(cluster.log, ["problems 1", "problems 0", "apply a"]);
}

#[tokio::test]
async fn what_is_no_ordinary_file_is_told() {
    let mut cluster = Cluster::with(&[("a.yaml", &service("a", "1"))]).await;
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), cluster.path("d")).unwrap();
    cluster.until(|cluster| cluster.problems.len() == 1).await;
    assert_eq!(cluster.problems[0].what, "a link to a directory is not followed");
    fs::remove_file(cluster.path("d")).unwrap();
    cluster.write("a.yaml", &service("a", "2"));
    cluster.until(|cluster| cluster.label("a") == Some("2")).await;
    std::os::unix::fs::symlink("/dev/zero", cluster.path("z.yaml")).unwrap();
    cluster.until(|cluster| cluster.problems.iter().any(|problem| problem.what.contains("no ordinary file"))).await;
}
