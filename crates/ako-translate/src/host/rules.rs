//! Paths of a host to rules in policy sets, one set for each namespace (ako 4.5, 5.2).
//!
//! Within a set the longest path comes first. Sets are looked at one after the other, so with AKO's own rules a short
//! path in one namespace would hide a longer one in the next. Here a set also has the rules of later sets that its own
//! would hide; then the longest path wins over the whole host.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::NamespacedName;
use crate::desired::HttpRule;

/// A path that leads somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) ingress: NamespacedName,
    pub(super) path: String,
    pub(super) is_exact: bool,
    pub(super) pool_group: String,
}

/// The policy set of a namespace.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PolicySet {
    pub(super) namespace: String,
    /// Its own paths, ascending.
    pub(super) paths: Vec<String>,
    /// Its own Ingresses, ascending.
    pub(super) ingresses: Vec<String>,
    pub(super) rules: Vec<HttpRule>,
}

/// Sets in the order in which they are looked at: by namespace.
pub(super) fn sets(rules: &[Rule]) -> Vec<PolicySet> {
    let namespaces: BTreeSet<&str> = rules.iter().map(|rule| rule.ingress.namespace.as_str()).collect();
    namespaces
        .into_iter()
        .map(|namespace| {
            let own = || rules.iter().filter(|rule| rule.ingress.namespace == namespace);
            let is_hidden =
                |later: &&Rule| later.ingress.namespace.as_str() > namespace && own().any(|rule| hides(rule, later));
            let mut all: Vec<&Rule> = own().chain(rules.iter().filter(is_hidden)).collect();
            all.sort_by(|a, b| rank(a).cmp(&rank(b)));
            let paths: BTreeSet<&str> = own().map(|rule| rule.path.as_str()).filter(|path| !path.is_empty()).collect();
            let ingresses: BTreeSet<&str> = own().map(|rule| rule.ingress.name.as_str()).collect();
            PolicySet {
                namespace: namespace.to_owned(),
                paths: paths.into_iter().map(str::to_owned).collect(),
                ingresses: ingresses.into_iter().map(str::to_owned).collect(),
                rules: all.into_iter().map(switch).collect(),
            }
        })
        .collect()
}

/// The longest path first, an exact one before a prefix of the same length; a rule without path last.
fn rank(rule: &Rule) -> (Reverse<usize>, bool, &str) {
    (Reverse(rule.path.len()), !rule.is_exact, &rule.path)
}

/// Whether requests for `other` would be taken by `rule`, which ranks lower.
fn hides(rule: &Rule, other: &Rule) -> bool {
    !rule.is_exact && other.path.starts_with(&rule.path) && rank(other) < rank(rule)
}

fn switch(rule: &Rule) -> HttpRule {
    HttpRule::Switch { path: rule.path.clone(), is_exact: rule.is_exact, pool_group: rule.pool_group.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(namespace: &str, path: &str, is_exact: bool) -> Rule {
        let pool_group = format!("{namespace}{path}");
        Rule { ingress: NamespacedName::new(namespace, "ing"), path: path.to_owned(), is_exact, pool_group }
    }

    #[track_caller]
    fn check(rules: &[Rule], expected: &[(&str, &[&str])]) {
        let sets = sets(rules);
        let found: Vec<(&str, Vec<&str>)> = sets
            .iter()
            .map(|set| {
                let groups = set.rules.iter().map(|rule| match rule {
                    HttpRule::Switch { pool_group, .. } => pool_group.as_str(),
                    HttpRule::RedirectToHttps { .. } => "redirect",
                });
                (set.namespace.as_str(), groups.collect())
            })
            .collect();
        let expected: Vec<(&str, Vec<&str>)> = expected.iter().map(|(name, groups)| (*name, groups.to_vec())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_longest_path_comes_first_and_none_last() {
        let rules = [rule("a", "", false), rule("a", "/", false), rule("a", "/cart", false), rule("a", "/cart", true)];
        check(&rules, &[("a", &["a/cart", "a/cart", "a/", "a"])]);
        assert!(matches!(sets(&rules)[0].rules[0], HttpRule::Switch { is_exact: true, .. }));
    }

    #[test]
    fn a_short_path_does_not_hide_a_longer_one_of_a_later_namespace() {
        check(
            &[rule("a", "/", false), rule("a", "/x/long", false), rule("b", "/api", false)],
            &[("a", &["a/x/long", "b/api", "a/"]), ("b", &["b/api"])],
        );
    }

    #[test]
    fn nothing_is_repeated_without_need() {
        check(&[rule("a", "/api", false), rule("b", "/", false)], &[("a", &["a/api"]), ("b", &["b/"])]);
        check(&[rule("a", "/api", true), rule("b", "/api/v1", false)], &[("a", &["a/api"]), ("b", &["b/api/v1"])]);
    }

    /// The first set in which any rule matches decides; it must be the one with the best match over all.
    #[test]
    fn the_best_match_over_all_namespaces_wins() {
        let rules = [
            rule("a", "/", false),
            rule("a", "/x/long", false),
            rule("b", "/x", false),
            rule("b", "/x/long/er", true),
            rule("c", "/x/long/er", false),
            rule("c", "/y", false),
        ];
        for (path, expected) in [
            ("/x/long/er", "b/x/long/er"),
            ("/x/long/er/s", "c/x/long/er"),
            ("/x/longer", "a/x/long"),
            ("/x/y", "b/x"),
            ("/y", "c/y"),
            ("/z", "a/"),
        ] {
            let all = sets(&rules);
            let matching = all.iter().flat_map(|set| &set.rules).find_map(|rule| match rule {
                HttpRule::Switch { path: of, is_exact: true, pool_group } if of == path => Some(pool_group.as_str()),
                HttpRule::Switch { path: of, is_exact: false, pool_group } if path.starts_with(of.as_str()) => {
                    Some(pool_group.as_str())
                }
                _ => None,
            });
            assert_eq!(matching, Some(expected), "{path}");
        }
    }
}
