//! A domain name on the wire, borrowed (RFC 1035 §3.1).

use std::fmt;

use crate::OwnedName;

/// Octets of the longest name, length octets and root label included (RFC 1035 §2.3.4).
pub const NAME_SIZE_MAX: usize = 255;

/// Octets of the longest label (RFC 1035 §2.3.4).
pub(crate) const LABEL_SIZE_MAX: usize = 63;

/// Room for any name in wire form.
pub type NameBuffer = [u8; NAME_SIZE_MAX];

/// An uncompressed name in wire form, in the case it was written in: `\x01a\x07example\x00`.
///
/// Valid by construction: labels of 1 to 63 octets, ended by the root label, 255 octets at most.
/// Names that differ in case are the same name (RFC 4343); ask with [`Name::is_same`], or compare [`Name::lower`].
#[derive(Clone, Copy)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// The root.
    pub const ROOT: Name<'static> = Name(&[0]);

    /// Takes `wire`, which must hold one uncompressed name and nothing else.
    #[must_use]
    pub fn from_wire(wire: &'a [u8]) -> Option<Self> {
        (name_length(wire) == Ok(wire.len())).then_some(Self(wire))
    }

    /// Reads the name at the start of `bytes`.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, WireNameError> {
        let length = name_length(bytes)?;
        Ok(Self(&bytes[..length]))
    }

    /// Wraps `wire`, which the caller knows to be a name.
    pub(crate) const fn known(wire: &'a [u8]) -> Self {
        Self(wire)
    }

    /// The octets, root label included.
    #[must_use]
    pub const fn as_wire(&self) -> &'a [u8] {
        self.0
    }

    /// The labels, leftmost first, without the root label.
    #[must_use]
    pub const fn labels(&self) -> Labels<'a> {
        Labels(self.0)
    }

    /// The name itself, then each name above it, down to the root.
    #[must_use]
    pub const fn suffixes(&self) -> Suffixes<'a> {
        Suffixes(Some(*self))
    }

    /// The name above; `None` above the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let length = usize::from(self.0[0]);
        (length != 0).then(|| Self(&self.0[length + 1..]))
    }

    /// Whether this is the root.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// Whether both are the same name, whatever their case (RFC 4343 §3).
    #[must_use]
    pub fn is_same(&self, other: Name<'_>) -> bool {
        // Length octets are 0 to 63, below `A`: the case of a whole wire form can be ignored at once.
        self.0.eq_ignore_ascii_case(other.0)
    }

    /// Whether `self` is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: Name<'_>) -> bool {
        self.suffixes().any(|suffix| suffix.is_same(other))
    }

    /// The same name in lower case, written into `buffer`: its [`Name::as_wire`] is the key for look-ups.
    #[must_use]
    #[inline]
    pub fn lower<'b>(&self, buffer: &'b mut NameBuffer) -> Name<'b> {
        let wire = &mut buffer[..self.0.len()];
        wire.copy_from_slice(self.0);
        wire.make_ascii_lowercase();
        Name(wire)
    }

    /// A copy in lower case.
    #[must_use]
    pub fn to_owned_name(&self) -> OwnedName {
        OwnedName::from_name(*self)
    }
}

/// Presentation form with escapes and without the trailing dot, `.` for the root (RFC 1035 §5.1, RFC 4343 §2.1).
impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        if self.is_root() {
            return f.write_char('.');
        }
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            for &octet in label {
                match octet {
                    b'.' | b'\\' | b'@' | b'"' | b'(' | b')' | b';' | b'$' => write!(f, "\\{}", char::from(octet))?,
                    b'!'..=b'~' => f.write_char(char::from(octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

/// The labels of a [`Name`], leftmost first.
#[derive(Debug, Clone)]
pub struct Labels<'a>(&'a [u8]);

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.0.split_first()?;
        let (label, rest) = rest.split_at(usize::from(length));
        self.0 = rest;
        (length != 0).then_some(label)
    }
}

/// A [`Name`] and the names above it, longest first, the root last.
#[derive(Debug, Clone)]
pub struct Suffixes<'a>(Option<Name<'a>>);

impl<'a> Iterator for Suffixes<'a> {
    type Item = Name<'a>;

    fn next(&mut self) -> Option<Name<'a>> {
        let name = self.0?;
        self.0 = name.parent();
        Some(name)
    }
}

/// What is wrong with the octets of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireNameError {
    /// They end before the root label.
    CutShort,
    /// A length octet over 63 that is no compression pointer.
    LabelType,
    /// A compression pointer.
    Pointer,
    /// Over 255 octets.
    TooLong,
}

