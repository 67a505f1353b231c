//! Why each member was or was not chosen, told from a decision.

use crate::client::{Network, hash, rank};
use crate::decide::{By, Decision, Outcome};
use crate::service::{Family, Member, Pool, Ring, Service};
use crate::slots::MemberHealth;

/// One member's part in a decision.
#[derive(Debug, Clone, Copy)]
pub struct Verdict<'s> {
    /// Its pool.
    pub pool: &'s Pool,
    /// The member.
    pub member: &'s Member,
    /// Why it is, or is not, in the answer.
    pub why: Why,
}

/// Why a member is, or is not, in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// In the answer, at this place (from 0).
    Chosen(u8),
    /// In the answer, at this place (from 0), by its rank for the client.
    Ranked(u8),
    /// In the answer, at this place (from 0), by its preference order.
    Preferred {
        /// Place.
        place: u8,
        /// Its preference order.
        order: u8,
    },
    /// Up, but the turn was another member's.
    NotItsTurn,
    /// Its turn came and was skipped, because it is down.
    SkippedDown,
    /// Up, but others rank higher for the client.
    RanksLower,
    /// It ranks higher for the client than the last one answered, but is down.
    RankedDown,
    /// Up, but others have a lower preference order, or the same and an earlier place.
    LessPreferred {
        /// Its preference order.
        order: u8,
    },
    /// It comes before the last one answered, but is down.
    PreferredDown {
        /// Its preference order.
        order: u8,
    },
    /// Not up.
    NotUp,
    /// Switched off.
    Disabled,
    /// Its pool is switched off.
    PoolDisabled,
    /// Its pool has priority 0.
    PoolNeverChosen,
    /// A pool of higher priority, or one of equal priority whose turn it was, answers.
    OtherPool {
        /// Priority of the pool that answers.
        priority: u8,
    },
    /// Its address is of the other family.
    OtherFamily,
}

impl Why {
    /// Whether the member is in the answer.
    #[must_use]
    pub const fn is_chosen(&self) -> bool {
        matches!(self, Self::Chosen(_) | Self::Ranked(_) | Self::Preferred { .. })
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Chosen(0) => write!(f, "its turn"),
            Self::Chosen(place) => write!(f, "next in turn, place {} of the answer", u16::from(*place) + 1),
            Self::NotItsTurn => write!(f, "up, but this turn belongs to another member"),
            Self::SkippedDown => write!(f, "its turn came, but it is not up, so another turn was drawn"),
            Self::Ranked(0) => write!(f, "ranks highest for this client"),
            Self::Ranked(place) => {
                write!(f, "ranks next for this client, place {} of the answer", u16::from(*place) + 1)
            }
            Self::RanksLower => write!(f, "up, but ranks lower for this client"),
            Self::RankedDown => write!(f, "ranks high enough for this client, but is not up"),
            Self::Preferred { place: 0, order } => write!(f, "first by preference, with order {order}"),
            Self::Preferred { place, order } => {
                write!(f, "next by preference, with order {order}, place {} of the answer", u16::from(*place) + 1)
            }
            Self::LessPreferred { order } => write!(f, "up, but with preference order {order} it comes later"),
            Self::PreferredDown { order } => write!(f, "preferred, with order {order}, but not up"),
            Self::NotUp => write!(f, "not up"),
            Self::Disabled => write!(f, "switched off"),
            Self::PoolDisabled => write!(f, "its pool is switched off"),
            Self::PoolNeverChosen => write!(f, "its pool has priority 0, which is never chosen"),
            Self::OtherPool { priority } => write!(f, "up, but a pool of priority {priority} answers"),
            Self::OtherFamily => write!(f, "its address is of the other family"),
        }
    }
}

/// One verdict per member of the service, pool by pool in falling priority.
///
/// `health` must be what the decision saw; with live slots a flip in between shows as it is now.
pub fn verdicts<'s>(
    service: &'s Service,
    decision: &Decision,
    health: &(impl MemberHealth + ?Sized),
) -> Vec<Verdict<'s>> {
    let mut all = Vec::new();
    for (pool_index, pool) in service.pools.iter().enumerate() {
        for (index, member) in pool.members.iter().enumerate() {
            all.push(Verdict { pool, member, why: why(decision, pool_index, pool, index, member, service, health) });
        }
    }
    all
}

fn why(
    decision: &Decision,
    pool_index: usize,
    pool: &Pool,
    index: usize,
    member: &Member,
    service: &Service,
    health: &(impl MemberHealth + ?Sized),
) -> Why {
    if !pool.enabled {
        return Why::PoolDisabled;
    }
    if !member.enabled {
        return Why::Disabled;
    }
    if pool.priority.get() == 0 {
        return Why::PoolNeverChosen;
    }
    if Family::of(member.ip) != decision.family {
        return Why::OtherFamily;
    }
    let Outcome::Members { pool: chosen_pool, by, .. } = &decision.outcome else {
        return Why::NotUp;
    };
    let index = u16::try_from(index).unwrap_or(u16::MAX);
    if *chosen_pool == pool_index {
        let chosen = decision.members();
        let place = chosen.iter().position(|&chosen| chosen == index).and_then(|place| u8::try_from(place).ok());
        let is_up = health.is_up(member.slot);
        return match by {
            By::Turn { turn, skipped } => match place {
                Some(place) => Why::Chosen(place),
                None if is_up => Why::NotItsTurn,
                None if was_drawn(pool.ring(decision.family), index, *turn, *skipped) => Why::SkippedDown,
                None => Why::NotUp,
            },
            By::Hash { network, .. } => match place {
                Some(place) => Why::Ranked(place),
                None if is_up => Why::RanksLower,
                None if ranks_before_last(pool, chosen, member, *network) => Why::RankedDown,
                None => Why::NotUp,
            },
            By::Preference => {
                let order = member.preference_order;
                let last = chosen.last().and_then(|&last| Some((pool.members.get(usize::from(last))?, last)));
                let is_before = last.is_some_and(|(last, at)| (order, index) < (last.preference_order, at));
                match place {
                    Some(place) => Why::Preferred { place, order },
                    None if is_up => Why::LessPreferred { order },
                    None if is_before => Why::PreferredDown { order },
                    None => Why::NotUp,
                }
            }
        };
    }
    if health.is_up(member.slot) {
        Why::OtherPool { priority: service.pools[*chosen_pool].priority.get() }
    } else {
        Why::NotUp
    }
}

/// Whether one of the turns that were skipped was the member's.
fn was_drawn(ring: &Ring, index: u16, turn: u64, skipped: u32) -> bool {
    let length = ring.sequence.len() as u64;
    (0..u64::from(skipped))
        .any(|step| usize::try_from(turn.wrapping_add(step) % length).is_ok_and(|place| ring.sequence[place] == index))
}

/// Whether a member would come before the last one that was chosen.
fn ranks_before_last(pool: &Pool, chosen: &[u16], member: &Member, network: Network) -> bool {
    let client = hash(network.ip());
    let last = chosen.last().and_then(|&last| pool.members.get(usize::from(last)));
    last.is_some_and(|last| rank(client, member.hash) > rank(client, last.hash))
}
