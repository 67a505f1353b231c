//! The controller's address, and how paths join to it.

use reqwest::Url;

use crate::error::ConfigError;

/// The controller's base address; ends in one slash.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    base: Url,
}

impl Address {
    /// Reads `https://host:port/`, `http://…` or `host:port`.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let invalid = |reason: String| ConfigError::Address { address: text.to_owned(), reason };
        let trimmed = text.trim();
        let full = if trimmed.contains("://") { trimmed.to_owned() } else { format!("https://{trimmed}") };
        let mut base = Url::parse(&full).map_err(|error| invalid(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(invalid(format!("`{}` is not http or https", base.scheme())));
        }
        if base.host_str().is_none_or(str::is_empty) {
            return Err(invalid("it names no host".to_owned()));
        }
        base.set_query(None);
        base.set_fragment(None);
        let path = format!("{}/", base.path().trim_end_matches('/'));
        base.set_path(&path);
        Ok(Self { base })
    }

    /// The address itself; also the value of `Referer` (amko 7.2).
    pub(crate) fn as_str(&self) -> &str {
        self.base.as_str()
    }

    /// Joins `path`, with or without a leading slash, by exactly one slash; a trailing one stays.
    ///
    /// `path` may carry a query of its own; `query` is added with its keys sorted (amko 7.1).
    pub(crate) fn join(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        let (path, own_query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let joined = format!("{}{}", self.base.path(), path.trim_start_matches('/'));
        url.set_path(&joined);
        url.set_query(own_query.filter(|query| !query.is_empty()));
        if !query.is_empty() {
            let mut sorted = query.to_vec();
            sorted.sort_by_key(|(key, _)| *key);
            url.query_pairs_mut().extend_pairs(sorted);
        }
        url
    }

    /// Address of the next page: path and query as the controller gave them, host and scheme ours.
    ///
    /// The session never goes to another host than the one it was made with.
    pub(crate) fn next_page(&self, current: &Url, next: &str) -> Option<Url> {
        let next = current.join(next).ok()?;
        let mut url = self.base.clone();
        url.set_path(&next.path().replace("//", "/"));
        url.set_query(next.query());
        Some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_join(base: &str, path: &str, query: &[(&str, &str)], expected: &str) {
        let address = Address::parse(base).unwrap();
        assert_eq!(address.join(path, query).as_str(), expected);
    }

    #[test]
    fn paths_join_by_exactly_one_slash() {
        check_join("https://c:9443", "/api/gslb", &[], "https://c:9443/api/gslb");
        check_join("https://c:9443/", "/api/gslb", &[], "https://c:9443/api/gslb");
        check_join("https://c:9443//", "api/gslb/", &[], "https://c:9443/api/gslb/");
        check_join("10.0.0.1", "//api/gslb", &[], "https://10.0.0.1/api/gslb");
        check_join("http://[::1]:80/avi/", "api/gslb", &[], "http://[::1]/avi/api/gslb");
    }

    #[test]
    fn query_keys_are_sorted_and_values_encoded() {
        let query = [("name", "a b/c"), ("include_name", "")];
        check_join("c", "api/gslb", &query, "https://c/api/gslb?include_name=&name=a+b%2Fc");
        check_join("c", "api/gslb?page=2", &[("a", "1")], "https://c/api/gslb?page=2&a=1");
    }

    #[test]
    fn next_page_keeps_path_and_query_but_not_the_host() {
        let address = Address::parse("https://c:9443").unwrap();
        let current = address.join("api/gslb", &[]);
        let next = |text| address.next_page(&current, text).unwrap().to_string();
        assert_eq!(next("https://evil/api/gslb?page=2"), "https://c:9443/api/gslb?page=2");
        assert_eq!(next("/api/gslb?page=2&x=%2F"), "https://c:9443/api/gslb?page=2&x=%2F");
        assert_eq!(next("?page=3"), "https://c:9443/api/gslb?page=3");
    }

    #[test]
    fn unusable_addresses_are_refused() {
        for text in ["", "ftp://c", "https://", "https://c:port"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
