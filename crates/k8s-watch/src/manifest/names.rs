//! Names an API server takes, and names a person may have meant.

use k8s_crds::{Kind, Object};

/// Longest DNS label (RFC 1123 §2.1).
const LABEL_CHARS_MAX: usize = 63;
/// Longest subdomain, as Kubernetes counts it.
const SUBDOMAIN_CHARS_MAX: usize = 253;
/// Sibling fields named in an advice.
const NAMED_MAX: usize = 12;

/// Checks name and namespace as an API server does.
///
/// # Errors
/// Says what is wrong with which of them.
pub(super) fn check(object: &Object) -> Result<(), String> {
    let metadata = object.metadata();
    let Some(name) = metadata.name.as_deref().filter(|name| !name.is_empty()) else {
        return Err("`metadata.name` is missing".to_owned());
    };
    let is_valid = match object.kind() {
        Kind::Namespace | Kind::Service => is_label(name),
        _ => is_subdomain(name),
    };
    if !is_valid {
        return Err(format!("`metadata.name` `{name}` is not a name of RFC 1123: lower-case letters, digits, `-`"));
    }
    if let Some(namespace) = metadata.namespace.as_deref().filter(|namespace| !is_label(namespace)) {
        return Err(format!("`metadata.namespace` `{namespace}` is not a label of RFC 1123"));
    }
    Ok(())
}

/// A label of RFC 1123: letters, digits and inner hyphens, lower case.
pub(crate) fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LABEL_CHARS_MAX).contains(&text.len())
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Labels joined by dots. Only the whole is limited in length, as in Kubernetes.
pub(crate) fn is_subdomain(text: &str) -> bool {
    let is_part =
        |part: &str| part.split('-').all(|run| run.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    (1..=SUBDOMAIN_CHARS_MAX).contains(&text.len())
        && text
            .split('.')
            .all(|part| !part.is_empty() && is_part(part) && !part.starts_with('-') && !part.ends_with('-'))
}

/// What to do about an unknown field, given the fields that are known in its place.
pub(super) fn advise(name: &str, known: &[&str]) -> String {
    if let Some(near) = nearest(name, known.iter().copied()) {
        return format!("did you mean `{near}`? the rest of the object is used");
    }
    let named = known.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    let more = if known.len() > NAMED_MAX { ", …" } else { "" };
    format!("remove it, the rest of the object is used; known here: {named}{more}")
}

/// The name nearest to `name`: the same but for case, or at most a third of it different.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let distances = known.map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate));
    let (distance, nearest) = distances.min()?;
    (distance <= name.chars().count().div_ceil(3).min(3)).then_some(nearest)
}

/// Edits between two words: insert, delete, replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_subdomains_are_those_of_rfc_1123() {
        for good in ["a", "a-1", "0a", &"a".repeat(63)] {
            assert!(is_label(good) && is_subdomain(good), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a/b", "..", ".", "a b", "ä", &"a".repeat(64)] {
            assert!(!is_label(bad), "{bad}");
        }
        assert!(is_subdomain("a.b-c.d") && is_subdomain(&"a".repeat(64)));
        for bad in ["a..b", ".a", "a.", "a.-b", "..", "a/b", &"a".repeat(254)] {
            assert!(!is_subdomain(bad), "{bad}");
        }
    }

    #[test]
    fn the_nearest_name_is_found_unless_it_is_far() {
        let known = ["matchRules", "matchClusters", "trafficSplit", "ttl"];
        let find = |name| nearest(name, known.iter().copied());
        assert_eq!(find("matchCluster"), Some("matchClusters"));
        assert_eq!(find("TrafficSplit"), Some("trafficSplit"));
        assert_eq!(find("tll"), Some("ttl"));
        assert_eq!(find("replicas"), None);
        assert_eq!(find("x"), None);
    }
}
