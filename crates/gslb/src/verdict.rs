//! Why each member was or was not chosen, told from a decision.

use crate::client::{Network, Whereabouts, hash, rank};
use crate::decide::{By, Decision, Outcome};
use crate::service::{Member, Pool, Ring, Service};
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
    /// In the answer, at this place (from 0), because of where it and the client are.
    Near {
        /// Place.
        place: u8,
        /// How far it is, in kilometres; `None` where nobody knows.
        km: Option<u32>,
    },
    /// Up, but others are nearer to the client, or as near and their turn came.
    Farther {
        /// How far it is, in kilometres; `None` where nobody knows.
        km: Option<u32>,
    },
    /// Nearer to the client than the last one answered, but down.
    NearerDown {
        /// How far it is, in kilometres.
        km: u32,
    },
    /// In the answer, at this place (from 0): its pool shares queries with another one.
    Joined(u8),
    /// Up, but it was the turn of another of the pools that share queries.
    NotItsPoolsTurn,
    /// At another site than the one that a policy selected.
    OtherSite,
    /// Up, but a name is answered alone, or next to no name.
    Name,
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
        matches!(self, Self::Chosen(_) | Self::Ranked(_) | Self::Preferred { .. } | Self::Near { .. } | Self::Joined(_))
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
            Self::Near { place, km } => {
                let far = far(*km);
                match place {
                    0 => write!(f, "nearest to this client, {far}"),
                    _ => write!(f, "next by distance, {far}, place {} of the answer", u16::from(*place) + 1),
                }
            }
            Self::Farther { km } => write!(f, "up, but others come first by distance; it is {}", far(*km)),
            Self::NearerDown { km } => write!(f, "nearer to this client, {km} km away, but not up"),
            Self::Joined(place) => {
                write!(f, "its pool joins in, for min_members, place {} of the answer", u16::from(*place) + 1)
            }
            Self::NotItsPoolsTurn => write!(f, "up, but it was the turn of another pool of those that share queries"),
            Self::OtherSite => write!(f, "at another site than the one that a policy selects"),
            Self::Name => write!(f, "up, but a name is answered alone"),
            Self::NotUp => write!(f, "not up"),
            Self::Disabled => write!(f, "switched off"),
            Self::PoolDisabled => write!(f, "its pool is switched off"),
            Self::PoolNeverChosen => write!(f, "its pool has priority 0, which is never chosen"),
            Self::OtherPool { priority } => write!(f, "up, but a pool of priority {priority} answers"),
            Self::OtherFamily => write!(f, "its address is of the other family"),
        }
    }
}

fn far(km: Option<u32>) -> String {
    km.map_or_else(|| "at a place that is not known".to_owned(), |km| format!("{km} km away"))
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
    if !member.answers(decision.family) {
        return Why::OtherFamily;
    }
    let Outcome::Members { pool: lead, shared, by, .. } = &decision.outcome else {
        let is_up = health.is_up(member.slot);
        return if is_up && decision.outcome == Outcome::OutsideSites { Why::OtherSite } else { Why::NotUp };
    };
    let index = u16::try_from(index).unwrap_or(u16::MAX);
    let place =
        decision.picks().position(|pick| pick == (pool_index, index)).and_then(|place| u8::try_from(place).ok());
    let is_up = health.is_up(member.slot);
    match (place, pool_index == *lead) {
        (_, true) => in_pool(decision, by, (*lead, pool), (index, member), place, is_up),
        (Some(place), false) => Why::Joined(place),
        (None, false) if is_up && *shared > 1 => Why::NotItsPoolsTurn,
        (None, false) if is_up => Why::OtherPool { priority: service.pools[*lead].priority.get() },
        (None, false) => Why::NotUp,
    }
}

/// Of a member of the pool that answers.
fn in_pool(
    decision: &Decision,
    by: &By,
    (lead, pool): (usize, &Pool),
    (index, member): (u16, &Member),
    place: Option<u8>,
    is_up: bool,
) -> Why {
    // The first of them are of this pool, which leads.
    let own = decision.picks().take_while(|(at, _)| *at == lead).map(|(_, member)| member);
    let own: Vec<u16> = own.collect();
    let chosen: Vec<&Member> = own.iter().filter_map(|&at| pool.members.get(usize::from(at))).collect();
    let Some(first) = chosen.first() else { return Why::NotUp };
    if place.is_none() && is_up {
        if decision.site.is_some() && member.site != first.site {
            return Why::OtherSite;
        }
        if first.fqdn.is_some() || member.fqdn.is_some() && chosen.len() > 1 {
            return Why::Name;
        }
    }
    match by {
        By::Turn { turn, skipped } => match place {
            Some(place) => Why::Chosen(place),
            None if is_up => Why::NotItsTurn,
            None if was_drawn(pool.ring(decision.family), index, *turn, *skipped) => Why::SkippedDown,
            None => Why::NotUp,
        },
        By::Hash { network, .. } => match place {
            Some(place) => Why::Ranked(place),
            None if is_up => Why::RanksLower,
            None if ranks_before_last(&chosen, member, *network) => Why::RankedDown,
            None => Why::NotUp,
        },
        By::Preference => {
            let order = member.preference_order;
            let last = chosen.last().zip(own.last());
            let is_before = last.is_some_and(|(last, at)| (order, index) < (last.preference_order, *at));
            match place {
                Some(place) => Why::Preferred { place, order },
                None if is_up => Why::LessPreferred { order },
                None if is_before => Why::PreferredDown { order },
                None => Why::NotUp,
            }
        }
        By::Distance => {
            let km = distance_km(&decision.client, member);
            let last = chosen.last().and_then(|last| distance_km(&decision.client, last));
            match place {
                Some(place) => Why::Near { place, km },
                None if is_up => Why::Farther { km },
                None => match km.filter(|km| last.is_none_or(|last| *km < last)) {
                    Some(km) => Why::NearerDown { km },
                    None => Why::NotUp,
                },
            }
        }
    }
}

/// How far a member is from the client, in kilometres, if both places are known.
#[must_use]
pub fn distance_km(client: &Whereabouts, member: &Member) -> Option<u32> {
    let Whereabouts::At { point, .. } = client else { return None };
    let km = member.point.as_ref()?.distance_km(point).round();
    // No two places are farther apart than 20,016 km.
    (0..=20_100_u32).find(|whole| f64::from(*whole) >= km)
}

/// Whether one of the turns that were skipped was the member's.
fn was_drawn(ring: &Ring, index: u16, turn: u64, skipped: u32) -> bool {
    let length = ring.sequence.len() as u64;
    (0..u64::from(skipped))
        .any(|step| usize::try_from(turn.wrapping_add(step) % length).is_ok_and(|place| ring.sequence[place] == index))
}

/// Whether a member would come before the last one that was chosen.
fn ranks_before_last(chosen: &[&Member], member: &Member, network: Network) -> bool {
    let client = hash(network.ip());
    chosen.last().is_some_and(|last| rank(client, member.hash) > rank(client, last.hash))
}
