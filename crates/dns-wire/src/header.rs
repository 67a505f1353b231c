//! The first twelve octets of a message (RFC 1035 §4.1.1).

use crate::Opcode;

/// Octets of a header.
pub const HEADER_SIZE: usize = 12;

/// Id and flags of a message.
///
/// ```text
///   0  1  2  3  4  5  6  7  8  9  0  1  2  3  4  5
/// +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
/// |                      ID                       |
/// |QR|   OPCODE  |AA|TC|RD|RA| Z|AD|CD|   RCODE   |   AD, CD: RFC 4035 §3.2
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Chosen by the client, copied into the response.
    pub id: u16,
    /// The second 16 bits, as on the wire.
    pub flags: u16,
}

impl Header {
    pub(crate) const QR: u16 = 0x8000;
    pub(crate) const OPCODE: u16 = 0x7800;
    pub(crate) const AA: u16 = 0x0400;
    pub(crate) const TC: u16 = 0x0200;
    pub(crate) const RD: u16 = 0x0100;
    pub(crate) const AD: u16 = 0x0020;
    pub(crate) const CD: u16 = 0x0010;
    /// What a response takes over from its query; CD stays clear in an authoritative one (RFC 4035 §3.1.6).
    pub(crate) const COPIED: u16 = Self::OPCODE | Self::RD;

    /// Whether this is a response, not a query.
    #[must_use]
    pub const fn is_response(self) -> bool {
        self.flags & Self::QR != 0
    }

    /// Kind of query.
    #[must_use]
    pub const fn opcode(self) -> Opcode {
        Opcode(((self.flags & Self::OPCODE) >> 11).to_be_bytes()[1])
    }

    /// Recursion desired.
    #[must_use]
    pub const fn rd(self) -> bool {
        self.flags & Self::RD != 0
    }

    /// Authentic data: in a query, the client understands the bit (RFC 6840 §5.7).
    #[must_use]
    pub const fn ad(self) -> bool {
        self.flags & Self::AD != 0
    }

    /// Checking disabled.
    #[must_use]
    pub const fn cd(self) -> bool {
        self.flags & Self::CD != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_where_the_rfc_draws_them() {
        let header = Header { id: 7, flags: 0b0010_1001_0011_0000 };
        assert!(!header.is_response());
        assert_eq!(header.opcode(), Opcode::UPDATE);
        assert!(header.rd() && header.ad() && header.cd());
        assert!(Header { id: 7, flags: 0x8000 }.is_response());
    }
}
