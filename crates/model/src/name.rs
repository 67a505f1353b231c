//! Domain names as configuration holds them: lower case, absolute, without the trailing dot.

use serde::{Deserialize, Serialize};

/// A fully qualified domain name in lower case without its trailing dot, for example `hello.avi.iberia.local`.
///
/// Labels have 1 to 63 octets, the name at most 253 (RFC 1035 §2.3.4); any printable ASCII but the dot is allowed in
/// a label, because RFC 2181 §11 allows it and Avi's e-mail labels (`dnsadmin@iberia`) use it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

/// Why a text is not a domain name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DomainNameError {
    /// Nothing left after the trailing dot was taken away.
    #[error("a domain name cannot be empty")]
    Empty,
    /// Over 253 octets.
    #[error("`{0}` has over 253 characters")]
    TooLong(String),
    /// A label of no or of over 63 octets.
    #[error("`{0}` has a label that is empty or has over 63 characters")]
    Label(String),
    /// Blank, control or non-ASCII character.
    #[error("`{0}` has a character that a domain name cannot hold")]
    Character(String),
}

impl DomainName {
    /// Parses and lower-cases `text`; one trailing dot is accepted.
    ///
    /// # Errors
    /// When the text is not a domain name, see [`DomainNameError`].
    pub fn parse(text: &str) -> Result<Self, DomainNameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(DomainNameError::Empty);
        }
        if text.len() > 253 {
            return Err(DomainNameError::TooLong(text.to_owned()));
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(DomainNameError::Character(text.to_owned()));
        }
        if text.split('.').any(|label| label.is_empty() || label.len() > 63) {
            return Err(DomainNameError::Label(text.to_owned()));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The text, without a trailing dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The labels, leftmost first.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// Whether `self` is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &DomainName) -> bool {
        self.0 == other.0 || self.0.strip_suffix(other.as_str()).is_some_and(|head| head.ends_with('.'))
    }
}

impl TryFrom<String> for DomainName {
    type Error = DomainNameError;
    fn try_from(text: String) -> Result<Self, DomainNameError> {
        Self::parse(&text)
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> String {
        name.0
    }
}

impl std::str::FromStr for DomainName {
    type Err = DomainNameError;
    fn from_str(text: &str) -> Result<Self, DomainNameError> {
        Self::parse(text)
    }
}

impl std::fmt::Display for DomainName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lowered_and_lose_the_last_dot() {
        assert_eq!(DomainName::parse("Hello.AVI.iberia.local.").unwrap().as_str(), "hello.avi.iberia.local");
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        for bad in ["", ".", "a..b", "a b", "ä.b", &"a".repeat(64), &format!("{}a", "a.".repeat(127))] {
            assert!(DomainName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn within_compares_whole_labels() {
        let zone = DomainName::parse("b.c").unwrap();
        assert!(DomainName::parse("a.b.c").unwrap().is_within(&zone));
        assert!(zone.is_within(&zone));
        assert!(!DomainName::parse("ab.c").unwrap().is_within(&zone));
    }
}
