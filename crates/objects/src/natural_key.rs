//! Which elements of two lists are the same one (avi-api 1.10).
//!
//! A natural key is a comma-separated list of dotted paths within an element: `name`, `ip.addr`, `ip.addr,port`.

use std::collections::HashMap;

use serde_json::Value;

/// Members that identify elements of a list without a natural key, the most telling first.
const IDENTITIES: [&str; 4] = ["uuid", "cluster_uuid", "name", "key"];

/// Finds, for the elements of an input, the stored elements that they continue: write-only and controller-made members
/// are carried over from those.
pub(crate) struct Counterparts<'v> {
    stored: &'v [Value],
    key: Option<&'v str>,
    by_identity: HashMap<(&'v str, String), usize>,
}

impl<'v> Counterparts<'v> {
    /// Prepares for a list of this natural key.
    pub(crate) fn new(key: Option<&'v str>, stored: &'v [Value]) -> Self {
        let mut by_identity = HashMap::new();
        for (index, element) in stored.iter().enumerate() {
            for key in key.as_slice().iter().chain(IDENTITIES.iter().filter(|_| key.is_none())) {
                if let Some(identity) = identity(key, element) {
                    by_identity.entry((*key, identity)).or_insert(index);
                }
            }
        }
        Self { stored, key, by_identity }
    }

    /// The stored element with the natural key of `element`, in lists without one that with its identity, or else the
    /// one in the same place.
    pub(crate) fn of(&self, element: &Value, index: usize) -> Option<&'v Value> {
        let keys = self.key.as_slice().iter().chain(IDENTITIES.iter().filter(|_| self.key.is_none()));
        let found = keys.copied().find_map(|key| Some((key, identity(key, element)?)));
        match (found, self.key) {
            (Some(identity), _) => self.stored.get(*self.by_identity.get(&identity)?),
            (None, Some(_)) => None,
            (None, None) => self.stored.get(index),
        }
    }
}

/// The natural key of an element as one text; `None` when it has no part of it.
pub(crate) fn identity(key: &str, element: &Value) -> Option<String> {
    let parts: Vec<Option<String>> = key.split(',').map(|path| part(element, path)).collect();
    parts.iter().any(Option::is_some).then(|| format!("{parts:?}"))
}

/// Whether `token` of a JSON pointer names this element: all parts joined by `:`, or the first part alone.
pub(crate) fn is_named(key: &str, element: &Value, token: &str) -> bool {
    let parts: Vec<String> = key.split(',').filter_map(|path| part(element, path)).collect();
    parts.first().is_some_and(|first| first == token) || (!parts.is_empty() && parts.join(":") == token)
}

/// A part of the key as text, so that `80` and `"80"` are the same.
fn part(element: &Value, path: &str) -> Option<String> {
    match path.trim().split('.').try_fold(element, |value, name| value.get(name))? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn server(addr: &str, port: Value) -> Value {
        json!({"ip": {"addr": addr}, "port": port})
    }

    #[track_caller]
    fn check(key: &str, a: &Value, b: &Value, same: bool) {
        assert_eq!(identity(key, a).is_some() && identity(key, a) == identity(key, b), same, "{a} {b}");
    }

    #[test]
    fn elements_are_matched_by_every_part_of_their_key() {
        check("ip.addr,port", &server("192.0.2.1", json!(80)), &server("192.0.2.1", json!("80")), true);
        check("ip.addr,port", &server("192.0.2.1", json!(80)), &server("192.0.2.1", json!(81)), false);
        check("ip.addr,port", &json!({"ip": {"addr": "x"}}), &server("x", Value::Null), true);
        check("name", &json!({}), &json!({}), false);
    }

    #[test]
    fn a_pointer_names_an_element_by_its_key() {
        assert!(is_named("ip.addr,port", &server("192.0.2.1", json!(80)), "192.0.2.1:80"));
        assert!(is_named("ip.addr,port", &server("192.0.2.1", json!(80)), "192.0.2.1"));
        assert!(!is_named("name", &json!({}), ""));
    }

    #[test]
    fn without_a_key_the_identity_counts_and_then_the_place() {
        let stored = [json!({"name": "a"}), json!({"name": "b"}), json!({"x": 1})];
        let counterparts = Counterparts::new(None, &stored);
        assert_eq!(counterparts.of(&json!({"name": "b"}), 0), Some(&stored[1]));
        assert_eq!(counterparts.of(&json!({"name": "c"}), 0), None);
        assert_eq!(counterparts.of(&json!({"x": 2}), 2), Some(&stored[2]));
        let keyed = Counterparts::new(Some("x"), &stored);
        assert_eq!(keyed.of(&json!({"x": 1}), 0), Some(&stored[2]));
        assert_eq!(keyed.of(&json!({"name": "a"}), 0), None);
    }
}
