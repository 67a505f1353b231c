//! The decision: best pool that is up, and inside it members by turn, by hash or by preference (avi-api 5.6).

use model::gslb::DownResponse;

use crate::client::{Client, Network, hash, rank};
use crate::cursor::Draw;
use crate::service::{Family, Pool, Ring, Rule, Service};
use crate::slots::MemberHealth;

/// Most addresses in one answer. Avi: `num_dns_ip` 1 to 20.
pub const ADDRESSES_MAX: usize = 20;

/// What a service answers to one query, with all that explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Family asked for.
    pub family: Family,
    /// What to answer.
    pub outcome: Outcome,
}

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Addresses of these members.
    Members {
        /// Index of the pool in [`Service::pools`].
        pool: usize,
        /// What put them in this order.
        by: By,
        /// Indices of the members in the pool, in the order of the answer; the first `count` are used.
        members: [u16; ADDRESSES_MAX],
        /// Number of members.
        count: u8,
    },
    /// The service is up, but no member that is up has an address of the family: an empty answer.
    OtherFamilyOnly,
    /// No pool is usable: the service's `down_response` applies.
    Down,
}

/// What put members in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Whose turn it was.
    Turn {
        /// First turn drawn from the ring.
        turn: u64,
        /// Turns skipped because their member was down.
        skipped: u32,
    },
    /// A hash of the client.
    Hash {
        /// What of the client was hashed.
        network: Network,
        /// Whether its resolver told it, so that the answer holds for that network alone.
        from_subnet: bool,
    },
    /// Their preference order.
    Preference,
}

impl Decision {
    /// Leading bits of the client's subnet that the answer depends on (RFC 7871 §7.2.1), 0 when it looked at none.
    #[must_use]
    pub fn subnet_scope(&self) -> u8 {
        match &self.outcome {
            Outcome::Members { by: By::Hash { network, from_subnet: true }, .. } => network.prefix(),
            _ => 0,
        }
    }

    /// Indices of the chosen members within their pool.
    #[must_use]
    pub fn members(&self) -> &[u16] {
        match &self.outcome {
            Outcome::Members { members, count, .. } => &members[..usize::from(*count)],
            _ => &[],
        }
    }
}

/// Decides which members answer a query of `client` for `family` with at most `wanted` addresses (0 = all).
///
/// Only a decision with members of a round robin pool draws turns. Where a turn belongs to a member that is down another turn is drawn:
/// taking the neighbour instead would give it the share of the one that is down.
pub fn decide(
    service: &Service,
    family: Family,
    wanted: u8,
    client: &Client,
    health: &(impl MemberHealth + ?Sized),
    draw: &mut impl Draw,
) -> Decision {
    let outcome = match choose_pool(service, family, health, draw) {
        Some(pool) => choose_members(service, pool, family, wanted, client, health, draw),
        None if service.pools.iter().any(|pool| is_usable(pool, None, health)) => Outcome::OtherFamilyOnly,
        None => Outcome::Down,
    };
    Decision { family, outcome }
}

/// The usable pool of the highest priority; between equals they take turns.
fn choose_pool(
    service: &Service,
    family: Family,
    health: &(impl MemberHealth + ?Sized),
    draw: &mut impl Draw,
) -> Option<usize> {
    let usable = |pool: &Pool| is_usable(pool, Some(family), health);
    let first = service.pools.iter().position(usable)?;
    let priority = service.pools[first].priority;
    let tied = || service.pools.iter().enumerate().skip(first).take_while(move |(_, pool)| pool.priority == priority);
    let candidates = tied().filter(|(_, pool)| usable(pool)).count();
    if candidates <= 1 {
        return Some(first);
    }
    let turn = usize::try_from(draw.next(&service.between_pools) % candidates as u64).unwrap_or(0);
    tied().filter(|(_, pool)| usable(pool)).nth(turn).map(|(index, _)| index).or(Some(first))
}

/// Whether a pool may answer: switched on, of a priority above 0, and with a member that is up (in `family`, if given).
pub(crate) fn is_usable(pool: &Pool, family: Option<Family>, health: &(impl MemberHealth + ?Sized)) -> bool {
    pool.enabled
        && pool.priority.get() > 0
        && pool.members.iter().any(|member| {
            member.enabled && family.is_none_or(|family| Family::of(member.ip) == family) && health.is_up(member.slot)
        })
}