/// Octets of the uncompressed name at the start of `bytes`.
#[inline]
fn name_length(bytes: &[u8]) -> Result<usize, WireNameError> {
    let mut at = 0;
    loop {
        let length = usize::from(*bytes.get(at).ok_or(WireNameError::CutShort)?);
        if length > LABEL_SIZE_MAX {
            return Err(if length >= 0xc0 { WireNameError::Pointer } else { WireNameError::LabelType });
        }
        at += length + 1;
        if at > NAME_SIZE_MAX {
            return Err(WireNameError::TooLong);
        }
        if length == 0 {
            return Ok(at);
        }
    }
}

/// Octets that the name at the start of `bytes` takes there; a compression pointer ends it and is not followed.
pub(crate) fn skip_name(bytes: &[u8]) -> Result<usize, WireNameError> {
    let mut at = 0;
    loop {
        let length = usize::from(*bytes.get(at).ok_or(WireNameError::CutShort)?);
        match length {
            0 => return Ok(at + 1),
            1..=LABEL_SIZE_MAX => at += length + 1,
            0xc0.. if bytes.len() >= at + 2 => return Ok(at + 2),
            0xc0.. => return Err(WireNameError::CutShort),
            _ => return Err(WireNameError::LabelType),
        }
        if at >= NAME_SIZE_MAX {
            return Err(WireNameError::TooLong);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_text(wire: &[u8], expected: &str) {
        assert_eq!(Name::from_wire(wire).map(|n| n.to_string()).as_deref(), Some(expected));
    }

    #[test]
    fn special_octets_are_escaped() {
        check_text(b"\0", ".");
        check_text(b"\x03WWW\x07example\0", "WWW.example");
        check_text(b"\x0fdnsadmin@iberia\x05local\0", "dnsadmin\\@iberia.local");
        check_text(b"\x03a.b\x02\\\x07\x01 \0", "a\\.b.\\\\\\007.\\032");
        check_text(b"\x01\xff\0", "\\255");
    }

    #[track_caller]
    fn check_read(bytes: &[u8], expected: Result<usize, WireNameError>) {
        assert_eq!(Name::read(bytes).map(|n| n.as_wire().len()), expected);
    }

    #[test]
    fn malformed_names_are_refused_and_the_limits_are_exact() {
        check_read(b"\x01a\0rest", Ok(3));
        check_read(b"", Err(WireNameError::CutShort));
        check_read(b"\x05abc", Err(WireNameError::CutShort));
        check_read(b"\x03abc", Err(WireNameError::CutShort));
        check_read(b"\xc0\x0c", Err(WireNameError::Pointer));
        check_read(&[&[64][..], &[b'a'; 64], &[0]].concat(), Err(WireNameError::LabelType));
        let label = [&[63][..], &[b'a'; 63]].concat();
        let longest = [&label.repeat(3)[..], &[61], &[b'a'; 61], &[0]].concat();
        assert_eq!(longest.len(), NAME_SIZE_MAX);
        check_read(&longest, Ok(255));
        check_read(&[&label.repeat(3)[..], &[62], &[b'a'; 62], &[0]].concat(), Err(WireNameError::TooLong));
    }

    #[test]
    fn a_whole_slice_is_one_name_or_none() {
        assert!(Name::from_wire(b"\x01a\0").is_some());
        assert!(Name::from_wire(b"\x01a\0\0").is_none());
        assert!(Name::from_wire(b"").is_none());
    }

    #[test]
    fn suffixes_go_up_to_the_root() {
        let name = Name::from_wire(b"\x01a\x02bc\0").unwrap();
        let texts: Vec<String> = name.suffixes().map(|s| s.to_string()).collect();
        assert_eq!(texts, ["a.bc", "bc", "."]);
        assert_eq!(name.labels().collect::<Vec<_>>(), [&b"a"[..], b"bc"]);
        assert!(Name::ROOT.parent().is_none());
    }

    #[test]
    fn case_does_not_make_a_name_another() {
        let mixed = Name::from_wire(b"\x01A\x02bC\0").unwrap();
        let lower = Name::from_wire(b"\x01a\x02bc\0").unwrap();
        assert!(mixed.is_same(lower));
        assert_eq!(mixed.lower(&mut [0; NAME_SIZE_MAX]).as_wire(), lower.as_wire());
        assert!(mixed.is_within(Name::from_wire(b"\x02Bc\0").unwrap()));
        assert!(mixed.is_within(Name::ROOT));
        assert!(!mixed.is_within(Name::from_wire(b"\x01c\0").unwrap()));
    }
}
