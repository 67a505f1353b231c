//! What a site tells of itself, as records.

use std::net::IpAddr;

use bytes::Bytes;
use se_protocol::State;

use super::Garbage;
use super::record::Kind;
use crate::state::{MemberTold, MonitorTold, Told, VirtualServiceTold};
use crate::wire;

/// The head, and the records that follow it.
pub(super) fn records(told: Told) -> (wire::StateHead, Vec<Kind>) {
    let Told { full, there, virtual_services_gone, dns_services_gone, gslb_members_gone } = told;
    let mut records = Vec::new();
    records.extend(there.virtual_services.into_iter().map(|(uuid, it)| Kind::VirtualService(from_service(uuid, it))));
    records.extend(there.dns_services.into_iter().map(|(uuid, it)| Kind::DnsService(from_service(uuid, it))));
    records.extend(there.gslb_members.into_iter().map(|(uuid, members)| {
        let members = members.into_iter().map(from_member).collect();
        Kind::GslbMembers(wire::GslbMembers { uuid, members })
    }));
    let head = wire::StateHead {
        controller: there.controller,
        engines_connected: there.engines_connected,
        records: records.len() as u64,
        full,
        virtual_services_gone,
        dns_services_gone,
        gslb_members_gone,
    };
    (head, records)
}

pub(super) fn to_told(head: wire::StateHead) -> Told {
    let mut told = Told {
        full: head.full,
        virtual_services_gone: head.virtual_services_gone,
        dns_services_gone: head.dns_services_gone,
        gslb_members_gone: head.gslb_members_gone,
        ..Told::default()
    };
    told.there.controller = head.controller;
    told.there.engines_connected = head.engines_connected;
    told
}

pub(super) fn to_service(it: wire::VirtualService) -> Result<(String, VirtualServiceTold), Garbage> {
    let state = to_state(it.state());
    let addresses = it.addresses.iter().map(|address| to_address(address)).collect::<Result<_, _>>()?;
    Ok((it.uuid, VirtualServiceTold { state, name: it.name, addresses, reason: it.reason }))
}

pub(super) fn to_members(it: wire::GslbMembers) -> Result<(String, Vec<MemberTold>), Garbage> {
    let members = it.members.into_iter().map(to_member).collect::<Result<_, _>>()?;
    Ok((it.uuid, members))
}

fn from_service(uuid: String, it: VirtualServiceTold) -> wire::VirtualService {
    wire::VirtualService {
        uuid,
        state: from_state(it.state).into(),
        name: it.name,
        addresses: it.addresses.into_iter().map(from_address).collect(),
        reason: it.reason,
    }
}

fn from_member(member: MemberTold) -> wire::GslbMember {
    wire::GslbMember {
        pool: member.pool,
        ip: from_address(member.ip),
        state: from_state(member.state).into(),
        datapath: from_state(member.datapath).into(),
        monitors: member.monitors.into_iter().map(from_monitor).collect(),
    }
}

fn from_monitor(MonitorTold { uuid, state, last_failure }: MonitorTold) -> wire::GslbMonitor {
    wire::GslbMonitor { uuid, state: from_state(state).into(), last_failure }
}

fn to_monitor(monitor: wire::GslbMonitor) -> MonitorTold {
    MonitorTold { state: to_state(monitor.state()), uuid: monitor.uuid, last_failure: monitor.last_failure }
}

fn to_member(member: wire::GslbMember) -> Result<MemberTold, Garbage> {
    let (state, datapath) = (to_state(member.state()), to_state(member.datapath()));
    let monitors = member.monitors.into_iter().map(to_monitor).collect();
    Ok(MemberTold { ip: to_address(&member.ip)?, pool: member.pool, state, datapath, monitors })
}

fn from_state(state: State) -> wire::OperState {
    match state {
        State::Up => wire::OperState::Up,
        State::Down => wire::OperState::Down,
        State::Unknown => wire::OperState::Unknown,
        State::Disabled => wire::OperState::Disabled,
    }
}

/// A state that a later release has is unknown here.
fn to_state(state: wire::OperState) -> State {
    match state {
        wire::OperState::Up => State::Up,
        wire::OperState::Down => State::Down,
        wire::OperState::Unknown => State::Unknown,
        wire::OperState::Disabled => State::Disabled,
    }
}

fn from_address(address: IpAddr) -> Bytes {
    match address {
        IpAddr::V4(address) => Bytes::copy_from_slice(&address.octets()),
        IpAddr::V6(address) => Bytes::copy_from_slice(&address.octets()),
    }
}

fn to_address(bytes: &[u8]) -> Result<IpAddr, Garbage> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).map_err(|_| Garbage::OutOfPlace("address"))
}
