//! Servers that do not answer, cut their answers, forget, or send what is no object.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use k8s_crds::Kind;
use k8s_watch_api::MEMBER_KINDS;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::reader::Reader;
use crate::scripted::{Answer, Scripted, access};

const KINDS: &[Kind] = &[Kind::Service];

fn service(name: &str, revision: u32) -> Value {
    let metadata = json!({"name": name, "namespace": "a", "uid": name, "resourceVersion": revision.to_string()});
    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"type": "LoadBalancer"}})
}

fn list(items: &[Value], revision: u32, more: Option<&str>) -> Answer {
    let metadata = json!({"resourceVersion": revision.to_string(), "continue": more});
    Answer::Whole(200, json!({"kind": "ServiceList", "metadata": metadata, "items": items}).to_string())
}

fn event(kind: &str, object: Value) -> String {
    json!({"type": kind, "object": object}).to_string()
}

fn gone() -> Value {
    json!({"kind": "Status", "status": "Failure", "message": "too old", "reason": "Expired", "code": 410})
}

fn silence() -> Answer {
    Answer::Events { lines: Vec::new(), stays: true }
}

fn is_watch(target: &str) -> bool {
    target.contains("watch=true")
}

#[tokio::test]
async fn a_server_that_accepts_and_never_answers_is_a_problem_and_delays_nobody() {
    let mute = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = mute.local_addr().unwrap().port();
    let mut held = Vec::new();
    tokio::spawn(async move {
        while let Ok((stream, _)) = mute.accept().await {
            held.push(stream);
        }
    });
    let well = Scripted::start(|target| match is_watch(target) {
        true => silence(),
        false => list(&[service("x", 1)], 1, None),
    })
    .await;
    let waited = Duration::from_millis(300);
    for server in [format!("https://127.0.0.1:{port}"), format!("http://127.0.0.1:{port}")] {
        let mut reader = Reader::start_impatient("s2", access(&server), MEMBER_KINDS, waited);
        let mut neighbour = Reader::start("s1az1", well.access(), KINDS);
        neighbour.until_reset().await;
        reader.until(|reader| !reader.problems.is_empty()).await;
        assert_eq!(reader.problems.len(), 1, "{:?}", reader.problems);
        assert!(reader.problems[0].place == "cluster s2" && reader.resets == 0, "{:?}", reader.problems);
        assert!(reader.has_problem("API server does not answer"), "{:?}", reader.problems);
    }
}

#[tokio::test]
async fn a_list_that_is_cut_deletes_nothing_and_is_tried_again() {
    let lists = Arc::new(AtomicUsize::new(0));
    let server = Scripted::start(move |target| {
        if is_watch(target) {
            // The first watch forgets, so that there is a second list.
            let is_first = lists.load(Ordering::SeqCst) == 1;
            return match is_first {
                true => Answer::Events { lines: vec![event("ERROR", gone())], stays: true },
                false => silence(),
            };
        }
        let whole =
            json!({"metadata": {"resourceVersion": "9"}, "items": [service("x", 1), service("y", 2)]}).to_string();
        match lists.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::Whole(200, whole),
            1 => Answer::Cut(whole[..whole.len() - 150].to_owned()),
            2 => Answer::Whole(200, whole[..whole.len() - 150].to_owned()),
            3 => Answer::Whole(200, "{}".to_owned()),
            4 => Answer::Whole(503, "busy".to_owned()),
            _ => list(&[service("x", 1), service("z", 3)], 9, None),
        }
    })
    .await;
    let mut reader = Reader::start("s2", server.access(), KINDS);
    reader.until_reset().await;
    reader.until(|reader| !reader.problems.is_empty()).await;
    assert_eq!((reader.objects.len(), reader.deletes), (2, 0));
    reader.until(|reader| reader.has(Kind::Service, "a", "z") && reader.problems.is_empty()).await;
    assert_eq!((reader.resets, reader.deletes, reader.objects.len()), (1, 1, 2));
}

#[tokio::test]
async fn gone_between_two_pages_starts_the_list_anew_and_tells_no_problem() {
    let pages = Arc::new(AtomicUsize::new(0));
    let server = Scripted::start(move |target| {
        if is_watch(target) {
            return Answer::Events { lines: vec![event("ADDED", service("w", 9))], stays: true };
        }
        match pages.fetch_add(1, Ordering::SeqCst) {
            0 => list(&[service("x", 1)], 5, Some("token")),
            1 => {
                assert!(target.contains("continue=token"), "{target}");
                Answer::Whole(410, gone().to_string())
            }
            2 => list(&[service("x", 1)], 6, Some("other")),
            _ => list(&[service("y", 2)], 6, None),
        }
    })
    .await;
    let mut reader = Reader::start("s2", server.access(), KINDS);
    reader.until_reset().await;
    assert_eq!(reader.objects.len(), 2);
    reader.until(|reader| reader.has(Kind::Service, "a", "w")).await;
    assert_eq!((reader.resets, reader.problems.len()), (1, 0));
}

