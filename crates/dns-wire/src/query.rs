//! A query from its octets (RFC 1035 §4, RFC 6891).

use crate::name::{Name, WireNameError, skip_name};
use crate::{Class, Edns, HEADER_SIZE, Header, Opcode, Rcode, Rtype};

/// Octets that every client takes in a UDP response (RFC 1035 §4.2.1).
pub const UDP_SIZE_MIN: u16 = 512;

/// One well-formed standard query: a question and, where the client speaks EDNS, what its OPT record says.
///
/// Records of the answer and authority sections, and additional ones other than OPT, are stepped over: their
/// lengths are checked, their contents are not looked at.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    header: Header,
    /// QNAME, QTYPE and QCLASS as sent.
    question: &'a [u8],
    qname: Name<'a>,
    qtype: Rtype,
    qclass: Class,
    edns: Option<Edns>,
}

/// Why octets are no query that can be answered, and what is needed to say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ParseError {
    /// What is wrong.
    pub problem: Problem,
    /// Id and flags to answer with; `None`: no answer may be sent, see [`ParseError::rcode`].
    pub header: Option<Header>,
}

/// What is wrong with a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Shorter than a header.
    #[error("the message is shorter than the 12 octets of a header")]
    TooShort,
    /// QR is set. Answering it could make two servers talk forever.
    #[error("the message is a response")]
    IsResponse,
    /// Not a standard query.
    #[error("opcode {0} is not implemented")]
    Opcode(Opcode),
    /// QDCOUNT is not 1 (RFC 9619).
    #[error("the message has {0} questions instead of one")]
    QuestionCount(u16),
    /// The question ends early.
    #[error("the question is cut short")]
    QuestionCutShort,
    /// The question's name has a compression pointer: there is nothing before it that it could point to.
    #[error("the question's name is compressed")]
    QnameCompressed,
    /// A label of over 63 octets, or of an unknown type (RFC 6891 §5).
    #[error("the question's name has a label of over 63 octets")]
    QnameLabel,
    /// Over 255 octets.
    #[error("the question's name has over 255 octets")]
    QnameTooLong,
    /// A record after the question ends early or has a malformed owner name.
    #[error("a record after the question is malformed or cut short")]
    Record,
    /// An OPT record whose owner is not the root, or outside the additional section (RFC 6891 §6.1.1, §6.1.2).
    #[error("an OPT record is not where it may be")]
    OptPlace,
    /// More than one OPT record (RFC 6891 §6.1.1).
    #[error("the message has more than one OPT record")]
    SecondOpt,
    /// An EDNS option that does not fit its record.
    #[error("the OPT record's options are malformed")]
    OptOptions,
    /// A malformed client subnet (RFC 7871 §6, §7.1.2).
    #[error("the client subnet option is malformed")]
    ClientSubnet,
    /// Octets after the last record.
    #[error("octets follow the last record")]
    TrailingOctets,
}

impl ParseError {
    /// Response code to answer with, NOTIMP or FORMERR; `None`: stay silent.
    #[must_use]
    pub fn rcode(&self) -> Option<Rcode> {
        self.header?;
        Some(match self.problem {
            Problem::Opcode(_) => Rcode::NOTIMP,
            _ => Rcode::FORMERR,
        })
    }
}

impl<'a> Query<'a> {
    /// Reads a message that must be one query and nothing else: octets after the last record are refused, as a
    /// message whose counts and length disagree cannot be trusted to have been understood.
    ///
    /// # Errors
    /// Says what is wrong and how to answer, see [`ParseError`].
    #[inline]
    pub fn parse(message: &'a [u8]) -> Result<Self, ParseError> {
        let Some((head, body)) = message.split_first_chunk::<HEADER_SIZE>() else {
            return Err(ParseError { problem: Problem::TooShort, header: None });
        };
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let header = Header { id: word(0), flags: word(2) };
        if header.is_response() {
            return Err(ParseError { problem: Problem::IsResponse, header: None });
        }
        let refuse = |problem| ParseError { problem, header: Some(header) };
        if header.opcode() != Opcode::QUERY {
            return Err(refuse(Problem::Opcode(header.opcode())));
        }
        if word(4) != 1 {
            return Err(refuse(Problem::QuestionCount(word(4))));
        }
        let qname = Name::read(body).map_err(|error| refuse(error.into()))?;
        let question_size = qname.as_wire().len() + 4;
        let Some((question, records)) = body.split_at_checked(question_size) else {
            return Err(refuse(Problem::QuestionCutShort));
        };
        let Some((_, &[t0, t1, c0, c1])) = question.split_last_chunk::<4>() else {
            return Err(refuse(Problem::QuestionCutShort));
        };
        let edns = read_records(records, word(6), word(8), word(10)).map_err(refuse)?;
        let (qtype, qclass) = (Rtype(u16::from_be_bytes([t0, t1])), Class(u16::from_be_bytes([c0, c1])));
        Ok(Self { header, question, qname, qtype, qclass, edns })
    }

