//! The decision: best pool that is up, and inside it members by turn, by hash, by preference or by distance (avi-api 5.6).
//!
//! ```text
//! sites of a policy, one after the other ─┐
//! all members ────────────────────────────┴─> pools (pools.rs) ─> members (pick.rs) ─> names stand alone
//! ```

use model::gslb::DownResponse;

use crate::client::{Client, Network, Whereabouts};
use crate::cursor::Draw;
use crate::service::{Family, Member, Pool, Service};
use crate::slots::MemberHealth;

mod pick;
mod pools;

use pools::Chosen;

/// Most addresses in one answer. Avi: `num_dns_ip` 1 to 20.
pub const ADDRESSES_MAX: usize = 20;

/// What a service answers to one query, with all that explains it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Family asked for.
    pub family: Family,
    /// What to answer.
    pub outcome: Outcome,
    /// Where the client is, if that counted.
    pub client: Whereabouts,
    /// Whether the client is given public addresses.
    pub to_public: bool,
    /// Place in the site selection of the site whose members answer, if a policy chose one.
    pub site: Option<u16>,
    /// Leading bits of the client's subnet that all this depends on.
    scope: u8,
}

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Addresses of these members.
    Members {
        /// Index of the pool in [`Service::pools`].
        pool: usize,
        /// Number of pools that share queries because of `min_members`; 1 without.
        shared: u16,
        /// What put them in this order.
        by: By,
        /// Indices of the members in their pools, in the order of the answer; the first `count` are used.
        members: [u16; ADDRESSES_MAX],
        /// The pools of these members: `pool`, and behind it others where it is shared.
        pools: [u16; ADDRESSES_MAX],
        /// Number of members.
        count: u8,
    },
    /// The service is up, but no member that is up has an address of the family: an empty answer.
    OtherFamilyOnly,
    /// The sites that a policy chose have no member that is up, and it wants no other.
    OutsideSites,
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
    /// Their distance from the client; those that stand at one place take turns.
    Distance,
}

/// What a policy says about sites (avi-api 2.24: `gslb_site_selection`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteSelection {
    /// Cluster uuids of the sites: the one that is wanted, and those that stand in for it, the first that is usable.
    pub sites: Box<[Box<str>]>,
    /// Whether any other site will do where none of these is usable.
    pub is_preferred: bool,
}

/// What policies say to one query.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selected<'p> {
    /// Before any algorithm.
    pub sites: Option<&'p SiteSelection>,
    /// Within pools of `GSLB_ALGORITHM_TOPOLOGY`.
    pub topology: Option<&'p SiteSelection>,
}

/// What is asked of a service.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'p> {
    /// Family of addresses.
    pub family: Family,
    /// Most addresses, 0 = all.
    pub wanted: u8,
    /// Who asks.
    pub client: Client,
    /// What policies say.
    pub selected: Selected<'p>,
}

/// Members that may be answered now.
pub(crate) struct Usable<'a, H: ?Sized> {
    health: &'a H,
    /// Cluster uuid of the only site that counts.
    site: Option<&'a str>,
}

impl<H: ?Sized> Clone for Usable<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

/// Derived, it would want the health itself to be `Copy`.
impl<H: ?Sized> Copy for Usable<'_, H> {}

impl<H: MemberHealth + ?Sized> Usable<'_, H> {
    pub(crate) fn is_up(&self, member: &Member) -> bool {
        self.health.is_up(member.slot) && self.site.is_none_or(|site| member.site.as_deref() == Some(site))
    }
}

impl Decision {
    /// Leading bits of the client's subnet that the answer depends on (RFC 7871 §7.2.1), 0 when it looked at none.
    #[must_use]
    pub fn subnet_scope(&self) -> u8 {
        self.scope
    }

    /// Indices of the chosen members within their pools.
    #[must_use]
    pub fn members(&self) -> &[u16] {
        match &self.outcome {
            Outcome::Members { members, count, .. } => &members[..usize::from(*count)],
            _ => &[],
        }
    }

    /// Pool and place of the chosen members.
    pub fn picks(&self) -> impl Iterator<Item = (usize, u16)> {
        let pools = match &self.outcome {
            Outcome::Members { pools, .. } => &pools[..],
            _ => &[],
        };
        pools.iter().map(|pool| usize::from(*pool)).zip(self.members().iter().copied())
    }

    /// The chosen members.
    pub fn chosen<'s>(&self, service: &'s Service) -> impl Iterator<Item = &'s Member> {
        self.picks().filter_map(|(pool, member)| service.pools.get(pool)?.members.get(usize::from(member)))
    }
}

/// Decides which members answer a query of `client` for `family` with at most `wanted` addresses (0 = all).
///
/// As [`decide_for`] where no policy says anything.
pub fn decide(
    service: &Service,
    family: Family,
    wanted: u8,
    client: &Client,
    health: &(impl MemberHealth + ?Sized),
    draw: &mut impl Draw,
) -> Decision {
    decide_for(service, &Ask { family, wanted, client: *client, selected: Selected::default() }, health, draw)
}

