//! A GSLB service compiled for answering: pools by priority, members with their health slots, sequences.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::gslb::{DownResponse, GslbMember, GslbPool, GslbService, MemberAlgorithm, PoolAlgorithm};
use model::{PoolPriority, Ttl, Weight};

use crate::client::hash;
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
    /// Whether algorithms that look at the client take its subnet where the query has one.
    pub use_client_subnet: bool,
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
    /// How a member should be chosen, as configured.
    pub algorithm: MemberAlgorithm,
    /// How one is chosen: by `algorithm`, or its fallback where it has nothing to go by.
    pub rule: Rule,
    /// Members in the order of the object.
    pub members: Box<[Member]>,
    /// Members with an IPv4 address.
    pub v4: Ring,
    /// Members with an IPv6 address.
    pub v6: Ring,
}

/// How a member is chosen within its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// In turns, by weight.
    RoundRobin,
    /// The member that ranks highest for a hash of the client.
    ConsistentHash {
        /// Leading bits of an IPv4 client that count.
        bits_v4: u8,
        /// Leading bits of an IPv6 client that count.
        bits_v6: u8,
    },
    /// The one of the lowest preference order; ties in the order of the object.
    PreferenceOrder,
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
    /// The lowest is chosen first by [`Rule::PreferenceOrder`].
    pub preference_order: u8,
    /// Its address, hashed.
    pub(crate) hash: u64,
    /// Index of its health slot in the view.
    pub slot: u32,
}

/// The enabled members of one family: in the weighted order of their turns, by preference, or once each where a hash
/// decides; and where the pool stands in it.
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
            use_client_subnet: service.use_client_subnet,
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
        let rule = Rule::of(pool);
        let members: Box<[Member]> =
            (first_slot..).zip(&pool.members).map(|(slot, m)| Member::compile(m, slot)).collect();
        let kept = previous.and_then(|service| service.pools.iter().find(|known| known.name == pool.name));
        let ring = |family| {
            let ring = Ring::compile(&members, family, rule);
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
            rule,
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
    fn compile(members: &[Member], family: Family, rule: Rule) -> Self {
        let takes_part = |member: &Member| member.enabled && Family::of(member.ip) == family;
        let once_each = || (0_u16..).zip(members).filter(|(_, member)| takes_part(member));
        let sequence = match rule {
            Rule::RoundRobin => {
                let weights: Vec<u8> = members.iter().map(|m| if takes_part(m) { m.weight.get() } else { 0 }).collect();
                smooth_sequence(&weights)
            }
            Rule::ConsistentHash { .. } => once_each().map(|(index, _)| index).collect(),
            Rule::PreferenceOrder => {
                let mut ordered: Vec<(u16, &Member)> = once_each().collect();
                ordered.sort_by_key(|(_, member)| member.preference_order);
                ordered.into_iter().map(|(index, _)| index).collect()
            }
        };
        Self { sequence, cursor: Cursor::default() }
    }
}

impl Rule {
    fn of(pool: &GslbPool) -> Self {
        let algorithm = match pool.algorithm {
            // Nothing tells a location, and no topology rule is known: the client is never found.
            MemberAlgorithm::Geo | MemberAlgorithm::Topology => pool.fallback_algorithm,
            known => Some(known),
        };
        match algorithm {
            Some(MemberAlgorithm::ConsistentHash) => Self::ConsistentHash {
                bits_v4: pool.hash_prefix_v4.unwrap_or(32).min(32),
                bits_v6: pool.hash_prefix_v6.unwrap_or(128).min(128),
            },
            Some(MemberAlgorithm::PreferenceOrder) => Self::PreferenceOrder,
            Some(MemberAlgorithm::RoundRobin | MemberAlgorithm::Geo | MemberAlgorithm::Topology) | None => {
                Self::RoundRobin
            }
        }
    }
}

impl Member {
    fn compile(member: &GslbMember, slot: u32) -> Self {
        Self {
            ip: member.ip,
            weight: member.weight,
            enabled: member.enabled,
            preference_order: member.preference_order,
            hash: hash(member.ip),
            slot,
        }
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
