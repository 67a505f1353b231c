//! Which child takes a request (avi-api 10.2).

use std::sync::Arc;

use model::http::{Child, HostMatch, PathRule, StringCriterion};
use model::testing::{child, path_rule, virtual_host};
use proptest::prelude::*;

use crate::{compile, config, decide, get, service};

fn with_rules(name: &str, host: &str, rules: &[(StringCriterion, &str)]) -> Arc<Child> {
    let rules = rules.iter().map(|&(criterion, value)| path_rule(criterion, value)).collect();
    Arc::new(Child { host: virtual_host(name, None), matches: vec![HostMatch { host: host.into(), rules }] })
}

#[track_caller]
fn check(children: &[Arc<Child>], host: &str, path: &str, expected: &str) {
    let mut parent = service(None);
    parent.children = children.to_vec();
    let table = compile(&config(parent, &[]));
    assert_eq!(decide(&table, &get(host, path)).host.source.name, expected, "{host}{path}");
}

#[test]
fn an_exact_host_comes_before_wildcards_and_the_longer_wildcard_first() {
    let children = [
        child("short", "*.example.com", None),
        child("long", "*.eu.example.com", None),
        child("exact", "A.eu.example.com", None),
    ];
    for (host, expected) in [
        ("a.eu.example.com", "exact"),
        ("b.eu.example.com", "long"),
        ("x.b.eu.example.com", "long"),
        ("eu.example.com", "short"),
        ("example.com", "vs"),
        ("", "vs"),
    ] {
        check(&children, host, "/", expected);
    }
}

#[test]
fn equals_comes_before_the_longest_prefix_and_that_before_the_rest_across_children() {
    use StringCriterion::{BeginsWith, Equals, Regex};
    let host = "app.example.com";
    let children = [
        with_rules("regex", host, &[(Regex, "^/api")]),
        with_rules("root", host, &[(BeginsWith, "/")]),
        with_rules("api", host, &[(BeginsWith, "/api"), (Equals, "/exact")]),
    ];
    for (path, expected) in
        [("/api/v1", "api"), ("/exact", "api"), ("/exact/x", "root"), ("/", "root"), ("/apiary", "api")]
    {
        check(&children, host, path, expected);
    }
    check(&children[..1], host, "/api", "regex");
    check(&children[..1], host, "/", "vs");
}

#[test]
fn a_host_whose_rules_all_fail_falls_to_the_wildcard() {
    let children = [
        with_rules("exact", "a.example.com", &[(StringCriterion::Equals, "/a")]),
        child("wild", "*.example.com", None),
    ];
    check(&children, "a.example.com", "/a", "exact");
    check(&children, "a.example.com", "/b", "wild");
}

#[test]
fn a_disabled_child_is_as_if_absent() {
    let mut off = child("off", "a.example.com", None);
    Arc::make_mut(&mut off).host.enabled = false;
    check(&[off, child("on", "*.example.com", None)], "a.example.com", "/", "on");
}

/// The slow way: look at every rule of every child, keep the best.
fn naive(children: &[Arc<Child>], host: &str, path: &str) -> Option<String> {
    let mut best: Option<((usize, usize, usize), String)> = None;
    for child in children {
        for host_match in &child.matches {
            let host_rank = match host_match.host.strip_prefix('*') {
                Some(suffix) if host.ends_with(suffix) && host.len() > suffix.len() => 1000 - suffix.len(),
                None if host == host_match.host => 0,
                _ => continue,
            };
            let all = PathRule { name: "all".into(), matches: model::http::RequestMatch::default() };
            let rules = if host_match.rules.is_empty() { vec![all] } else { host_match.rules.clone() };
            for rule in rules {
                let (class, length) =
                    match rule.matches.path.as_ref().map(|path| (path.criterion, path.values[0].as_str())) {
                        Some((StringCriterion::Equals, value)) if path == value => (0, 0),
                        Some((StringCriterion::BeginsWith, value)) if path.starts_with(value) => {
                            (1, 1000 - value.len())
                        }
                        Some((StringCriterion::EndsWith, value)) if path.ends_with(value) => (2, 0),
                        None => (2, 0),
                        Some(_) => continue,
                    };
                let rank = (host_rank, class, length);
                if best.as_ref().is_none_or(|(least, _)| rank < *least) {
                    best = Some((rank, child.host.name.clone()));
                }
            }
        }
    }
    best.map(|(_, name)| name)
}

fn a_host() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a.x.y", "b.x.y", "x.y", "*.x.y", "*.y", "*.a.x.y", "z.a.x.y"]).prop_map(String::from)
}

fn a_path() -> impl Strategy<Value = String> {
    "(/[ab]{0,2}){1,2}"
}

fn a_rule() -> impl Strategy<Value = (StringCriterion, String)> {
    use StringCriterion::{BeginsWith, EndsWith, Equals};
    (prop::sample::select(vec![BeginsWith, EndsWith, Equals]), a_path())
}

proptest! {
    #[test]
    fn the_index_says_what_looking_at_every_rule_says(
        children in prop::collection::vec((a_host(), prop::collection::vec(a_rule(), 0..4)), 0..6),
        host in a_host(),
        path in a_path(),
    ) {
        let children: Vec<Arc<Child>> = children
            .iter()
            .enumerate()
            .map(|(index, (host, rules))| {
                let rules: Vec<_> = rules.iter().map(|(criterion, value)| (*criterion, value.as_str())).collect();
                with_rules(&format!("child-{index}"), host, &rules)
            })
            .collect();
        let host = host.replace('*', "w");
        let expected = naive(&children, &host, &path).unwrap_or("vs".into());
        let mut parent = service(None);
        parent.children = children;
        let table = compile(&config(parent, &[]));
        prop_assert_eq!(&decide(&table, &get(&host, &path)).host.source.name, &expected);
    }
}
