//! The numbers of DNS with names: record types, classes, opcodes, response codes (IANA "DNS Parameters").

use std::fmt;
use std::str::FromStr;

/// Type of a record or question (RFC 1035 §3.2.2). Unknown types are values too (RFC 3597).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rtype(pub u16);

/// A text that names no record type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no record type (known mnemonics and TYPE0 to TYPE65535)")]
pub struct UnknownRtype(pub String);

/// Class of a record or question (RFC 1035 §3.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub u16);

/// Kind of query, 4 bits (RFC 1035 §4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opcode(pub u8);

/// Response code, 12 bits: the upper 8 travel in the OPT record (RFC 6891 §6.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rcode(pub u16);

/// Declares the constants of a number type and the table from number to mnemonic.
macro_rules! mnemonics {
    ($type:ident: $($(#[$doc:meta])* $name:ident = $value:literal,)+) => {
        impl $type {
            $($(#[$doc])* pub const $name: Self = Self($value);)+

            /// The mnemonic, `None` when the number has none here.
            #[must_use]
            pub const fn mnemonic(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)+
                    _ => None,
                }
            }
        }
    };
}

mnemonics! { Rtype:
    /// IPv4 address.
    A = 1,
    /// Authoritative name server.
    NS = 2,
    /// Canonical name of an alias.
    CNAME = 5,
    /// Start of a zone of authority.
    SOA = 6,
    /// Pointer to a name.
    PTR = 12,
    /// Host information.
    HINFO = 13,
    /// Mail exchange.
    MX = 15,
    /// Text strings.
    TXT = 16,
    /// IPv6 address (RFC 3596).
    AAAA = 28,
    /// Location of a service (RFC 2782).
    SRV = 33,
    /// Naming authority pointer (RFC 3403).
    NAPTR = 35,
    /// Redirection of a subtree (RFC 6672).
    DNAME = 39,
    /// EDNS pseudo record (RFC 6891).
    OPT = 41,
    /// Delegation signer (RFC 4034).
    DS = 43,
    /// Signature over an RRset (RFC 4034).
    RRSIG = 46,
    /// Authenticated denial (RFC 4034).
    NSEC = 47,
    /// Public key of a zone (RFC 4034).
    DNSKEY = 48,
    /// TLS certificate association (RFC 6698).
    TLSA = 52,
    /// Service binding (RFC 9460).
    SVCB = 64,
    /// Service binding for HTTPS (RFC 9460).
    HTTPS = 65,
    /// Transaction signature (RFC 8945).
    TSIG = 250,
    /// Incremental zone transfer (RFC 1995).
    IXFR = 251,
    /// Zone transfer.
    AXFR = 252,
    /// All types; QTYPE `*`.
    ANY = 255,
    /// Uniform resource identifier (RFC 7553).
    URI = 256,
    /// Certification authority restriction (RFC 8659).
    CAA = 257,
}

mnemonics! { Class:
    /// The Internet.
    IN = 1,
    /// CHAOS.
    CH = 3,
    /// Hesiod.
    HS = 4,
    /// None (RFC 2136).
    NONE = 254,
    /// Any class; QCLASS `*`.
    ANY = 255,
}

mnemonics! { Opcode:
    /// Standard query.
    QUERY = 0,
    /// Inverse query, obsolete (RFC 3425).
    IQUERY = 1,
    /// Server status.
    STATUS = 2,
    /// A zone changed (RFC 1996).
    NOTIFY = 4,
    /// Dynamic update (RFC 2136).
    UPDATE = 5,
}

mnemonics! { Rcode:
    /// No error.
    NOERROR = 0,
    /// The query could not be read.
    FORMERR = 1,
    /// The server failed.
    SERVFAIL = 2,
    /// The name does not exist.
    NXDOMAIN = 3,
    /// This kind of query is not implemented.
    NOTIMP = 4,
    /// Refused for policy.
    REFUSED = 5,
    /// EDNS version not supported (RFC 6891 §6.1.3); needs an OPT record.
    BADVERS = 16,
}

impl Rcode {
    /// The four bits of the header.
    #[must_use]
    pub const fn low(self) -> u16 {
        self.0 & 0x000f
    }

    /// The eight bits of the OPT record.
    #[must_use]
    pub const fn high(self) -> u8 {
        (self.0 >> 4).to_be_bytes()[1]
    }
}

impl fmt::Display for Rtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(mnemonic) => f.pad(mnemonic),
            None => write!(f, "TYPE{}", self.0), // RFC 3597 §5
        }
    }
}

impl FromStr for Rtype {
    type Err = UnknownRtype;

    /// Reads a mnemonic in any case, or `TYPE123` (RFC 3597 §5).
    fn from_str(text: &str) -> Result<Self, UnknownRtype> {
        let unknown = || UnknownRtype(text.to_owned());
        let upper = text.to_ascii_uppercase();
        if let Some(digits) = upper.strip_prefix("TYPE") {
            if !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(unknown());
            }
            return digits.parse().map(Self).map_err(|_| unknown());
        }
        // All mnemonics lie here; this runs once per configured record or typed command, not per query.
        (0..=Self::CAA.0).map(Self).find(|t| t.mnemonic() == Some(upper.as_str())).ok_or_else(unknown)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(mnemonic) => f.pad(mnemonic),
            None => write!(f, "CLASS{}", self.0), // RFC 3597 §5
        }
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(mnemonic) => f.pad(mnemonic),
            None => write!(f, "OPCODE{}", self.0),
        }
    }
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(mnemonic) => f.pad(mnemonic),
            None => write!(f, "RCODE{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Rtype>) {
        assert_eq!(text.parse::<Rtype>().ok(), expected, "{text}");
    }

    #[test]
    fn types_are_read_by_mnemonic_and_by_number() {
        check("A", Some(Rtype::A));
        check("aaaa", Some(Rtype::AAAA));
        check("Caa", Some(Rtype::CAA));
        check("TYPE65", Some(Rtype::HTTPS));
        check("type65535", Some(Rtype(65535)));
        check("TYPE65536", None);
        check("TYPE", None);
        check("TYPE+1", None);
        check("B", None);
        check("", None);
    }

    #[test]
    fn every_type_reads_back_what_it_writes() {
        for number in 0..=u16::MAX {
            assert_eq!(Rtype(number).to_string().parse(), Ok(Rtype(number)));
        }
    }

    #[test]
    fn a_response_code_splits_into_header_and_opt_bits() {
        assert_eq!((Rcode::BADVERS.low(), Rcode::BADVERS.high()), (0, 1));
        assert_eq!((Rcode::NXDOMAIN.low(), Rcode::NXDOMAIN.high()), (3, 0));
        assert_eq!((Rcode(0xfff).low(), Rcode(0xfff).high()), (15, 255));
    }
}
