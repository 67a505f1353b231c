//! A response into the caller's buffer (RFC 1035 §4, RFC 2181 §9, RFC 6891).

mod rdata;

use std::marker::PhantomData;

use crate::edns::OPTION_CLIENT_SUBNET;
use crate::{EDNS_UDP_PAYLOAD_SIZE, Edns, HEADER_SIZE, Header, Name, OwnedName, Query, Rcode, Rtype, UDP_SIZE_MIN};

/// Pointer to the question's name, which follows the header (RFC 1035 §4.1.4).
const POINTER_TO_QNAME: [u8; 2] = [0xc0, 0x0c];

/// Octets of an OPT record without options.
const OPT_SIZE: usize = 11;

/// Writes one response, section by section.
///
/// `S` is the section that records go to: a builder starts in [`Answer`], [`ResponseBuilder::authority`] and
/// [`ResponseBuilder::additional`] move it on, so that a wrong order does not compile. Header flags can be set in any
/// section. The OPT record is written by [`ResponseBuilder::finish`]; its room is kept from the start.
///
/// **Truncation** (RFC 2181 §9, RFC 9471 §3): consecutive records of one owner and type are an RRset. When one of them
/// does not fit, its whole RRset is taken back, TC is set, and every later record is dropped: the client asks again
/// over TCP. This holds in the additional section too, which is for glue.
#[derive(Debug)]
pub struct ResponseBuilder<'b, S> {
    /// Up to the limit; the message so far is `out[..at]`.
    out: &'b mut [u8],
    at: usize,
    /// End of the room for records: the limit less the OPT record.
    end: usize,
    /// Octets of the question's name, which starts after the header.
    qname_size: usize,
    flags: u16,
    rcode: Rcode,
    /// Records per section: answer, authority, additional.
    counts: [u16; 3],
    rrset: Rrset,
    edns: Option<Edns>,
    udp_payload_size: u16,
    scope_prefix_length: Option<u8>,
    section: PhantomData<S>,
}

/// Section of a response that takes records.
pub trait Section {
    /// Place among the three.
    const INDEX: usize;
}

/// Records that answer the question.
#[derive(Debug)]
pub struct Answer;

/// Records that name an authority: SOA of a negative answer, NS of a referral.
#[derive(Debug)]
pub struct Authority;

/// Records that help to use the others: glue.
#[derive(Debug)]
pub struct Additional;

impl Section for Answer {
    const INDEX: usize = 0;
}
impl Section for Authority {
    const INDEX: usize = 1;
}
impl Section for Additional {
    const INDEX: usize = 2;
}

/// Owner of a record.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'n> {
    /// The question's name, in the client's case.
    Qname,
    /// Any name; what it shares with the question's name is written as a pointer, in the client's case.
    Name(Name<'n>),
}

impl<'n> From<&'n OwnedName> for Owner<'n> {
    fn from(name: &'n OwnedName) -> Self {
        Self::Name(name.as_name())
    }
}

/// Data of an SOA record (RFC 1035 §3.3.13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soa {
    /// Primary name server.
    pub mname: OwnedName,
    /// Mailbox of the person responsible, as a name.
    pub rname: OwnedName,
    /// Version of the zone.
    pub serial: u32,
    /// Seconds between two looks of a secondary.
    pub refresh: u32,
    /// Seconds until a failed look is tried again.
    pub retry: u32,
    /// Seconds after which a secondary that sees no primary stops answering.
    pub expire: u32,
    /// Seconds that a negative answer may be cached (RFC 2308 §4).
    pub minimum: u32,
}

/// The RRset being written, to take it back whole.
#[derive(Debug, Clone, Copy)]
struct Rrset {
    start: usize,
    records: u16,
    rtype: Rtype,
    /// Octets of the owner name at `start`.
    owner_size: usize,
}

impl Rrset {
    /// No RRset yet: type 0 is reserved and belongs to no record.
    const fn none(start: usize) -> Self {
        Self { start, records: 0, rtype: Rtype(0), owner_size: 0 }
    }
}

/// Writes a response of a header alone, for queries whose question could not be read. Returns its length, or `None`
/// when `out` is shorter than a header.
#[must_use]
pub fn write_error(out: &mut [u8], query: Header, rcode: Rcode) -> Option<usize> {
    let header = out.first_chunk_mut::<HEADER_SIZE>()?;
    *header = [0; HEADER_SIZE];
    header[..2].copy_from_slice(&query.id.to_be_bytes());
    header[2..4].copy_from_slice(&(Header::QR | (query.flags & Header::COPIED) | rcode.low()).to_be_bytes());
    Some(HEADER_SIZE)
}

