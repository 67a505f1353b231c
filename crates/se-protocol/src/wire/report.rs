//! States on their way up, and those of member virtual services on their way down.

use super::{
    ConvertError, DnsServiceState, GslbServiceState, HttpPoolState, HttpServiceState, MemberState, MonitorState,
    PoolState, ServerState, SocketAddress, State, VirtualServiceKey, all, ip_from_bytes, ip_to_bytes, required,
};
use crate::member_states;

impl From<&crate::DnsServiceState> for DnsServiceState {
    fn from(crate::DnsServiceState { uuid, state, reason, listeners }: &crate::DnsServiceState) -> Self {
        Self {
            uuid: uuid.clone(),
            state: State::from(*state).into(),
            reason: reason.clone(),
            listeners: listeners.iter().map(SocketAddress::from).collect(),
        }
    }
}

impl TryFrom<DnsServiceState> for crate::DnsServiceState {
    type Error = ConvertError;
    fn try_from(DnsServiceState { uuid, state, reason, listeners }: DnsServiceState) -> Result<Self, ConvertError> {
        Ok(Self { uuid, state: State::known(state)?, reason, listeners: all(listeners)? })
    }
}

impl From<&crate::GslbServiceState> for GslbServiceState {
    fn from(state: &crate::GslbServiceState) -> Self {
        let crate::GslbServiceState { uuid, state, reason, since_us, pools } = state;
        Self {
            uuid: uuid.clone(),
            state: State::from(*state).into(),
            reason: reason.clone(),
            since_us: *since_us,
            pools: pools.iter().map(PoolState::from).collect(),
        }
    }
}

impl TryFrom<GslbServiceState> for crate::GslbServiceState {
    type Error = ConvertError;
    fn try_from(message: GslbServiceState) -> Result<Self, ConvertError> {
        let GslbServiceState { uuid, state, reason, since_us, pools } = message;
        Ok(Self { uuid, state: State::known(state)?, reason, since_us, pools: all(pools)? })
    }
}

impl From<&crate::HttpServiceState> for HttpServiceState {
    fn from(service: &crate::HttpServiceState) -> Self {
        let crate::HttpServiceState { uuid, state, reason, since_us, listeners } = service;
        Self {
            uuid: uuid.clone(),
            state: State::from(*state).into(),
            reason: reason.clone(),
            since_us: *since_us,
            listeners: listeners.iter().map(SocketAddress::from).collect(),
        }
    }
}

impl TryFrom<HttpServiceState> for crate::HttpServiceState {
    type Error = ConvertError;
    fn try_from(message: HttpServiceState) -> Result<Self, ConvertError> {
        let HttpServiceState { uuid, state, reason, since_us, listeners } = message;
        Ok(Self { uuid, state: State::known(state)?, reason, since_us, listeners: all(listeners)? })
    }
}

impl From<&crate::HttpPoolState> for HttpPoolState {
    fn from(crate::HttpPoolState { uuid, state, reason, since_us, servers }: &crate::HttpPoolState) -> Self {
        Self {
            uuid: uuid.clone(),
            state: State::from(*state).into(),
            reason: reason.clone(),
            since_us: *since_us,
            servers: servers.iter().map(ServerState::from).collect(),
        }
    }
}

impl TryFrom<HttpPoolState> for crate::HttpPoolState {
    type Error = ConvertError;
    fn try_from(message: HttpPoolState) -> Result<Self, ConvertError> {
        let HttpPoolState { uuid, state, reason, since_us, servers } = message;
        Ok(Self { uuid, state: State::known(state)?, reason, since_us, servers: all(servers)? })
    }
}

impl From<&crate::ServerState> for ServerState {
    fn from(crate::ServerState { address, state, reason, since_us, monitors }: &crate::ServerState) -> Self {
        Self {
            address: Some(address.into()),
            state: State::from(*state).into(),
            reason: reason.clone(),
            since_us: *since_us,
            monitors: monitors.iter().map(MonitorState::from).collect(),
        }
    }
}