/// Decides which members answer.
///
/// Only a decision with members of a pool with turns draws turns. Where a turn belongs to a member that is down another
/// turn is drawn: taking the neighbour instead would give it the share of the one that is down.
pub fn decide_for(
    service: &Service,
    ask: &Ask<'_>,
    health: &(impl MemberHealth + ?Sized),
    draw: &mut impl Draw,
) -> Decision {
    let (client, mut scope) = match &service.geo {
        Some(geo) => ask.client.locate(geo, service.use_client_subnet),
        None => (Whereabouts::NotAsked, 0),
    };
    let to_public = service.public_clients.as_ref().is_some_and(|public| {
        let (network, from_subnet) = ask.client.network(service.use_client_subnet, u8::MAX, u8::MAX);
        // A range of the group may end anywhere in the subnet.
        scope = scope.max(if from_subnet { network.prefix() } else { 0 });
        public.contains(network.ip())
    });
    let query = Query { service, ask, client, health };
    let (outcome, site) = query.outcome(draw);
    if let Outcome::Members { by: By::Hash { network, from_subnet: true }, .. } = &outcome {
        scope = scope.max(network.prefix());
    }
    Decision { family: ask.family, outcome, client, to_public, site, scope }
}

/// One query to one service.
struct Query<'a, H: ?Sized> {
    service: &'a Service,
    ask: &'a Ask<'a>,
    client: Whereabouts,
    health: &'a H,
}

impl<H: MemberHealth + ?Sized> Query<'_, H> {
    /// What to answer, and which site of a selection does.
    fn outcome(&self, draw: &mut impl Draw) -> (Outcome, Option<u16>) {
        let Some(selection) = self.ask.selected.sites else {
            return (self.among(None, draw).unwrap_or_else(|| self.nobody()), None);
        };
        for (place, site) in (0..).zip(&selection.sites) {
            if let Some(outcome) = self.among(Some(site), draw) {
                return (outcome, Some(place));
            }
        }
        let others = if selection.is_preferred { self.among(None, draw) } else { None };
        (others.unwrap_or_else(|| self.nobody()), None)
    }

    /// Members of one site, or of all.
    fn among(&self, site: Option<&str>, draw: &mut impl Draw) -> Option<Outcome> {
        let usable = Usable { health: self.health, site };
        let chosen = self.choose_pools(usable, draw)?;
        self.members_of(&chosen, usable, draw)
    }

    /// Nobody answers: why.
    fn nobody(&self) -> Outcome {
        let usable = Usable { health: self.health, site: None };
        let is_usable = |family| self.service.pools.iter().any(|pool| is_usable(pool, family, usable));
        let Selected { sites, topology } = self.ask.selected;
        let wants_no_other = [sites, topology].iter().flatten().any(|selection| !selection.is_preferred);
        if wants_no_other && is_usable(Some(self.ask.family)) {
            Outcome::OutsideSites
        } else if is_usable(None) {
            Outcome::OtherFamilyOnly
        } else {
            Outcome::Down
        }
    }

    /// Members of the chosen pool, and behind them those of the pools that share queries with it.
    fn members_of(&self, chosen: &Chosen, usable: Usable<'_, H>, draw: &mut impl Draw) -> Option<Outcome> {
        let wanted = usize::from(self.ask.wanted);
        let limit = if wanted == 0 { ADDRESSES_MAX } else { wanted.min(ADDRESSES_MAX) };
        let (mut members, mut pools) = ([0_u16; ADDRESSES_MAX], [0_u16; ADDRESSES_MAX]);
        let lead = &self.service.pools[chosen.pool];
        let (mut count, by) = self.pick(lead, usable, draw, &mut members[..limit]);
        if count == 0 {
            // The last member went down between the choice of the pool and here, or topology wants none of them.
            return None;
        }
        pools[..count].fill(u16::try_from(chosen.pool).unwrap_or(u16::MAX));
        for (index, pool) in chosen.others(self.service) {
            if count == limit || !is_usable(pool, Some(self.ask.family), usable) {
                continue;
            }
            let (more, _) = self.pick(pool, usable, draw, &mut members[count..limit]);
            pools[count..count + more].fill(u16::try_from(index).unwrap_or(u16::MAX));
            count += more;
        }
        if self.service.has_names {
            count = self.with_names_alone(&mut members, &mut pools, count);
        }
        let count = u8::try_from(count).unwrap_or(u8::MAX);
        Some(Outcome::Members { pool: chosen.pool, shared: chosen.shared, by, members, pools, count })
    }

    /// A name that stands for another has no other record (RFC 2181 §10.1): one that comes first stays alone, others go.
    fn with_names_alone(&self, members: &mut [u16], pools: &mut [u16], count: usize) -> usize {
        let is_name =
            |pool: u16, member: u16| self.service.pools[usize::from(pool)].members[usize::from(member)].fqdn.is_some();
        if is_name(pools[0], members[0]) {
            return 1;
        }
        let mut kept = 0;
        for at in 0..count {
            if !is_name(pools[at], members[at]) {
                (members[kept], pools[kept]) = (members[at], pools[at]);
                kept += 1;
            }
        }
        kept
    }
}

/// Whether a pool may answer: switched on, of a priority above 0, and with a member that is up (in `family`, if given).
pub(crate) fn is_usable<H: MemberHealth + ?Sized>(pool: &Pool, family: Option<Family>, usable: Usable<'_, H>) -> bool {
    pool.enabled
        && pool.priority.get() > 0
        && pool
            .members
            .iter()
            .any(|member| member.enabled && family.is_none_or(|family| member.answers(family)) && usable.is_up(member))
}

/// The members that a down response of all records answers, in order: every enabled one with an address of the family.
pub fn all_records(service: &Service, family: Family) -> impl Iterator<Item = &Member> {
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
mod near_tests;
#[cfg(test)]
mod tests;