#[tokio::test]
async fn a_watch_that_is_ended_goes_on_where_it_was() {
    let watches = Arc::new(AtomicUsize::new(0));
    let bookmark = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"resourceVersion": "7"}});
    let server = Scripted::start(move |target| {
        if !is_watch(target) {
            return list(&[service("x", 1)], 5, None);
        }
        let has = |revision: &str| target.contains(&format!("resourceVersion={revision}"));
        let lines = match watches.fetch_add(1, Ordering::SeqCst) {
            0 if has("5") => vec![event("ADDED", service("y", 6)), event("BOOKMARK", bookmark.clone())],
            1 if has("7") => vec![event("DELETED", service("x", 8))],
            2 if has("8") => vec![event("MODIFIED", service("y", 9)), event("ADDED", service("end", 10))],
            _ => Vec::new(),
        };
        Answer::Events { stays: lines.is_empty(), lines }
    })
    .await;
    let mut reader = Reader::start("s2", server.access(), KINDS);
    reader.until(|reader| reader.has(Kind::Service, "a", "end")).await;
    assert_eq!((reader.resets, reader.deletes, reader.objects.len(), reader.problems.len()), (1, 1, 2, 0));
}

#[tokio::test]
async fn a_malformed_object_is_a_problem_and_keeps_what_was_known() {
    let server = Scripted::start(|target| {
        if !is_watch(target) {
            let mut odd = service("odd", 2);
            odd["spec"]["ports"] = json!("eighty");
            return list(&[service("x", 1), odd], 5, None);
        }
        let mut bad = service("x", 6);
        bad["spec"] = json!([]);
        Answer::Events { lines: vec![event("MODIFIED", bad), event("ADDED", service("end", 7))], stays: true }
    })
    .await;
    let mut reader = Reader::start("s2", server.access(), KINDS);
    reader.until(|reader| reader.has(Kind::Service, "a", "end")).await;
    assert_eq!((reader.objects.len(), reader.deletes, reader.problems.len()), (2, 0, 2));
    assert!(reader.has_problem("cluster s2, Service a/odd: cannot be read: spec.ports: "), "{:?}", reader.problems);
    assert!(reader.has_problem("cluster s2, Service a/x: cannot be read: spec: "), "{:?}", reader.problems);
}

#[tokio::test]
async fn a_cluster_that_went_back_to_an_earlier_state_is_listed_anew() {
    let lists = Arc::new(AtomicUsize::new(0));
    let server = Scripted::start(move |target| {
        if is_watch(target) {
            return match target.contains("resourceVersion=9") {
                true => Answer::Whole(500, "etcd is away".to_owned()),
                false => silence(),
            };
        }
        match lists.fetch_add(1, Ordering::SeqCst) {
            0 => list(&[service("x", 1), service("y", 9)], 9, None),
            _ => list(&[service("x", 1)], 5, None),
        }
    })
    .await;
    let mut reader = Reader::start("s2", server.access(), KINDS);
    reader.until(|reader| reader.deletes == 1 && reader.problems.is_empty()).await;
    assert_eq!((reader.resets, reader.objects.len()), (1, 1));
}

#[tokio::test]
async fn a_cluster_without_the_definition_of_rules_has_none_until_it_comes() {
    let is_defined = Arc::new(AtomicUsize::new(0));
    let defined = Arc::clone(&is_defined);
    let server = Scripted::start(move |target| match (is_watch(target), target.contains("gslbhostrules")) {
        (_, true) if defined.load(Ordering::SeqCst) == 0 => {
            let status =
                json!({"kind": "Status", "status": "Failure", "message": "x", "reason": "NotFound", "code": 404});
            Answer::Whole(404, status.to_string())
        }
        (true, _) => silence(),
        (false, true) => {
            let metadata = json!({"name": "r", "namespace": "a", "uid": "r", "resourceVersion": "1"});
            list(&[json!({"metadata": metadata, "spec": {"fqdn": "x"}})], 1, None)
        }
        (false, false) => list(&[service("x", 1)], 1, None),
    })
    .await;
    let mut reader = Reader::start("s1az1", server.access(), &[Kind::Service, Kind::GslbHostRule]);
    reader.until_reset().await;
    assert_eq!((reader.problems.len(), reader.served.clone()), (0, vec![(Kind::GslbHostRule, false)]));
    is_defined.store(1, Ordering::SeqCst);
    reader.until(|reader| reader.objects.keys().any(|key| key.kind == Kind::GslbHostRule)).await;
    assert_eq!(reader.problems, []);
    assert_eq!(reader.served, [(Kind::GslbHostRule, false), (Kind::GslbHostRule, true)]);
}