impl<'b> ResponseBuilder<'b, Answer> {
    /// Starts the response to `query`: NOERROR, AA and RA clear, opcode, RD and the question copied, in at most
    /// `size_max` octets of `out` (for UDP see [`Query::udp_size_max`], for TCP `out.len()`).
    ///
    /// `None` when that is less than the 512 octets that every response may have.
    #[must_use]
    #[inline]
    pub fn new(query: &Query<'_>, out: &'b mut [u8], size_max: usize) -> Option<Self> {
        let size_max = size_max.min(out.len()).min(usize::from(u16::MAX));
        if size_max < usize::from(UDP_SIZE_MIN) {
            return None;
        }
        let out = &mut out[..size_max];
        let header = query.header();
        let question = query.question();
        out[..2].copy_from_slice(&header.id.to_be_bytes());
        // Header, longest question and longest OPT record are 12 + 259 + 35 octets: always less than 512.
        let at = HEADER_SIZE + question.len();
        out[HEADER_SIZE..at].copy_from_slice(question);
        let edns = query.edns().copied();
        let end = size_max - edns.as_ref().map_or(0, opt_size_max);
        Some(Self {
            out,
            at,
            end,
            qname_size: question.len() - 4,
            flags: Header::QR | (header.flags & Header::COPIED),
            rcode: Rcode::NOERROR,
            counts: [0; 3],
            rrset: Rrset::none(at),
            edns,
            udp_payload_size: EDNS_UDP_PAYLOAD_SIZE,
            scope_prefix_length: None,
            section: PhantomData,
        })
    }

    /// Goes on to the authority section.
    #[must_use]
    pub fn authority(self) -> ResponseBuilder<'b, Authority> {
        self.enter()
    }

    /// Goes on to the additional section, leaving the authority section empty.
    #[must_use]
    pub fn additional(self) -> ResponseBuilder<'b, Additional> {
        self.enter()
    }
}

impl<'b> ResponseBuilder<'b, Authority> {
    /// Goes on to the additional section.
    #[must_use]
    pub fn additional(self) -> ResponseBuilder<'b, Additional> {
        self.enter()
    }
}

impl<'b, S: Section> ResponseBuilder<'b, S> {
    /// Sets AA: the answer is from a zone of ours.
    pub fn set_authoritative(&mut self) {
        self.flags |= Header::AA;
    }

    /// Sets TC: the client asks again over TCP (RFC 1035 §4.2.1).
    pub fn set_truncated(&mut self) {
        self.flags |= Header::TC;
    }

    /// Sets the response code. One above 15 travels in the OPT record; without EDNS it becomes SERVFAIL.
    pub fn set_rcode(&mut self, rcode: Rcode) {
        self.rcode = if rcode.high() != 0 && self.edns.is_none() { Rcode::SERVFAIL } else { rcode };
    }

    /// UDP payload size to advertise, [`EDNS_UDP_PAYLOAD_SIZE`] by default.
    pub fn set_udp_payload_size(&mut self, octets: u16) {
        self.udp_payload_size = octets;
    }

    /// Echoes the client subnet with this scope: the answer holds for all clients of that network (RFC 7871 §7.2.1).
    /// Without this call, or when the query has no client subnet, the response has none.
    pub fn set_client_subnet_scope(&mut self, scope_prefix_length: u8) {
        self.scope_prefix_length = Some(scope_prefix_length);
    }