impl TryFrom<ServerState> for crate::ServerState {
    type Error = ConvertError;
    fn try_from(message: ServerState) -> Result<Self, ConvertError> {
        let ServerState { address, state, reason, since_us, monitors } = message;
        let address = required("address", address)?.try_into()?;
        Ok(Self { address, state: State::known(state)?, reason, since_us, monitors: all(monitors)? })
    }
}

impl From<&crate::PoolState> for PoolState {
    fn from(crate::PoolState { name, state, members }: &crate::PoolState) -> Self {
        Self {
            name: name.clone(),
            state: State::from(*state).into(),
            members: members.iter().map(MemberState::from).collect(),
        }
    }
}

impl TryFrom<PoolState> for crate::PoolState {
    type Error = ConvertError;
    fn try_from(PoolState { name, state, members }: PoolState) -> Result<Self, ConvertError> {
        Ok(Self { name, state: State::known(state)?, members: all(members)? })
    }
}

impl From<&crate::MemberState> for MemberState {
    fn from(member: &crate::MemberState) -> Self {
        let crate::MemberState { ip, state, perceived, reason, since_us, datapath, controller, monitors } = member;
        Self {
            ip: ip_to_bytes(ip),
            state: State::from(*state).into(),
            reason: reason.clone(),
            since_us: *since_us,
            datapath: State::from(*datapath).into(),
            controller: controller.map(|state| State::from(state).into()),
            monitors: monitors.iter().map(MonitorState::from).collect(),
            perceived: (perceived != state).then(|| State::from(*perceived).into()),
        }
    }
}

impl TryFrom<MemberState> for crate::MemberState {
    type Error = ConvertError;
    fn try_from(message: MemberState) -> Result<Self, ConvertError> {
        let MemberState { ip, state, reason, since_us, datapath, controller, monitors, perceived } = message;
        let state = State::known(state)?;
        Ok(Self {
            ip: ip_from_bytes(&ip)?,
            state,
            perceived: perceived.map_or(Ok(state), State::known)?,
            reason,
            since_us,
            datapath: State::known(datapath)?,
            controller: controller.map(State::known).transpose()?,
            monitors: all(monitors)?,
        })
    }
}

impl From<&crate::MonitorState> for MonitorState {
    fn from(monitor: &crate::MonitorState) -> Self {
        let crate::MonitorState { uuid, name, target, state, streak, last_failure, latency_us, probed_by } = monitor;
        Self {
            uuid: uuid.clone(),
            name: name.clone(),
            target: Some(target.into()),
            state: State::from(*state).into(),
            streak: *streak,
            last_failure: last_failure.clone(),
            latency_us: *latency_us,
            probed_by: probed_by.clone(),
        }
    }
}

impl TryFrom<MonitorState> for crate::MonitorState {
    type Error = ConvertError;
    fn try_from(message: MonitorState) -> Result<Self, ConvertError> {
        let MonitorState { uuid, name, target, state, streak, last_failure, latency_us, probed_by } = message;
        Ok(Self {
            uuid,
            name,
            target: required("target", target)?.try_into()?,
            state: State::known(state)?,
            streak,
            last_failure,
            latency_us,
            probed_by,
        })
    }
}

impl From<&member_states::VirtualServiceKey> for VirtualServiceKey {
    fn from(key: &member_states::VirtualServiceKey) -> Self {
        let member_states::VirtualServiceKey { cluster_uuid, vs_uuid } = key;
        Self { cluster_uuid: cluster_uuid.clone(), vs_uuid: vs_uuid.clone() }
    }
}

impl From<VirtualServiceKey> for member_states::VirtualServiceKey {
    fn from(VirtualServiceKey { cluster_uuid, vs_uuid }: VirtualServiceKey) -> Self {
        Self { cluster_uuid, vs_uuid }
    }
}
