//! Which members of a pool answer, in which order.

use geo::Point;

use super::pools::SAME_DISTANCE;
use super::{ADDRESSES_MAX, By, Query, Usable};
use crate::client::{Network, Whereabouts, hash, rank};
use crate::cursor::{Cursor, Draw};
use crate::service::{Member, Pool, Ring, Rule, Stand};
use crate::slots::MemberHealth;

impl<H: MemberHealth + ?Sized> Query<'_, H> {
    /// Fills `members` from its beginning with members of `pool`, and returns how many there are.
    pub(super) fn pick(
        &self,
        pool: &Pool,
        usable: Usable<'_, H>,
        draw: &mut impl Draw,
        members: &mut [u16],
    ) -> (usize, By) {
        if let (true, Some(selection)) = (pool.is_by_topology(), self.ask.selected.topology) {
            for site in selection.sites.iter().filter(|site| usable.site.is_none_or(|only| only == &***site)) {
                let of_site = Usable { site: Some(site), ..usable };
                let (count, by) = self.pick_by_rule(pool, of_site, draw, members);
                if count > 0 {
                    return (count, by);
                }
            }
            if !selection.is_preferred {
                return (0, By::Preference);
            }
        }
        if let (Some(near), Whereabouts::At { point, .. }) = (&pool.near, &self.client) {
            let is_up = |member: u16| usable.is_up(&pool.members[usize::from(member)]);
            let stands = near.of(self.ask.family);
            let count = take_nearest(stands, point, is_up, &pool.ring(self.ask.family).cursor, draw, members);
            if count > 0 {
                return (count, By::Distance);
            }
        }
        self.pick_by_rule(pool, usable, draw, members)
    }

    fn pick_by_rule(
        &self,
        pool: &Pool,
        usable: Usable<'_, H>,
        draw: &mut impl Draw,
        members: &mut [u16],
    ) -> (usize, By) {
        let ring = pool.ring(self.ask.family);
        let is_up = |member: u16| usable.is_up(&pool.members[usize::from(member)]);
        match pool.rule {
            Rule::RoundRobin => {
                let (count, turn, skipped) = take_turn(ring, is_up, draw, members);
                (count, By::Turn { turn, skipped })
            }
            Rule::ConsistentHash { bits_v4, bits_v6 } => {
                let use_subnet = self.service.use_client_subnet;
                let (network, from_subnet) = self.ask.client.network(use_subnet, bits_v4, bits_v6);
                let count = take_highest(&pool.members, ring, is_up, network, members);
                (count, By::Hash { network, from_subnet })
            }
            Rule::PreferenceOrder => {
                let up = ring.sequence.iter().filter(|member| is_up(**member));
                let count = members.iter_mut().zip(up).map(|(place, member)| *place = *member).count();
                (count, By::Preference)
            }
        }
    }
}

/// The member whose turn it is first, then the next ones in the order of the ring, each once. Returns how many, the first
/// turn that was drawn, and how many were skipped.
fn take_turn(ring: &Ring, is_up: impl Fn(u16) -> bool, draw: &mut impl Draw, members: &mut [u16]) -> (usize, u64, u32) {
    let length = ring.sequence.len() as u64;
    if length == 0 {
        return (0, 0, 0);
    }
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
    (count, turn, skipped)
}

/// Members that are up, the one that ranks highest for the client first; returns how many.
fn take_highest(
    pool: &[Member],
    ring: &Ring,
    is_up: impl Fn(u16) -> bool,
    network: Network,
    members: &mut [u16],
) -> usize {
    let client = hash(network.ip());
    let mut ranks = [0_u64; ADDRESSES_MAX];
    let mut count = 0_usize;
    for &member in ring.sequence.iter().filter(|member| is_up(**member)) {
        let own = rank(client, pool[usize::from(member)].hash);
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

/// Members that are up, the nearest first, those of which it is not known where they stand last; none where that is
/// known of nobody. Those that stand together take turns, and so do places that are equally near.
fn take_nearest(
    stands: &[Stand],
    client: &Point,
    is_up: impl Fn(u16) -> bool,
    between_stands: &Cursor,
    draw: &mut impl Draw,
    members: &mut [u16],
) -> usize {
    let distance = |stand: &Stand| stand.point.as_ref().map_or(f64::INFINITY, |point| point.apart(client));
    let has_up = |stand: &Stand| stand.ring.sequence.iter().any(|member| is_up(*member));
    let up = || stands.iter().enumerate().filter(|(_, stand)| has_up(stand)).map(|(at, stand)| (distance(stand), at));
    let Some(nearest) = up().map(|(distance, _)| distance).reduce(f64::min).filter(|nearest| nearest.is_finite())
    else {
        return 0;
    };
    let tied = || up().filter(|(distance, _)| distance - nearest < SAME_DISTANCE);
    let turn = match tied().count() {
        0 | 1 => 0,
        count => usize::try_from(draw.next(between_stands) % count as u64).unwrap_or(0),
    };
    let Some((_, first)) = tied().nth(turn) else { return 0 };
    let (mut count, _, _) = take_turn(&stands[first].ring, &is_up, draw, members);
    let mut last = None;
    while count < members.len() {
        let next = up().filter(|next| next.1 != first && last.is_none_or(|last| *next > last));
        let Some(next) = next.reduce(|one, other| if other < one { other } else { one }) else { break };
        let (more, _, _) = take_turn(&stands[next.1].ring, &is_up, draw, &mut members[count..]);
        count += more;
        last = Some(next);
    }
    count
}
