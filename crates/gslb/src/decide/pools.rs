//! Which pool answers, and which others share queries with it.

use geo::Point;
use model::gslb::PoolAlgorithm;

use super::{Query, Usable, is_usable};
use crate::client::Whereabouts;
use crate::cursor::Draw;
use crate::service::{Family, Pool, Service};
use crate::slots::MemberHealth;

/// Squares of straight lines, in radii of the earth, that differ by less are the same distance.
pub(super) const SAME_DISTANCE: f64 = 1e-12;

/// The pool that answers.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) pool: usize,
    /// Number of pools that share queries.
    pub(super) shared: u16,
    /// The pools that share queries, and some that are not usable, by their places.
    range: std::ops::Range<usize>,
}

impl Chosen {
    /// The other pools that share queries; some may not be usable.
    pub(super) fn others<'s>(&self, service: &'s Service) -> impl Iterator<Item = (usize, &'s Pool)> {
        let chosen = self.pool;
        let pools = service.pools.iter().enumerate().take(self.range.end).skip(self.range.start);
        pools.filter(move |(index, _)| *index != chosen)
    }
}

impl<H: MemberHealth + ?Sized> Query<'_, H> {
    /// The usable pool of the highest priority, or the nearest.
    pub(super) fn choose_pools(&self, usable: Usable<'_, H>, draw: &mut impl Draw) -> Option<Chosen> {
        let nearest = match (self.service.pool_algorithm, &self.client) {
            (PoolAlgorithm::Geo, Whereabouts::At { point, .. }) => self.nearest_pool(point, usable, draw),
            _ => None,
        };
        let pool = match nearest {
            Some(pool) => pool,
            None => self.highest_pool(usable, draw)?,
        };
        if self.service.min_members == 0 {
            return Some(Chosen { pool, shared: 1, range: pool..pool });
        }
        Some(self.with_others(pool, usable, draw))
    }

    /// The usable pool of the highest priority; between equals they take turns.
    fn highest_pool(&self, usable: Usable<'_, H>, draw: &mut impl Draw) -> Option<usize> {
        let pools = &self.service.pools;
        let usable = |pool: &Pool| is_usable(pool, Some(self.ask.family), usable);
        let first = pools.iter().position(usable)?;
        let priority = pools[first].priority;
        let tied = || pools.iter().enumerate().skip(first).take_while(move |(_, pool)| pool.priority == priority);
        let candidates = tied().filter(|(_, pool)| usable(pool)).count();
        if candidates <= 1 {
            return Some(first);
        }
        let turn = usize::try_from(draw.next(&self.service.between_pools) % candidates as u64).unwrap_or(0);
        tied().filter(|(_, pool)| usable(pool)).nth(turn).map(|(index, _)| index).or(Some(first))
    }

    /// The usable pool with the member nearest to the client, whatever its priority; between equals they take turns.
    fn nearest_pool(&self, client: &Point, usable: Usable<'_, H>, draw: &mut impl Draw) -> Option<usize> {
        let family = self.ask.family;
        let distance = |pool: &Pool| -> Option<f64> {
            let members = pool.members.iter().filter(|member| member.answers(family) && usable.is_up(member));
            members.filter_map(|member| Some(member.point.as_ref()?.apart(client))).reduce(f64::min)
        };
        let near = || {
            let usable =
                self.service.pools.iter().enumerate().filter(|(_, pool)| is_usable(pool, Some(family), usable));
            usable.filter_map(|(index, pool)| Some((index, distance(pool)?)))
        };
        let nearest = near().map(|(_, distance)| distance).reduce(f64::min)?;
        let tied = || near().filter(|(_, distance)| distance - nearest < SAME_DISTANCE);
        let turn = match tied().count() {
            0 | 1 => 0,
            count => usize::try_from(draw.next(&self.service.between_pools) % count as u64).unwrap_or(0),
        };
        tied().nth(turn).map(|(index, _)| index)
    }

    /// `min_members`: where the chosen pool has fewer members that are up, pools of the next priorities share queries
    /// with it, each in proportion to the weights of its members that are up.
    fn with_others(&self, pool: usize, usable: Usable<'_, H>, draw: &mut impl Draw) -> Chosen {
        let pools = &self.service.pools;
        let family = self.ask.family;
        let weights = |pool: &Pool| up(pool, family, usable).map(u64::from).sum::<u64>();
        let priority = pools[pool].priority;
        let start = pools.iter().position(|other| other.priority <= priority).unwrap_or(pool);
        let (mut members, mut shared, mut end) = (up(&pools[pool], family, usable).count(), 1_u16, start);
        let mut all = weights(&pools[pool]);
        for (index, other) in pools.iter().enumerate().skip(start) {
            if members >= usize::from(self.service.min_members) {
                break;
            }
            end = index + 1;
            if index != pool && is_usable(other, Some(family), usable) {
                members += up(other, family, usable).count();
                all += weights(other);
                shared = shared.saturating_add(1);
            }
        }
        let chosen = Chosen { pool, shared, range: start..end };
        if shared == 1 || all == 0 {
            return chosen;
        }
        let mut turn = draw.next(&self.service.between_pools) % all;
        let others = chosen.others(self.service).filter(|(_, other)| is_usable(other, Some(family), usable));
        let lead = std::iter::once((pool, &pools[pool])).chain(others).find(|(_, candidate)| {
            let share = weights(candidate);
            let is_its = turn < share;
            turn = turn.saturating_sub(share);
            is_its
        });
        let pool = lead.map_or(pool, |(index, _)| index);
        Chosen { pool, shared, range: start..end.max(chosen.pool + 1) }
    }
}

/// Weights of the members of a pool that may be answered.
fn up<H: MemberHealth + ?Sized>(pool: &Pool, family: Family, usable: Usable<'_, H>) -> impl Iterator<Item = u8> {
    let members = pool.members.iter().filter(move |member| member.answers(family) && usable.is_up(member));
    members.map(|member| member.weight.get())
}