/// What an API server says of a kind that was defined just now.
#[tokio::test]
async fn a_server_that_asks_for_a_moment_is_told_only_where_it_goes_on() {
    for (moments, is_told) in [(2, false), (7, true)] {
        let asked = AtomicUsize::new(0);
        let busy =
            json!({"kind": "Status", "status": "Failure", "message": "storage is (re)initializing", "code": 429});
        let server = Scripted::start(move |target| match is_watch(target) {
            true => silence(),
            false if asked.fetch_add(1, Ordering::SeqCst) < moments => Answer::Whole(429, busy.to_string()),
            false => list(&[service("x", 1)], 1, None),
        })
        .await;
        let mut reader = Reader::start("s1az1", server.access(), &[Kind::Service]);
        if is_told {
            reader.until(|reader| reader.has_problem("storage is (re)initializing (429)")).await;
        }
        reader.until_reset().await;
        assert!(is_told || reader.problems.is_empty(), "{:?}", reader.problems);
    }
}

/// A role that does not name a kind forbids it whether or not it is served.
#[tokio::test]
async fn a_forbidden_kind_is_a_missing_right_only_where_it_is_served() {
    let status = |code: u16, reason: &str| {
        let status = json!({"kind": "Status", "status": "Failure", "message": "x", "reason": reason, "code": code});
        Answer::Whole(code, status.to_string())
    };
    let served = json!({"kind": "APIResourceList", "groupVersion": "route.openshift.io/v1", "resources": [
        {"name": "routes", "singularName": "", "namespaced": true, "kind": "Route", "verbs": ["list"]}]});
    for is_served in [false, true] {
        let served = served.to_string();
        let server = Scripted::start(move |target| match target.split('?').next().unwrap() {
            "/apis/route.openshift.io/v1/routes" => status(403, "Forbidden"),
            "/apis/route.openshift.io/v1" if is_served => Answer::Whole(200, served.clone()),
            "/apis/route.openshift.io/v1" => status(404, "NotFound"),
            _ if is_watch(target) => silence(),
            _ => list(&[service("x", 1)], 1, None),
        })
        .await;
        let mut reader = Reader::start("s1az1", server.access(), &[Kind::Service, Kind::Route]);
        if is_served {
            reader.until(|reader| reader.has_problem("list and watch on routes.route.openshift.io")).await;
            assert_eq!(reader.resets, 0, "nothing is concluded from what may not be read");
        } else {
            reader.until_reset().await;
            assert_eq!((reader.problems.len(), reader.served.clone()), (0, vec![(Kind::Route, false)]));
        }
    }
}

#[tokio::test]
async fn who_may_not_list_a_kind_of_another_operator_is_told_so_only_where_it_is_defined() {
    let is_defined = Arc::new(AtomicUsize::new(0));
    let defined = Arc::clone(&is_defined);
    let server = Scripted::start(move |target| {
        if target.contains("multiclusteringresses") {
            let status =
                json!({"kind": "Status", "status": "Failure", "message": "no", "reason": "Forbidden", "code": 403});
            return Answer::Whole(403, status.to_string());
        }
        if target.ends_with("/apis/ako.vmware.com/v1alpha1") {
            let served = json!({"name": "multiclusteringresses", "singularName": "", "namespaced": true,
                "kind": "MultiClusterIngress", "verbs": ["list"]});
            let served = if defined.load(Ordering::SeqCst) == 0 { json!([]) } else { json!([served]) };
            let list =
                json!({"kind": "APIResourceList", "groupVersion": "ako.vmware.com/v1alpha1", "resources": served});
            return Answer::Whole(200, list.to_string());
        }
        if is_watch(target) { silence() } else { list(&[service("x", 1)], 1, None) }
    })
    .await;
    let mut reader = Reader::start("s2", server.access(), &[Kind::Service, Kind::MultiClusterIngress]);
    reader.until_reset().await;
    assert_eq!(reader.problems, []);
    is_defined.store(1, Ordering::SeqCst);
    reader.until(|reader| !reader.problems.is_empty()).await;
    let told = reader.problems[0].to_string();
    let advice = "grant get, list and watch on multiclusteringresses.ako.vmware.com to this user";
    assert!(told.starts_with("cluster s2, MultiClusterIngress: cannot list: no") && told.ends_with(advice), "{told}");
}