    /// Id and flags.
    #[must_use]
    pub const fn header(&self) -> Header {
        self.header
    }

    /// The name asked for, in the client's case.
    #[must_use]
    pub const fn qname(&self) -> Name<'a> {
        self.qname
    }

    /// The type asked for.
    #[must_use]
    pub const fn qtype(&self) -> Rtype {
        self.qtype
    }

    /// The class asked for.
    #[must_use]
    pub const fn qclass(&self) -> Class {
        self.qclass
    }

    /// What the OPT record says; `None` without one: then the response must have none either (RFC 6891 §7).
    #[must_use]
    pub const fn edns(&self) -> Option<&Edns> {
        self.edns.as_ref()
    }

    /// The same query as a server without EDNS sees it (Avi: DNS profile `edns` off).
    #[must_use]
    pub const fn without_edns(self) -> Self {
        Self { edns: None, ..self }
    }

    /// Octets that a UDP response may have: what the client takes, between 512 and `server_max`.
    #[must_use]
    pub fn udp_size_max(&self, server_max: u16) -> u16 {
        self.edns.map_or(UDP_SIZE_MIN, |edns| edns.udp_payload_size.min(server_max).max(UDP_SIZE_MIN))
    }

    /// QNAME, QTYPE and QCLASS as sent.
    pub(crate) const fn question(&self) -> &'a [u8] {
        self.question
    }
}

impl From<WireNameError> for Problem {
    fn from(error: WireNameError) -> Self {
        match error {
            WireNameError::CutShort => Self::QuestionCutShort,
            WireNameError::Pointer => Self::QnameCompressed,
            WireNameError::LabelType => Self::QnameLabel,
            WireNameError::TooLong => Self::QnameTooLong,
        }
    }
}

/// Steps over the records and reads the OPT record among the additional ones.
#[inline]
fn read_records(records: &[u8], answers: u16, authority: u16, additional: u16) -> Result<Option<Edns>, Problem> {
    // Nearly every query has no record, or the OPT record alone.
    if answers | authority | additional == 0 {
        return if records.is_empty() { Ok(None) } else { Err(Problem::TrailingOctets) };
    }
    if let (0, 0, 1, [0, 0, 41, c0, c1, t0, t1, t2, t3, l0, l1, rdata @ ..]) = (answers, authority, additional, records)
        && usize::from(u16::from_be_bytes([*l0, *l1])) == rdata.len()
    {
        let (class, ttl) = (u16::from_be_bytes([*c0, *c1]), u32::from_be_bytes([*t0, *t1, *t2, *t3]));
        return Edns::read(class, ttl, rdata).map(Some);
    }
    read_mixed_records(records, answers, authority, additional)
}

/// The general case. Each record takes 11 octets or more, so that the message's length bounds the loop.
#[cold]
fn read_mixed_records(mut rest: &[u8], answers: u16, authority: u16, additional: u16) -> Result<Option<Edns>, Problem> {
    let others = u32::from(answers) + u32::from(authority);
    let mut edns = None;
    for index in 0..others + u32::from(additional) {
        let owner_size = skip_name(rest).map_err(|_| Problem::Record)?;
        let (owner, fixed) = rest.split_at_checked(owner_size).ok_or(Problem::Record)?;
        let (fixed, data) = fixed.split_first_chunk::<10>().ok_or(Problem::Record)?;
        let &[t0, t1, c0, c1, ttl0, ttl1, ttl2, ttl3, l0, l1] = fixed;
        let (rdata, next) = data.split_at_checked(usize::from(u16::from_be_bytes([l0, l1]))).ok_or(Problem::Record)?;
        if Rtype(u16::from_be_bytes([t0, t1])) == Rtype::OPT {
            if owner != [0] || index < others {
                return Err(Problem::OptPlace);
            }
            let ttl = u32::from_be_bytes([ttl0, ttl1, ttl2, ttl3]);
            if edns.replace(Edns::read(u16::from_be_bytes([c0, c1]), ttl, rdata)?).is_some() {
                return Err(Problem::SecondOpt);
            }
        }
        rest = next;
    }
    if rest.is_empty() { Ok(edns) } else { Err(Problem::TrailingOctets) }
}

#[cfg(test)]
mod tests;
