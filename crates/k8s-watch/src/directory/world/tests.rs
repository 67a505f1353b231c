//! What readings mean.

use k8s_crds::Kind;
use serde_json::json;

use super::*;
use crate::manifest;

fn service(name: &str, label: &str) -> String {
    format!("---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, labels: {{l: \"{label}\"}}}}\n")
}

fn key(name: &str) -> ObjectKey {
    ObjectKey { kind: Kind::Service, namespace: Some("default".to_owned()), name: name.to_owned() }
}

fn read(world: &mut World, path: &str, text: &str) {
    let path = Path::new(path);
    world.file_read(
        path,
        &path.display().to_string(),
        manifest::read(path, text.as_bytes(), crate::directory::KINDS),
        None,
    );
}

/// Settles, and compares with names and labels applied, names deleted.
#[track_caller]
fn check(world: &mut World, applied: &[&str], deleted: &[&str]) {
    let changes = world.settle();
    let told: Vec<String> = changes
        .applied
        .iter()
        .map(|object| {
            let metadata = object.metadata();
            format!("{} {}", metadata.name.clone().unwrap(), metadata.labels.clone().unwrap()["l"])
        })
        .collect();
    assert_eq!(told, applied);
    let told: Vec<&str> = changes.deleted.iter().map(|key| &*key.name).collect();
    assert_eq!(told, deleted);
}

#[track_caller]
fn check_problems(world: &World, expected: &[&str]) {
    let told: Vec<String> = world.problems().iter().map(ToString::to_string).collect();
    assert_eq!(told, expected);
}

#[test]
fn only_what_changed_is_told() {
    let mut world = World::default();
    read(&mut world, "a.yaml", &(service("a", "1") + &service("b", "1")));
    check(&mut world, &["a 1", "b 1"], &[]);
    read(&mut world, "a.yaml", &(service("a", "1") + &service("b", "2")));
    check(&mut world, &["b 2"], &[]);
    read(&mut world, "a.yaml", &service("b", "2"));
    check(&mut world, &[], &["a"]);
    world.file_gone(Path::new("a.yaml"));
    check(&mut world, &[], &["b"]);
}

#[test]
fn a_file_that_holds_nothing_deletes_nothing() {
    let mut world = World::default();
    read(&mut world, "a.yaml", &service("a", "1"));
    check(&mut world, &["a 1"], &[]);
    read(&mut world, "a.yaml", "# gone\n");
    check(&mut world, &[], &[]);
    check_problems(
        &world,
        &[
            "a.yaml: the file holds no object any more; Service default/a stays in force; write it again, or delete the \
           file to delete what it held",
        ],
    );
    read(&mut world, "a.yaml", &service("a", "2"));
    check(&mut world, &["a 2"], &[]);
    check_problems(&world, &[]);
}

#[test]
fn a_broken_document_keeps_what_is_missing() {
    let mut world = World::default();
    read(&mut world, "a.yaml", &(service("a", "1") + &service("b", "1")));
    check(&mut world, &["a 1", "b 1"], &[]);
    read(&mut world, "a.yaml", &(service("a", "2") + "---\nkind: [\n"));
    check(&mut world, &["a 2"], &[]);
    assert_eq!(world.problems().len(), 1);
    read(&mut world, "a.yaml", &(service("a", "2") + "---\napiVersion: apps/v1\nkind: Deployment\n"));
    check(&mut world, &[], &["b"]);
    check_problems(&world, &[]);
}

#[test]
fn an_unreadable_file_keeps_what_it_held() {
    let mut world = World::default();
    read(&mut world, "a.yaml", &service("a", "1"));
    check(&mut world, &["a 1"], &[]);
    let problem = Problem { place: "a.yaml".to_owned(), what: "no".to_owned(), advice: "do".to_owned() };
    world.file_unreadable(Path::new("a.yaml"), problem);
    check(&mut world, &[], &[]);
    assert!(world.is_unreadable(Path::new("a.yaml")));
    check_problems(&world, &["a.yaml: no; do"]);
}

#[test]
fn of_two_files_with_one_object_the_first_in_order_is_used() {
    let mut world = World::default();
    read(&mut world, "b.yaml", &service("a", "b"));
    read(&mut world, "c.yaml", &service("a", "c"));
    check(&mut world, &["a b"], &[]);
    let told = "c.yaml:2: Service default/a is at b.yaml:2 already, which is used; remove one of them";
    check_problems(&world, &[told]);
    world.file_gone(Path::new("b.yaml"));
    check(&mut world, &["a c"], &[]);
    check_problems(&world, &[]);

    read(&mut world, "c.yaml", &(service("a", "c") + &service("a", "d")));
    check(&mut world, &[], &[]);
    let told = "c.yaml:6: Service default/a is at c.yaml:2 already, which is used; remove one of them";
    check_problems(&world, &[told]);
}

