//! Which elements of two lists are the same one (avi-api 1.10).
//!
//! A natural key is a comma-separated list of dotted paths within an element: `name`, `ip.addr`, `ip.addr,port`.

use serde_json::Value;

/// Whether two elements have the same natural key; elements without any part of it never have.
pub(crate) fn is_same(key: &str, a: &Value, b: &Value) -> bool {
    let parts = || key.split(',');
    parts().any(|path| at(a, path).is_some()) && parts().all(|path| part(a, path) == part(b, path))
}

/// The stored element that an element of the input continues: the one with its natural key, and in lists without one
/// that with its identity, or else the same place. Write-only and controller-made members are carried over from it.
pub(crate) fn counterpart<'v>(
    key: Option<&str>,
    stored: &'v [Value],
    element: &Value,
    index: usize,
) -> Option<&'v Value> {
    const IDENTITIES: [&str; 4] = ["uuid", "cluster_uuid", "name", "key"];
    if let Some(key) = key {
        return stored.iter().find(|old| is_same(key, old, element));
    }
    match IDENTITIES.iter().find(|identity| element.get(identity).is_some()) {
        Some(identity) => stored.iter().find(|old| is_same(identity, old, element)),
        None => stored.get(index),
    }
}

/// Whether `token` of a JSON pointer names this element: all parts joined by `:`, or the first part alone.
pub(crate) fn is_named(key: &str, element: &Value, token: &str) -> bool {
    let parts: Vec<String> = key.split(',').filter_map(|path| part(element, path)).collect();
    parts.first().is_some_and(|first| first == token) || (!parts.is_empty() && parts.join(":") == token)
}

fn at<'v>(element: &'v Value, path: &str) -> Option<&'v Value> {
    path.trim().split('.').try_fold(element, |value, name| value.get(name))
}

/// A part of the key as text, so that `80` and `"80"` are the same.
fn part(element: &Value, path: &str) -> Option<String> {
    match at(element, path)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn elements_are_matched_by_every_part_of_their_key() {
        let server = |addr: &str, port: Value| json!({"ip": {"addr": addr}, "port": port});
        assert!(is_same("ip.addr,port", &server("192.0.2.1", json!(80)), &server("192.0.2.1", json!("80"))));
        assert!(!is_same("ip.addr,port", &server("192.0.2.1", json!(80)), &server("192.0.2.1", json!(81))));
        assert!(is_same("ip.addr,port", &json!({"ip": {"addr": "x"}}), &json!({"ip": {"addr": "x"}})));
        assert!(!is_same("name", &json!({}), &json!({})));
        assert!(is_named("ip.addr,port", &server("192.0.2.1", json!(80)), "192.0.2.1:80"));
        assert!(is_named("ip.addr,port", &server("192.0.2.1", json!(80)), "192.0.2.1"));
        assert!(!is_named("name", &json!({}), ""));
    }
}
