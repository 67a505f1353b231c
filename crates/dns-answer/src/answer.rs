//! The bytes of a query to the bytes of its answer.

use std::net::IpAddr;

use dns_wire::{
    Additional, Answer, Authority, Class, EDNS_UDP_PAYLOAD_SIZE, NAME_SIZE_MAX, Owner, ParseError, Query, Rcode,
    ResponseBuilder, Section, write_error,
};
use gslb::{Client, Draw, Network};
use model::dns::ErrorResponse;

use crate::account::{Refused, Told};
use crate::resolve::{Content, NameError, Reached, Resolution, resolve};
use crate::table::Zone;
use crate::view::View;

/// How large an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// What the client takes over UDP: 512 octets, or its EDNS size up to 1,232 (avi-api 4.6).
    Udp,
    /// 65,535 octets.
    Tcp,
}

/// Answers one query into `out` (at least 512 octets) and returns the length, or `None` when no packet is to be sent:
/// the query is a response, too short to answer, or the profile says to drop it.
///
/// Only an answer with addresses draws turns. Allocates nothing unless a service is down with a fallback name, or the
/// name, or a member, stands for another one.
pub fn answer(
    view: &View,
    query: &[u8],
    client: IpAddr,
    limit: Limit,
    out: &mut [u8],
    draw: &mut impl Draw,
) -> Option<usize> {
    answer_telling(view, query, client, limit, out, draw, |_, _| ())
}