#[test]
fn a_copy_that_sorts_first_does_not_replace_what_is_in_force() {
    let mut world = World::default();
    read(&mut world, "hello.yaml", &service("a", "1"));
    check(&mut world, &["a 1"], &[]);
    read(&mut world, "dup.yaml", &service("a", "2"));
    check(&mut world, &[], &[]);
    let told = "dup.yaml:2: Service default/a is at hello.yaml:2 already, which is used; remove one of them";
    check_problems(&world, &[told]);
    read(&mut world, "hello.yaml", &service("a", "3"));
    check(&mut world, &["a 3"], &[]);
    check_problems(&world, &[told]);
    world.file_gone(Path::new("hello.yaml"));
    check(&mut world, &["a 2"], &[]);
    check_problems(&world, &[]);
    read(&mut world, "a.yaml", &service("a", "4"));
    check(&mut world, &[], &[]);
}

#[test]
fn a_renamed_file_changes_nothing() {
    let mut world = World::default();
    read(&mut world, "a.yaml", &service("a", "1"));
    check(&mut world, &["a 1"], &[]);
    world.file_vanishing(Path::new("a.yaml"));
    check(&mut world, &[], &[]);
    read(&mut world, "b.yaml", &service("a", "2"));
    check(&mut world, &["a 2"], &[]);
    check_problems(&world, &[]);
    // Moved on before the first name was given up.
    world.file_vanishing(Path::new("b.yaml"));
    check(&mut world, &[], &[]);
    world.file_gone(Path::new("a.yaml"));
    check(&mut world, &[], &[]);
    world.file_gone(Path::new("b.yaml"));
    check(&mut world, &[], &["a"]);
}

#[test]
fn write_backs_are_merged_and_go_with_their_object() {
    let mut world = World::default();
    let path = Path::new("g.yaml");
    let text = "apiVersion: amko.vmware.com/v1alpha1\nkind: GSLBConfig\nmetadata: {name: gc, namespace: avi-system}\n\
                spec: {}\nstatus: {state: old}\n";
    let written = WrittenBack {
        status: Some(json!({"state": "new"})),
        annotations: [("k".to_owned(), Some("v".to_owned()))].into(),
        since: None,
    };
    let key = ObjectKey { kind: Kind::GslbConfig, namespace: Some("avi-system".to_owned()), name: "gc".to_owned() };
    world.write_back_read(key.clone(), Ok(Some(written.clone())));
    assert_eq!(world.settle(), Changes::default());
    world.file_read(path, "g.yaml", manifest::read(path, text.as_bytes(), crate::directory::KINDS), None);
    let Object::GslbConfig(config) = world.settle().applied.remove(0) else { panic!("a GSLBConfig") };
    assert_eq!(config.status.unwrap().state, "new");
    assert_eq!(config.metadata.annotations.unwrap()["k"], "v");
    world.write_back_read(key.clone(), Ok(Some(written)));
    assert_eq!(world.settle(), Changes::default());

    world.file_gone(path);
    assert_eq!(world.settle().deleted, std::slice::from_ref(&key));
    world.file_read(path, "g.yaml", manifest::read(path, text.as_bytes(), crate::directory::KINDS), None);
    let Object::GslbConfig(config) = world.settle().applied.remove(0) else { panic!("a GSLBConfig") };
    assert_eq!(config.status.unwrap().state, "old");

    let unfit = WrittenBack { status: Some(json!({"state": 5})), ..WrittenBack::default() };
    world.write_back_read(key, Ok(Some(unfit)));
    assert_eq!(world.settle(), Changes::default());
    assert!(world.problems()[0].what.starts_with("the status written back does not fit: "));
}

#[test]
fn a_vanishing_holder_yields_to_one_that_is_there() {
    let mut world = World::default();
    read(&mut world, "a.yaml", &service("a", "a"));
    read(&mut world, "b.yaml", &service("a", "b"));
    check(&mut world, &["a a"], &[]);
    world.file_vanishing(Path::new("a.yaml"));
    check(&mut world, &["a b"], &[]);
    assert!(world.has(&key("a")));
    read(&mut world, "a.yaml", &service("a", "a"));
    check(&mut world, &["a a"], &[]);
}

#[test]
fn an_ingress_without_a_date_is_as_old_as_its_first_sight() {
    let text = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: shop}\nspec: {}\n";
    let manifest = |path: &Path, text: &str| manifest::read(path, text.as_bytes(), crate::directory::KINDS);
    let at = |second| Some(Timestamp::from_second(second).unwrap());
    let since =
        |world: &World| world.objects().next().unwrap().metadata().creation_timestamp.clone().map(|time| time.0);
    let mut world = World::default();
    let path = Path::new("shop.yaml");
    world.file_read(path, "shop.yaml", manifest(path, text), at(10));
    let _ = world.settle();
    assert_eq!(since(&world), at(10));
    world.file_read(path, "shop.yaml", manifest(path, &text.replace("spec", "status: {}\nspec")), at(20));
    let _ = world.settle();
    assert_eq!(since(&world), at(10), "an edit makes it no younger");
    let key = world.objects().next().unwrap().key();
    world.write_back_read(key, Ok(Some(WrittenBack { since: at(5), ..WrittenBack::default() })));
    let _ = world.settle();
    assert_eq!(since(&world), at(5), "what was noted before a restart counts");
    world.file_gone(path);
    let _ = world.settle();
    world.file_read(path, "shop.yaml", manifest(path, text), at(30));
    let _ = world.settle();
    assert_eq!(since(&world), at(30), "it is another one");
}
