//! From a host name and a path to the child that takes the request (avi-api 10.2).
//!
//! The exact host comes before wildcards, a longer wildcard before a shorter one. For one host the rules of all children
//! stand in one list: `EQUALS`, then `BEGINS_WITH` from the longest value on, then all others as they are written. A host
//! whose rules all fail falls to the next wildcard.

use std::borrow::Cow;

use model::http::{Child, PathRule, StringCriterion};
use rustc_hash::FxHashMap;

use crate::matching::{Matcher, Request, lower};

/// Which child takes which requests.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    exact: FxHashMap<Box<str>, Vec<Candidate>>,
    /// By what follows the `*.`.
    wildcard: FxHashMap<Box<str>, Vec<Candidate>>,
}

/// One rule of one child for one host.
#[derive(Debug)]
struct Candidate {
    rank: Rank,
    /// Place of the child among the enabled ones.
    child: usize,
    /// `None` takes every request.
    rule: Option<(String, Matcher)>,
}

/// Where a candidate stands, lowest first: its class and then, where that has lengths, the longest first.
type Rank = (u8, std::cmp::Reverse<usize>);

impl Hosts {
    /// Indexes `children`; what cannot be used is given to `problem` and left out.
    pub(crate) fn compile<'m>(
        children: impl Iterator<Item = &'m Child>,
        mut problem: impl FnMut(&Child, String),
    ) -> Self {
        let mut hosts = Self::default();
        for (index, child) in children.enumerate() {
            for host_match in &child.matches {
                let host = normalize_host(&host_match.host);
                let (map, host) = match host.strip_prefix("*.") {
                    Some(suffix) => (&mut hosts.wildcard, suffix),
                    None => (&mut hosts.exact, &*host),
                };
                let candidates = map.entry(host.into()).or_default();
                if host_match.rules.is_empty() {
                    candidates.push(Candidate { rank: (2, std::cmp::Reverse(0)), child: index, rule: None });
                }
                for rule in &host_match.rules {
                    match Matcher::compile(&rule.matches) {
                        Ok(matcher) => {
                            let named = Some((rule.name.clone(), matcher));
                            candidates.push(Candidate { rank: rank(rule), child: index, rule: named });
                        }
                        Err(reason) => problem(child, format!("rule `{}`: {reason}", rule.name)),
                    }
                }
            }
        }
        for candidates in hosts.exact.values_mut().chain(hosts.wildcard.values_mut()) {
            // Stable: the order in which they are written decides the rest.
            candidates.sort_by_key(|candidate| candidate.rank);
        }
        hosts
    }

    /// Place of the child that takes the request, and the name of the rule that gave it.
    pub(crate) fn find(&self, request: &Request<'_>) -> Option<(usize, Option<&str>)> {
        if let Some(found) = self.exact.get(request.host).and_then(|candidates| first(candidates, request)) {
            return Some(found);
        }
        if self.wildcard.is_empty() {
            return None;
        }
        let mut rest = request.host;
        while let Some((_, suffix)) = rest.split_once('.') {
            if let Some(found) = self.wildcard.get(suffix).and_then(|candidates| first(candidates, request)) {
                return Some(found);
            }
            rest = suffix;
        }
        None
    }
}

fn first<'c>(candidates: &'c [Candidate], request: &Request<'_>) -> Option<(usize, Option<&'c str>)> {
    candidates.iter().find_map(|candidate| match &candidate.rule {
        None => Some((candidate.child, None)),
        Some((name, matcher)) => matcher.matches(request).then_some((candidate.child, Some(name.as_str()))),
    })
}

fn rank(rule: &PathRule) -> Rank {
    let path = rule.matches.path.as_ref().filter(|path| !path.negated);
    let class = match path.map(|path| path.criterion) {
        Some(StringCriterion::Equals) => 0,
        Some(StringCriterion::BeginsWith) => 1,
        _ => return (2, std::cmp::Reverse(0)),
    };
    let longest = path.iter().flat_map(|path| &path.values).map(String::len).max().unwrap_or(0);
    (class, std::cmp::Reverse(if class == 1 { longest } else { 0 }))
}

/// A host as rules know it: in lower case, without port, without the trailing dot. An IPv6 address keeps its brackets.
#[must_use]
pub fn normalize_host(host: &str) -> Cow<'_, str> {
    let name = match host.rfind(']') {
        Some(end) => host.get(..=end).unwrap_or(host),
        None => host.split(':').next().unwrap_or(host),
    };
    lower(name.strip_suffix('.').unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_loses_port_case_and_trailing_dot() {
        for (host, expected) in
            [("App.Example.com:8443", "app.example.com"), ("a.", "a"), ("[2001:DB8::1]:80", "[2001:db8::1]"), ("", "")]
        {
            assert_eq!(normalize_host(host), expected);
        }
    }
}
