//! Any virtual hosts, rules and requests, written as text: the index says what looking at every rule says.
//!
//! A line `h HOST` is a child, each line behind it that begins with `=`, `^`, `$`, `~` or `r` a rule of it on the path, and a
//! line `? HOST PATH` a request.

use std::sync::Arc;

use http_policy::{Request, Table, location, normalize_host};
use model::http::{Child, HostMatch, Redirect, StringCriterion};
use model::testing::{http_config, path_rule, virtual_host, virtual_service};

/// What a text has at most, so that each is quick.
const CHILDREN_MAX: usize = 16;
const RULES_MAX: usize = 32;
const REQUESTS_MAX: usize = 16;

type Rule = (StringCriterion, String);

/// A child as it is written: its host, its rules.
struct Written {
    host: String,
    rules: Vec<Rule>,
}

/// Compiles what `octets` write and asks what they ask.
pub(crate) fn check(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let (children, requests) = read(&text);
    let mut service = virtual_service("vs", ([192, 0, 2, 1], 80).into(), None);
    service.children = children
        .iter()
        .enumerate()
        .map(|(index, written)| {
            let rules = written.rules.iter().map(|(criterion, value)| path_rule(*criterion, value)).collect();
            let matches = vec![HostMatch { host: written.host.clone(), rules }];
            Arc::new(Child { host: virtual_host(&index.to_string(), None), matches })
        })
        .collect();
    let (table, problems) = Table::compile(&http_config(1, vec![service], vec![]), None);
    let Some(listener) = table.listeners.values().next() else { return };
    for (host, path) in requests {
        let host = normalize_host(host);
        assert!(!host.bytes().any(|octet| octet.is_ascii_uppercase()), "{host}");
        assert!(host.contains(']') || !host.contains(':'), "{host}");
        let request = Request {
            method: "GET",
            host: &host,
            path,
            query: Some("q"),
            https: false,
            port: 80,
            client: [192, 0, 2, 7].into(),
            headers: &(&[] as &[(&str, &str)]),
        };
        let decision = listener.service.decide(&request);
        let to = location(&Redirect::to_https(443), &request);
        assert_eq!(to, format!("https://{host}{path}?q"));
        // What a regular expression says is not said again here.
        let has_regex = children.iter().any(|child| child.rules.iter().any(|(by, _)| *by == StringCriterion::Regex));
        if problems.is_empty() && !has_regex {
            assert_eq!(decision.child, naive(&children, &host, path), "{host} {path} in {text:?}");
        }
    }
}

fn read(text: &str) -> (Vec<Written>, Vec<(&str, &str)>) {
    let (mut children, mut requests, mut rules) = (Vec::<Written>::new(), Vec::new(), 0);
    for line in text.lines() {
        let Some((kind, value)) = line.split_at_checked(1) else { continue };
        let value = value.trim_start_matches(' ');
        let criterion = match kind {
            "h" if children.len() < CHILDREN_MAX => {
                children.push(Written { host: value.to_owned(), rules: Vec::new() });
                continue;
            }
            "?" if requests.len() < REQUESTS_MAX => {
                requests.push(value.split_once(' ').unwrap_or((value, "/")));
                continue;
            }
            "=" => StringCriterion::Equals,
            "^" => StringCriterion::BeginsWith,
            "$" => StringCriterion::EndsWith,
            "~" => StringCriterion::Contains,
            "r" => StringCriterion::Regex,
            _ => continue,
        };
        if let Some(child) = children.last_mut()
            && rules < RULES_MAX
        {
            child.rules.push((criterion, value.to_owned()));
            rules += 1;
        }
    }
    (children, requests)
}

/// The slow way: every rule of every child, the best of them, the first of equals.
fn naive(children: &[Written], host: &str, path: &str) -> Option<usize> {
    let path = decode(path).to_ascii_lowercase();
    let everything = [(StringCriterion::Regex, String::new())];
    let ranked = children.iter().enumerate().flat_map(|(index, child)| {
        let known = normalize_host(&child.host).into_owned();
        let host_rank = match known.strip_prefix("*.") {
            Some(suffix) if host.ends_with(&format!(".{suffix}")) => Some((1, usize::MAX - suffix.len())),
            None if host == known => Some((0, 0)),
            _ => None,
        };
        let rules: &[Rule] = if child.rules.is_empty() { &everything } else { &child.rules };
        let ranks = rules.iter().filter_map(|(criterion, value)| {
            let value = value.to_ascii_lowercase();
            let (holds, class, length) = match criterion {
                StringCriterion::Equals => (path == value, 0, 0),
                StringCriterion::BeginsWith => (path.starts_with(&value), 1, usize::MAX - value.len()),
                StringCriterion::EndsWith => (path.ends_with(&value), 2, 0),
                StringCriterion::Contains => (path.contains(&value), 2, 0),
                _ => (true, 2, 0),
            };
            holds.then_some((class, length))
        });
        let ranks: Vec<_> = ranks.map(|rank| (host_rank, rank, index)).collect();
        ranks.into_iter().filter(|(host_rank, ..)| host_rank.is_some())
    });
    ranked.min_by_key(|(host_rank, rank, _)| (*host_rank, *rank)).map(|(.., index)| index)
}

/// Percent escapes decoded, once.
fn decode(path: &str) -> String {
    let octets = path.as_bytes();
    let (mut decoded, mut at) = (Vec::new(), 0);
    while let Some(&octet) = octets.get(at) {
        let digit = |at: usize| char::from(octets.get(at).copied().unwrap_or(b'x')).to_digit(16);
        match (octet, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.extend(u8::try_from(high * 16 + low));
                at += 3;
            }
            _ => {
                decoded.push(octet);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
