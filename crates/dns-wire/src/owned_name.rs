//! A domain name that configuration brings: owned, lower case, in wire form.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use crate::name::{LABEL_SIZE_MAX, NAME_SIZE_MAX, Name, Suffixes};

/// A name in lower case in wire form; equality, order and hash are those of the octets.
///
/// Borrows as `[u8]`, so that a map keyed by it can be asked with the wire form of [`Name::lower`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnedName(Box<[u8]>);

/// Why a text is no name in wire form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A label of no or of over 63 octets.
    #[error("`{0}` has a label that is empty or has over 63 octets")]
    Label(String),
    /// Over 255 octets on the wire.
    #[error("`{0}` has over 255 octets on the wire")]
    TooLong(String),
}

impl OwnedName {
    /// Builds from labels separated by dots, without escapes; one trailing dot is accepted, `.` alone is the root.
    ///
    /// # Errors
    /// When a label or the name has a wrong length.
    pub fn from_text(text: &str) -> Result<Self, NameError> {
        let labels = text.strip_suffix('.').unwrap_or(text);
        let mut wire = Vec::with_capacity(labels.len() + 2);
        if !labels.is_empty() || text.is_empty() {
            for label in labels.split('.') {
                match u8::try_from(label.len()) {
                    Ok(length) if length != 0 && label.len() <= LABEL_SIZE_MAX => wire.push(length),
                    _ => return Err(NameError::Label(text.to_owned())),
                }
                wire.extend_from_slice(label.as_bytes());
            }
        }
        wire.push(0);
        if wire.len() > NAME_SIZE_MAX {
            return Err(NameError::TooLong(text.to_owned()));
        }
        wire.make_ascii_lowercase();
        Ok(Self(wire.into_boxed_slice()))
    }

    pub(crate) fn from_name(name: Name<'_>) -> Self {
        Self(name.as_wire().to_ascii_lowercase().into_boxed_slice())
    }

    /// The name, borrowed.
    #[must_use]
    pub fn as_name(&self) -> Name<'_> {
        Name::known(&self.0)
    }

    /// The octets, root label included.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// The name itself, then each name above it, down to the root.
    #[must_use]
    pub fn suffixes(&self) -> Suffixes<'_> {
        self.as_name().suffixes()
    }
}

impl FromStr for OwnedName {
    type Err = NameError;

    /// See [`OwnedName::from_text`].
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::from_text(text)
    }
}

impl Borrow<[u8]> for OwnedName {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

/// Presentation form, see the `Display` of [`Name`].
impl fmt::Display for OwnedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_name().fmt(f)
    }
}

impl fmt::Debug for OwnedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedName({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[u8]>) {
        assert_eq!(OwnedName::from_text(text).ok().as_ref().map(OwnedName::as_wire), expected, "{text}");
    }

    #[test]
    fn text_becomes_lower_case_wire_form() {
        check("Hello.Example", Some(b"\x05hello\x07example\0"));
        check("hello.example.", Some(b"\x05hello\x07example\0"));
        check("dnsadmin@iberia.local", Some(b"\x0fdnsadmin@iberia\x05local\0"));
        check(".", Some(b"\0"));
        check("", None);
        check("a..b", None);
        check(".a", None);
        check("..", None);
        check(&"a".repeat(64), None);
        assert!(OwnedName::from_text(&"a".repeat(63)).is_ok());
        assert!(OwnedName::from_text(&["ab"; 84].join(".")).is_ok());
        assert!(matches!(OwnedName::from_text(&["ab"; 85].join(".")), Err(NameError::TooLong(_))));
    }

    #[test]
    fn a_map_is_asked_with_the_lower_wire_form_of_a_query() {
        let map = std::collections::HashMap::from([(OwnedName::from_text("a.example").unwrap(), 1)]);
        let asked = Name::from_wire(b"\x01A\x07eXample\0").unwrap();
        assert_eq!(map.get(asked.lower(&mut [0; NAME_SIZE_MAX]).as_wire()), Some(&1));
    }
}