/// As [`answer`], and tells what was answered and why, with `out`, which begins with the packet when one was written,
/// before it returns. `tell` is called once per query, but not for
/// what is no query at all (a response, or too short to answer); it costs nothing when it looks at nothing.
pub fn answer_telling(
    view: &View,
    query: &[u8],
    client: IpAddr,
    limit: Limit,
    out: &mut [u8],
    draw: &mut impl Draw,
    tell: impl FnOnce(&Told<'_>, &[u8]),
) -> Option<usize> {
    let query = match Query::parse(query) {
        Ok(query) if view.table.profile.edns => query,
        Ok(query) => query.without_edns(),
        Err(error) => {
            let length = answer_invalid(view, &error, out);
            if let Some(header) = error.header {
                tell(&Told::invalid(header, error.problem, length), out);
            }
            return length;
        }
    };
    let size_max = match limit {
        Limit::Udp => usize::from(query.udp_size_max(EDNS_UDP_PAYLOAD_SIZE)),
        Limit::Tcp => usize::from(u16::MAX),
    };
    let mut response = ResponseBuilder::new(&query, out, size_max)?;
    if query.edns().is_some_and(|edns| edns.version > 0) {
        response.set_rcode(Rcode::BADVERS);
        let length = Some(response.finish());
        tell(&Told::refused(&query, Refused::EdnsVersion, length), out);
        return length;
    }
    if query.qclass() != Class::IN && query.qclass() != Class::ANY {
        let length = (view.table.profile.on_error != ErrorResponse::Drop).then(|| {
            response.set_rcode(Rcode::REFUSED);
            response.finish()
        });
        tell(&Told::refused(&query, Refused::Class, length), out);
        return length;
    }
    let mut buffer = [0; NAME_SIZE_MAX];
    let qname = query.qname().lower(&mut buffer);
    let client_subnet = query.edns().and_then(|edns| edns.client_subnet);
    let subnet = client_subnet.and_then(|subnet| Some(Network::new(subnet.address()?, subnet.source_prefix_length())));
    let client = Client { source: client, subnet };
    let resolution = resolve(view, qname, query.qtype(), &client, limit == Limit::Tcp, draw);
    if client_subnet.is_some() {
        // Always told, so that a cache knows for whom the answer holds (RFC 7871 §7.2.1).
        response.set_client_subnet_scope(resolution.subnet_scope());
    }
    let length = write(&resolution, response);
    tell(&Told::resolved(&query, qname, &resolution, length), out);
    length
}

/// What could not be parsed is answered as far as its header says how, unless the profile drops it (avi-api 4.7).
fn answer_invalid(view: &View, error: &ParseError, out: &mut [u8]) -> Option<usize> {
    if view.table.profile.on_error == ErrorResponse::Drop {
        return None;
    }
    write_error(out, error.header?, error.rcode()?)
}

fn write(resolution: &Resolution<'_>, mut response: ResponseBuilder<'_, Answer>) -> Option<usize> {
    let Resolution { content, .. } = resolution;
    if !matches!(
        content,
        Content::Refused | Content::Policy { .. } | Content::NameError { why: NameError::OutsideEveryZone, .. }
    ) {
        response.set_authoritative();
    }
    match content {
        Content::Members { .. } | Content::Addresses(_) => {
            write_addresses(&mut response, Owner::Qname, resolution);
            Some(response.finish())
        }
        Content::Alias { target, ttl, then } => {
            response.cname(Owner::Qname, *ttl, target);
            if let Some(then) = then {
                write_addresses(&mut response, Owner::from(*target), then);
            }
            Some(response.finish())
        }
        Content::AllRecords { ttl } => {
            if let Some(Reached { service, decision, .. }) = &resolution.service {
                for member in gslb::all_records(service, decision.family) {
                    write_address(&mut response, Owner::Qname, member.ip, *ttl);
                }
            }
            Some(response.finish())
        }
        Content::Fallback { ip, ttl } => {
            write_address(&mut response, Owner::Qname, *ip, *ttl);
            Some(response.finish())
        }
        Content::Cname { target, ttl } => {
            response.cname(Owner::Qname, *ttl, target);
            Some(response.finish())
        }
        Content::Name { target, address, ttl } => {
            response.cname(Owner::Qname, *ttl, target);
            let Some(address) = address else { return Some(response.finish()) };
            let mut response: ResponseBuilder<'_, Additional> = response.additional();
            write_address(&mut response, Owner::from(target), *address, *ttl);
            Some(response.finish())
        }
        Content::Policy { rcode, authoritative, truncated } => {
            response.set_rcode(Rcode((*rcode).into()));
            if *authoritative {
                response.set_authoritative();
            }
            if *truncated {
                response.set_truncated();
            }
            Some(response.finish())
        }
        Content::Soa { zone } => {
            response.soa(Owner::from(&zone.apex), zone.negative_ttl, &zone.soa);
            Some(response.finish())
        }
        Content::Empty { zone, .. } => Some(finish_negative(response, *zone)),
        Content::NameError { zone, .. } => {
            response.set_rcode(Rcode::NXDOMAIN);
            Some(finish_negative(response, *zone))
        }
        Content::Refused => {
            response.set_rcode(Rcode::REFUSED);
            Some(response.finish())
        }
        Content::Drop { .. } => None,
    }
}

/// The addresses of members, or of a record.
fn write_addresses(response: &mut ResponseBuilder<'_, Answer>, owner: Owner<'_>, resolution: &Resolution<'_>) {
    for ip in resolution.addresses() {
        write_address(response, owner, ip, resolution.ttl());
    }
}

fn write_address<S: Section>(response: &mut ResponseBuilder<'_, S>, owner: Owner<'_>, ip: IpAddr, ttl: u32) {
    match ip {
        IpAddr::V4(ip) => response.a(owner, ttl, ip),
        IpAddr::V6(ip) => response.aaaa(owner, ttl, ip),
    }
}

/// An empty answer, with the zone's SOA so that the absence can be cached (RFC 2308 §3).
fn finish_negative(response: ResponseBuilder<'_, Answer>, zone: Option<&Zone>) -> usize {
    let Some(zone) = zone else { return response.finish() };
    let mut response: ResponseBuilder<'_, Authority> = response.authority();
    response.soa(Owner::from(&zone.apex), zone.negative_ttl, &zone.soa);
    response.finish()
}
