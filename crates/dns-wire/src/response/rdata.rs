//! One method per record type.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Owner, ResponseBuilder, Section, Soa};
use crate::{OwnedName, Rtype};

/// Octets of the longest character string (RFC 1035 §3.3).
const CHARACTER_STRING_SIZE_MAX: usize = 255;

/// Records, class IN, TTL in seconds. One that does not fit sets TC, see [`ResponseBuilder`].
impl<S: Section> ResponseBuilder<'_, S> {
    /// An IPv4 address.
    #[inline]
    pub fn a(&mut self, owner: Owner<'_>, ttl: u32, address: Ipv4Addr) {
        self.write_record(owner, Rtype::A, ttl, |out| out.put(address.octets()));
    }

    /// An IPv6 address.
    #[inline]
    pub fn aaaa(&mut self, owner: Owner<'_>, ttl: u32, address: Ipv6Addr) {
        self.write_record(owner, Rtype::AAAA, ttl, |out| out.put(address.octets()));
    }

    /// The canonical name of an alias.
    pub fn cname(&mut self, owner: Owner<'_>, ttl: u32, target: &OwnedName) {
        self.write_record(owner, Rtype::CNAME, ttl, |out| out.put_name(target.as_name()));
    }

    /// An authoritative name server.
    pub fn ns(&mut self, owner: Owner<'_>, ttl: u32, server: &OwnedName) {
        self.write_record(owner, Rtype::NS, ttl, |out| out.put_name(server.as_name()));
    }

    /// A mail exchange.
    pub fn mx(&mut self, owner: Owner<'_>, ttl: u32, preference: u16, exchange: &OwnedName) {
        self.write_record(owner, Rtype::MX, ttl, |out| {
            out.put(preference.to_be_bytes())?;
            out.put_name(exchange.as_name())
        });
    }

    /// Text: each item a character string, one over 255 octets continued in the next; no item is one empty string.
    pub fn txt(&mut self, owner: Owner<'_>, ttl: u32, strings: &[&[u8]]) {
        self.write_record(owner, Rtype::TXT, ttl, |out| {
            if strings.is_empty() {
                return out.put([0]);
            }
            for string in strings {
                if string.is_empty() {
                    out.put([0])?;
                }
                for chunk in string.chunks(CHARACTER_STRING_SIZE_MAX) {
                    out.put([u8::try_from(chunk.len()).ok()?])?;
                    out.put_slice(chunk)?;
                }
            }
            Some(())
        });
    }

    /// The start of a zone of authority; `ttl` is [`Soa::minimum`] in negative answers (RFC 2308 §3).
    pub fn soa(&mut self, owner: Owner<'_>, ttl: u32, soa: &Soa) {
        self.write_record(owner, Rtype::SOA, ttl, |out| {
            out.put_name(soa.mname.as_name())?;
            out.put_name(soa.rname.as_name())?;
            [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum]
                .into_iter()
                .try_for_each(|number| out.put(number.to_be_bytes()))
        });
    }

    /// A record of any type, its data as on the wire without compression (RFC 3597 §4).
    pub fn record(&mut self, owner: Owner<'_>, rtype: Rtype, ttl: u32, rdata: &[u8]) {
        self.write_record(owner, rtype, ttl, |out| out.put_slice(rdata));
    }
}
