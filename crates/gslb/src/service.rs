//! A GSLB service compiled for answering: pools by priority, members with their health slots, sequences.

use std::net::IpAddr;
use std::sync::Arc;

use geo::{Database, Point};
use model::gslb::{DownResponse, GslbMember, GslbPool, GslbService, MemberAlgorithm, MemberLocation, PoolAlgorithm};
use model::{DomainName, PoolPriority, Ttl, Weight};

use crate::client::hash;
use crate::cursor::Cursor;
use crate::public::PublicClients;
use crate::sequence::smooth_sequence;

mod near;

pub(crate) use near::{Near, Stand};

/// What a service is compiled with, besides itself.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Where addresses are.
    pub geo: Arc<Database>,
    /// Which clients are public; without it none is.
    pub public_clients: Option<Arc<PublicClients>>,
}

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
    /// Least number of members that are up to spread queries over, 0 = off.
    pub min_members: u16,
    /// Whether the addresses of a member that is answered by its name go along.
    pub resolve_cname: bool,
    /// Whether topology policies come before the algorithm.
    pub topology_policies: bool,
    pub(crate) asks_topology: bool,
    /// Whether any member is answered by its name.
    pub(crate) has_names: bool,
    /// Where clients are, if it counts.
    pub(crate) geo: Option<Arc<Database>>,
    /// Which clients are public, if any member has another address for them.
    pub(crate) public_clients: Option<Arc<PublicClients>>,
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
    /// How one is chosen: by `algorithm`; where that is to go by location or topology, by its fallback.
    pub rule: Rule,
    /// Members in the order of the object.
    pub members: Box<[Member]>,
    /// Members that answer queries for IPv4 addresses.
    pub v4: Ring,
    /// Members that answer queries for IPv6 addresses.
    pub v6: Ring,
    /// The same by where they stand, where the nearest answers.
    pub(crate) near: Option<Near>,
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
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Address.
    pub ip: IpAddr,
    /// Address for public clients, if it is another.
    pub public_ip: Option<IpAddr>,
    /// Name that is answered instead of an address.
    pub fqdn: Option<DomainName>,
    /// Uuid of the controller cluster of its site.
    pub site: Option<Arc<str>>,
    /// Where it stands, if that is known and counts.
    pub point: Option<Point>,
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
    pub fn compile(
        service: &GslbService,
        first_slot: u32,
        previous: Option<&Service>,
        surroundings: &Surroundings,
    ) -> Self {
        let is_near = |pool: &GslbPool| pool.algorithm == MemberAlgorithm::Geo;
        let uses_geo = service.pool_algorithm == PoolAlgorithm::Geo || service.pools.iter().any(is_near);
        let geo = uses_geo.then(|| Arc::clone(&surroundings.geo));
        let mut members = service.pools.iter().flat_map(|pool| &pool.members);
        let has_public = members.any(|member| member.public_ip.is_some());
        let mut slot = first_slot;
        let mut pools: Vec<Pool> = service
            .pools
            .iter()
            .map(|pool| {
                let compiled = Pool::compile(pool, slot, previous, geo.as_deref());
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
            min_members: service.min_members,
            resolve_cname: service.resolve_cname,
            topology_policies: service.topology_policies,
            asks_topology: service.topology_policies
                || service.pools.iter().any(|pool| pool.algorithm == MemberAlgorithm::Topology),
            has_names: service.pools.iter().flat_map(|pool| &pool.members).any(|member| member.fqdn.is_some()),
            geo,
            public_clients: surroundings.public_clients.clone().filter(|_| has_public),
            between_pools: previous.map(|previous| previous.between_pools.clone()).unwrap_or_default(),
        }
    }

    /// Whether any member is answered by its name.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.has_names
    }

    /// Whether some clients are given other addresses than others.
    #[must_use]
    pub fn looks_at_addresses(&self) -> bool {
        self.public_clients.is_some()
    }

    /// Whether topology policies have a say.
    #[must_use]
    pub fn asks_topology(&self) -> bool {
        self.asks_topology
    }

    /// Whether it would be the same with other surroundings.
    #[must_use]
    pub fn is_same_in(&self, surroundings: &Surroundings) -> bool {
        let same_geo = self.geo.as_ref().is_none_or(|geo| Arc::ptr_eq(geo, &surroundings.geo));
        let has_public = self.pools.iter().flat_map(|pool| &pool.members).any(|member| member.public_ip.is_some());
        same_geo && (!has_public || self.public_clients == surroundings.public_clients)
    }

    /// Number of health slots of the service.
    #[must_use]
    pub fn slot_count(service: &GslbService) -> usize {
        service.pools.iter().map(|pool| pool.members.len()).sum()
    }
}

impl Pool {
    fn compile(pool: &GslbPool, first_slot: u32, previous: Option<&Service>, geo: Option<&Database>) -> Self {
        let rule = Rule::of(pool);
        let members: Box<[Member]> =
            (first_slot..).zip(&pool.members).map(|(slot, m)| Member::compile(m, slot, geo)).collect();
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
            near: (pool.algorithm == MemberAlgorithm::Geo)
                .then(|| Near::compile(&members, kept.and_then(|known| known.near.as_ref()))),
            members,
        }
    }

    /// Whether topology policies choose among its members.
    #[must_use]
    pub fn is_by_topology(&self) -> bool {
        self.algorithm == MemberAlgorithm::Topology
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
            members.iter().filter(|m| m.answers(family)).map(|m| (m.ip, m.weight)).collect()
        };
        shape(&self.members) == shape(members)
    }
}

impl Ring {
    fn compile(members: &[Member], family: Family, rule: Rule) -> Self {
        Self::of_those(members, rule, |member| member.answers(family))
    }

    /// The ring of the members of which `takes_part` is true.
    fn of_those(members: &[Member], rule: Rule, takes_part: impl Fn(&Member) -> bool) -> Self {
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
            // For clients of which nothing is known.
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
    fn compile(member: &GslbMember, slot: u32, geo: Option<&Database>) -> Self {
        let point = |geo: &Database| match member.location {
            MemberLocation::At(location) => Some(Point::from(location)),
            MemberLocation::OfAddress => geo.find(member.public_ip.unwrap_or(member.ip)).place.map(|it| it.point),
        };
        Self {
            ip: member.ip,
            public_ip: member.public_ip.filter(|public| Family::of(*public) == Family::of(member.ip)),
            fqdn: member.fqdn.clone(),
            site: member.cluster_uuid.as_deref().map(Arc::from),
            point: geo.and_then(point),
            weight: member.weight,
            enabled: member.enabled,
            preference_order: member.preference_order,
            hash: hash(member.ip),
            slot,
        }
    }

    /// Whether it takes part in answers to queries for `family`: a name is an answer to both.
    #[must_use]
    pub fn answers(&self, family: Family) -> bool {
        self.enabled && (self.fqdn.is_some() || Family::of(self.ip) == family)
    }

    /// The address that a client is given.
    #[must_use]
    pub fn address(&self, to_public: bool) -> IpAddr {
        self.public_ip.filter(|_| to_public).unwrap_or(self.ip)
    }
}
