//! Why each member was or was not chosen, told from a decision.

use crate::decide::{Decision, Outcome};
use crate::service::{Family, Member, Pool, Service};
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
    /// Up, but the turn was another member's.
    NotItsTurn,
    /// Its turn came and was skipped, because it is down.
    SkippedDown,
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

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Chosen(0) => write!(f, "its turn"),
            Self::Chosen(place) => write!(f, "next in turn, place {} of the answer", u16::from(*place) + 1),
            Self::NotItsTurn => write!(f, "up, but this turn belongs to another member"),
            Self::SkippedDown => write!(f, "its turn came, but it is not up, so another turn was drawn"),
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
    let Outcome::Members { pool: chosen_pool, turn, skipped, .. } = &decision.outcome else {
        return Why::NotUp;
    };
    let index = u16::try_from(index).unwrap_or(u16::MAX);
    if *chosen_pool == pool_index {
        if let Some(place) = decision.members().iter().position(|&chosen| chosen == index) {
            return Why::Chosen(u8::try_from(place).unwrap_or(u8::MAX));
        }
        if !health.is_up(member.slot) {
            let sequence = &pool.ring(decision.family).sequence;
            let length = sequence.len() as u64;
            let was_drawn = (0..u64::from(*skipped)).any(|step| {
                usize::try_from(turn.wrapping_add(step) % length).is_ok_and(|place| sequence[place] == index)
            });
            return if was_drawn { Why::SkippedDown } else { Why::NotUp };
        }
        return Why::NotItsTurn;
    }
    if health.is_up(member.slot) {
        Why::OtherPool { priority: service.pools[*chosen_pool].priority.get() }
    } else {
        Why::NotUp
    }
}
