//! A GSLB service compiled for answering: pools by priority, members with their health slots, sequences.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::gslb::{DownResponse, GslbMember, GslbPool, GslbService, MemberAlgorithm, PoolAlgorithm};
use model::{PoolPriority, Ttl, Weight};

use crate::cursor::Cursor;
use crate::sequence::smooth_sequence;

/// Address family, which a query's type asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4, type A.
    V4,
    /// IPv6, type AAAA.
    V6,
}

impl Family {
    /// Family of `ip`.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// A compiled service.
#[derive(Debug)]
pub struct Service {
    /// Object uuid.
    pub uuid: String,
    /// Object name.
    pub name: String,
    /// Own time to live.
    pub ttl: Option<Ttl>,
    /// Addresses per answer, 0 = all; the profile's when `None`.
    pub num_dns_ip: Option<u8>,
    /// How a pool is chosen.
    pub pool_algorithm: PoolAlgorithm,
    /// Pools by falling priority, ties in the order of the object.
    pub pools: Box<[Pool]>,
    /// Answer when no pool is usable.
    pub down_response: DownResponse,
    /// Turns between pools of equal priority.
    pub(crate) between_pools: Cursor,
}

/// A compiled pool.
#[derive(Debug)]
pub struct Pool {
    /// Label.
    pub name: String,
    /// Higher wins, 0 is never chosen.
    pub priority: PoolPriority,
    /// Administrative switch.
    pub enabled: bool,
    /// How a member should be chosen; anything but round robin is answered by round robin for now.
    pub algorithm: MemberAlgorithm,
    /// Members in the order of the object.
    pub members: Box<[Member]>,
    /// Members with an IPv4 address.
    pub v4: Ring,
    /// Members with an IPv6 address.
    pub v6: Ring,
}

/// A compiled member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Address.
    pub ip: IpAddr,
    /// Share within the pool.
    pub weight: Weight,
    /// Administrative switch.
    pub enabled: bool,
    /// Index of its health slot in the view.
    pub slot: u32,
}

/// The enabled members of one family in their weighted order, and where the pool stands in it.
#[derive(Debug, Default)]
pub struct Ring {
    /// Indices into the pool's members.
    pub sequence: Box<[u16]>,
    /// Next turn.
    pub cursor: Cursor,
}

impl Service {
    /// Compiles `service`. Its members take the slots from `first_slot` on, in the order of the object.
    ///
    /// A pool whose members and weights are those of a pool of the same name in `previous` keeps that pool's cursors.
    #[must_use]
    pub fn compile(service: &GslbService, first_slot: u32, previous: Option<&Service>) -> Self {
        let mut slot = first_slot;
        let mut pools: Vec<Pool> = service
            .pools
            .iter()
            .map(|pool| {
                let compiled = Pool::compile(pool, slot, previous);
                slot = slot.saturating_add(u32::try_from(pool.members.len()).unwrap_or(u32::MAX));
                compiled
            })
            .collect();
        pools.sort_by_key(|pool| std::cmp::Reverse(pool.priority));
        Self {
            uuid: service.uuid.clone(),
            name: service.name.clone(),
            ttl: service.ttl,
            num_dns_ip: service.num_dns_ip,
            pool_algorithm: service.pool_algorithm,
            pools: pools.into(),
            down_response: service.down_response.clone(),
            between_pools: previous.map(|previous| previous.between_pools.clone()).unwrap_or_default(),
        }
    }

    /// Number of health slots of the service.
    #[must_use]
    pub fn slot_count(service: &GslbService) -> usize {
        service.pools.iter().map(|pool| pool.members.len()).sum()
    }
}

impl Pool {
    fn compile(pool: &GslbPool, first_slot: u32, previous: Option<&Service>) -> Self {
        let members: Box<[Member]> =
            (first_slot..).zip(&pool.members).map(|(slot, m)| Member::compile(m, slot)).collect();
        let kept = previous.and_then(|service| service.pools.iter().find(|known| known.name == pool.name));
        let ring = |family| {
            let ring = Ring::compile(&members, family);
            match kept {
                Some(known) if known.has_same_ring(&members, family) => {
                    Ring { cursor: known.ring(family).cursor.clone(), ..ring }
                }
                _ => ring,
            }
        };
        Self {
            name: pool.name.clone(),
            priority: pool.priority,
            enabled: pool.enabled,
            algorithm: pool.algorithm,
            v4: ring(Family::V4),
            v6: ring(Family::V6),
            members,
        }
    }

    /// The ring that answers `family`.
    #[must_use]
    pub fn ring(&self, family: Family) -> &Ring {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    fn has_same_ring(&self, members: &[Member], family: Family) -> bool {
        let shape = |members: &[Member]| -> Vec<(IpAddr, Weight)> {
            members.iter().filter(|m| m.enabled && Family::of(m.ip) == family).map(|m| (m.ip, m.weight)).collect()
        };
        shape(&self.members) == shape(members)
    }
}

impl Ring {
    fn compile(members: &[Member], family: Family) -> Self {
        let weights: Vec<u8> =
            members.iter().map(|m| if m.enabled && Family::of(m.ip) == family { m.weight.get() } else { 0 }).collect();
        Self { sequence: smooth_sequence(&weights), cursor: Cursor::default() }
    }
}

impl Member {
    fn compile(member: &GslbMember, slot: u32) -> Self {
        Self { ip: member.ip, weight: member.weight, enabled: member.enabled, slot }
    }

    /// The address, when it is IPv4.
    #[must_use]
    pub fn v4(&self) -> Option<Ipv4Addr> {
        match self.ip {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        }
    }

    /// The address, when it is IPv6.
    #[must_use]
    pub fn v6(&self) -> Option<Ipv6Addr> {
        match self.ip {
            IpAddr::V6(ip) => Some(ip),
            IpAddr::V4(_) => None,
        }
    }
}