fn choose_members(
    service: &Service,
    index: usize,
    family: Family,
    wanted: u8,
    client: &Client,
    health: &(impl MemberHealth + ?Sized),
    draw: &mut impl Draw,
) -> Outcome {
    let pool = &service.pools[index];
    let ring = pool.ring(family);
    if ring.sequence.is_empty() {
        return Outcome::OtherFamilyOnly;
    }
    let is_up = |member: u16| health.is_up(pool.members[usize::from(member)].slot);
    let limit = if wanted == 0 { ADDRESSES_MAX } else { usize::from(wanted).min(ADDRESSES_MAX) };
    let mut members = [0_u16; ADDRESSES_MAX];
    let (count, by) = match pool.rule {
        Rule::RoundRobin => take_turn(ring, is_up, draw, &mut members[..limit]),
        Rule::ConsistentHash { bits_v4, bits_v6 } => {
            let (network, from_subnet) = client.network(service.use_client_subnet, bits_v4, bits_v6);
            let count = take_highest(pool, ring, is_up, network, &mut members[..limit]);
            (count, By::Hash { network, from_subnet })
        }
        Rule::PreferenceOrder => {
            let up = ring.sequence.iter().filter(|member| is_up(**member));
            let count = members[..limit].iter_mut().zip(up).map(|(place, member)| *place = *member).count();
            (count, By::Preference)
        }
    };
    if count == 0 {
        // The last member went down between the choice of the pool and here.
        return Outcome::Down;
    }
    Outcome::Members { pool: index, by, members, count: u8::try_from(count).unwrap_or(u8::MAX) }
}

/// The member whose turn it is first, then the next ones in the order of the ring, each once.
fn take_turn(ring: &Ring, is_up: impl Fn(u16) -> bool, draw: &mut impl Draw, members: &mut [u16]) -> (usize, By) {
    let length = ring.sequence.len() as u64;
    let at = |turn: u64| ring.sequence[usize::try_from(turn % length).unwrap_or(0)];
    let turn = draw.next(&ring.cursor);
    let (mut drawn, mut skipped) = (turn, 0_u32);
    // Two full cycles: other workers draw from the same ring, so this one may not see every turn of a single cycle.
    while !is_up(at(drawn)) && u64::from(skipped) < 2 * length {
        drawn = draw.next(&ring.cursor);
        skipped += 1;
    }
    let mut count = 0_usize;
    for step in 0..length {
        let member = at(drawn.wrapping_add(step));
        if is_up(member) && !members[..count].contains(&member) {
            members[count] = member;
            count += 1;
            if count == members.len() {
                break;
            }
        }
    }
    (count, By::Turn { turn, skipped })
}

/// Members that are up, the one that ranks highest for the client first; returns how many.
fn take_highest(pool: &Pool, ring: &Ring, is_up: impl Fn(u16) -> bool, network: Network, members: &mut [u16]) -> usize {
    let client = hash(network.ip());
    let mut ranks = [0_u64; ADDRESSES_MAX];
    let mut count = 0_usize;
    for &member in ring.sequence.iter().filter(|member| is_up(**member)) {
        let own = rank(client, pool.members[usize::from(member)].hash);
        // Two members of one address stay in the order of the object.
        let place = ranks[..count].partition_point(|other| *other >= own);
        if place == members.len() {
            continue;
        }
        count = (count + 1).min(members.len());
        ranks.copy_within(place..count - 1, place + 1);
        members.copy_within(place..count - 1, place + 1);
        ranks[place] = own;
        members[place] = member;
    }
    count
}

/// The members that a down response of all records answers, in order: every enabled one of the family.
pub fn all_records(service: &Service, family: Family) -> impl Iterator<Item = &crate::Member> {
    debug_assert!(matches!(service.down_response, DownResponse::AllRecords), "only for down responses of all records");
    service
        .pools
        .iter()
        .flat_map(|pool| pool.members.iter())
        .filter(move |member| member.enabled && Family::of(member.ip) == family)
        .take(ADDRESSES_MAX)
}

#[cfg(test)]
mod algorithm_tests;
#[cfg(test)]
mod tests;