    /// Whether a record did not fit, so that TC is set.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.flags & Header::TC != 0
    }

    /// Records in the current section so far.
    #[must_use]
    pub fn record_count(&self) -> u16 {
        self.counts[S::INDEX]
    }

    /// Completes header and OPT record; returns the message's length.
    #[must_use]
    #[inline]
    pub fn finish(mut self) -> usize {
        if let Some(edns) = self.edns {
            self.end = self.out.len();
            self.write_opt(&edns);
            self.counts[Additional::INDEX] += 1;
        }
        let [answers, authority, additional] = self.counts.map(u16::to_be_bytes);
        let flags = (self.flags | self.rcode.low()).to_be_bytes();
        self.out[2..HEADER_SIZE].copy_from_slice(&[
            flags[0],
            flags[1],
            0,
            1,
            answers[0],
            answers[1],
            authority[0],
            authority[1],
            additional[0],
            additional[1],
        ]);
        self.at
    }

    fn enter<T: Section>(self) -> ResponseBuilder<'b, T> {
        ResponseBuilder {
            out: self.out,
            at: self.at,
            end: self.end,
            qname_size: self.qname_size,
            flags: self.flags,
            rcode: self.rcode,
            counts: self.counts,
            rrset: Rrset::none(self.at),
            edns: self.edns,
            udp_payload_size: self.udp_payload_size,
            scope_prefix_length: self.scope_prefix_length,
            section: PhantomData,
        }
    }

    /// Writes one record, or takes its RRset back and sets TC.
    #[inline]
    fn write_record(
        &mut self,
        owner: Owner<'_>,
        rtype: Rtype,
        ttl: u32,
        write_rdata: impl FnOnce(&mut Self) -> Option<()>,
    ) {
        if self.is_truncated() {
            return;
        }
        if self.try_write_record(owner, rtype, ttl, write_rdata).is_some() {
            self.counts[S::INDEX] += 1;
            self.rrset.records += 1;
        } else {
            self.flags |= Header::TC;
            self.at = self.rrset.start;
            self.counts[S::INDEX] -= self.rrset.records;
        }
    }

    /// Writes one record; `None` when it does not fit: then `self.rrset` is the RRset to take back.
    #[inline]
    fn try_write_record(
        &mut self,
        owner: Owner<'_>,
        rtype: Rtype,
        ttl: u32,
        write_rdata: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<()> {
        let start = self.at;
        if rtype != self.rrset.rtype {
            self.rrset = Rrset { rtype, ..Rrset::none(start) };
        }
        match owner {
            Owner::Qname => self.put(POINTER_TO_QNAME)?,
            Owner::Name(name) => self.put_name(name)?,
        }
        // One name is always written the same way, so that equal octets are the same owner.
        let (earlier, owner) = self.out[..self.at].split_at(start);
        if earlier[self.rrset.start..].get(..self.rrset.owner_size) != Some(owner) {
            self.rrset = Rrset { start, records: 0, rtype, owner_size: owner.len() };
        }
        let [t0, t1] = rtype.0.to_be_bytes();
        let [s0, s1, s2, s3] = ttl.to_be_bytes();
        self.put([t0, t1, 0, 1, s0, s1, s2, s3, 0, 0])?;
        let rdata_start = self.at;
        write_rdata(self)?;
        let length = u16::try_from(self.at - rdata_start).ok()?;
        self.out[rdata_start - 2..rdata_start].copy_from_slice(&length.to_be_bytes());
        Some(())
    }

    /// Appends octets; `None` when they do not fit.
    #[inline]
    fn put<const N: usize>(&mut self, octets: [u8; N]) -> Option<()> {
        self.put_slice(&octets)
    }

    #[inline]
    fn put_slice(&mut self, octets: &[u8]) -> Option<()> {
        let end = self.at + octets.len();
        if end > self.end {
            return None;
        }
        self.out[self.at..end].copy_from_slice(octets);
        self.at = end;
        Some(())
    }

    /// Appends a name, its longest part in common with the question's name as a pointer (RFC 1035 §4.1.4).
    fn put_name(&mut self, name: Name<'_>) -> Option<()> {
        let qname = Name::known(&self.out[HEADER_SIZE..HEADER_SIZE + self.qname_size]);
        let Some((own_size, offset)) = common_suffix(name, qname) else {
            return self.put_slice(name.as_wire());
        };
        let pointer = u16::try_from(HEADER_SIZE + offset).ok()? | 0xc000;
        self.put_slice(&name.as_wire()[..own_size])?;
        self.put(pointer.to_be_bytes())
    }

    /// Appends the OPT record, whose room was kept (RFC 6891 §6.1.2).
    fn write_opt(&mut self, edns: &Edns) {
        let [u0, u1] = self.udp_payload_size.to_be_bytes();
        let do_flag = if edns.do_bit { 0x80 } else { 0 };
        let written = match (edns.client_subnet, self.scope_prefix_length) {
            (Some(subnet), Some(scope)) => {
                let address = subnet.address_octets();
                // At most 16 octets of address: neither length overflows an octet.
                let [length, ..] = (address.len() + 4).to_le_bytes();
                let [_, code] = OPTION_CLIENT_SUBNET.to_be_bytes();
                self.put([0, 0, 41, u0, u1, self.rcode.high(), 0, do_flag, 0, 0, length + 4, 0, code, 0, length])
                    .and_then(|()| self.put(subnet.option_head(scope)))
                    .and_then(|()| self.put_slice(address))
            }
            _ => self.put([0, 0, 41, u0, u1, self.rcode.high(), 0, do_flag, 0, 0, 0]),
        };
        debug_assert!(written.is_some(), "the room of the OPT record is kept from the start");
    }
}

/// Octets of the longest OPT record that the response to a query with `edns` may need.
fn opt_size_max(edns: &Edns) -> usize {
    OPT_SIZE + edns.client_subnet.map_or(0, |subnet| 8 + subnet.address_octets().len())
}

/// The longest suffix that both names have, but the root: octets of `name` before it, its offset in `qname`.
fn common_suffix(name: Name<'_>, qname: Name<'_>) -> Option<(usize, usize)> {
    let (mut left, mut right) = (name, qname);
    loop {
        let (left_size, right_size) = (left.as_wire().len(), right.as_wire().len());
        if left_size == 1 || right_size == 1 {
            return None;
        }
        if left_size == right_size && left.is_same(right) {
            return Some((name.as_wire().len() - left_size, qname.as_wire().len() - right_size));
        }
        // Only suffixes of one length can be equal.
        if left_size >= right_size {
            left = left.parent()?;
        }
        if right_size >= left_size {
            right = right.parent()?;
        }
    }
}

#[cfg(test)]
mod tests;
