//! A compiled pool group: priorities first, then ratios (avi-api 10.5).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::pool::{Choice, NoServer, Pool};
use crate::ring::ring;

/// Turns taken in a tier before any pool of it that is up is used.
const TURNS_MAX: usize = 64;

/// A pool group, ready to choose from.
#[derive(Debug)]
pub struct Group {
    /// What it was compiled from.
    pub source: Arc<model::http::PoolGroup>,
    /// Highest priority first.
    tiers: Box<[Tier]>,
    cursor: Arc<AtomicU64>,
}

/// Members of one priority.
#[derive(Debug)]
struct Tier {
    pools: Box<[(Arc<Pool>, u16)]>,
    ring: Box<[u16]>,
}

impl Group {
    /// Compiles a group whose pools `find` knows; a member that it does not know is left out.
    ///
    /// The place in the ring survives where the members are those of `previous`.
    #[must_use]
    pub fn compile<'p>(
        source: &Arc<model::http::PoolGroup>,
        previous: Option<&Self>,
        find: impl Fn(&str) -> Option<&'p Arc<Pool>>,
    ) -> Self {
        let mut priorities: Vec<u32> = source.members.iter().map(|member| member.priority).collect();
        priorities.sort_unstable_by(|a, b| b.cmp(a));
        priorities.dedup();
        let tiers = priorities
            .into_iter()
            .map(|priority| {
                let members = source.members.iter().filter(|member| member.priority == priority);
                let pools: Box<[_]> =
                    members.filter_map(|member| Some((Arc::clone(find(&member.pool)?), member.ratio))).collect();
                let ring = ring(&pools.iter().map(|&(_, ratio)| ratio).collect::<Vec<_>>());
                Tier { pools, ring }
            })
            .collect();
        let cursor = previous
            .filter(|group| group.source.members == source.members)
            .map_or_else(Arc::default, |group| Arc::clone(&group.cursor));
        Self { source: Arc::clone(source), tiers, cursor }
    }

    /// Pools that get requests.
    pub(crate) fn pools(&self) -> impl Iterator<Item = &Arc<Pool>> {
        let members = self.tiers.iter().flat_map(|tier| &tier.pools);
        members.filter(|(_, ratio)| *ratio > 0).map(|(pool, _)| pool)
    }

    /// Whether its pools are the very ones that `find` knows.
    pub(crate) fn has_pools_of<'p>(&self, find: impl Fn(&str) -> Option<&'p Arc<Pool>>) -> bool {
        let known = self.source.members.iter().filter_map(|member| find(&member.pool)).count();
        let mut pools = self.tiers.iter().flat_map(|tier| &tier.pools);
        known == self.tiers.iter().map(|tier| tier.pools.len()).sum::<usize>()
            && pools.all(|(pool, _)| find(&pool.source.uuid).is_some_and(|found| Arc::ptr_eq(found, pool)))
    }

    /// Picks a pool of the highest priority that has one up, and a server in it.
    ///
    /// # Errors
    /// When no pool has a server that can take a request.
    pub fn choose(&self, now_ms: u64, tried: &[SocketAddr]) -> Result<Choice<'_>, NoServer> {
        let mut reason = NoServer::Empty;
        let servers_min = usize::from(self.source.servers_min);
        let mut joined: Vec<&(Arc<Pool>, u16)> = Vec::new();
        for tier in &self.tiers {
            if servers_min > 0 {
                joined.extend(tier.pools.iter().filter(|(pool, ratio)| *ratio > 0 && pool.is_available()));
                let is_last = self.tiers.last().is_some_and(|last| std::ptr::eq(last, tier));
                let servers_up: usize = joined.iter().map(|(pool, _)| pool.servers_up()).sum();
                if servers_up < servers_min && !is_last {
                    continue;
                }
            }
            let chosen = if joined.is_empty() {
                self.choose_in(tier, now_ms, tried)
            } else {
                self.choose_of(&joined, now_ms, tried)
            };
            match chosen {
                Ok(choice) => return Ok(choice),
                Err(NoServer::Empty) => {}
                Err(other) => reason = other,
            }
        }
        Err(reason)
    }

    fn choose_in<'t>(&self, tier: &'t Tier, now_ms: u64, tried: &[SocketAddr]) -> Result<Choice<'t>, NoServer> {
        for _ in 0..TURNS_MAX.min(tier.ring.len() * 2) {
            let place = usize::try_from(self.turn() % tier.ring.len() as u64).unwrap_or(0);
            let member = tier.ring.get(place).and_then(|&index| tier.pools.get(usize::from(index)));
            if let Some((pool, _)) = member
                && let Ok(server) = pool.choose(now_ms, tried)
            {
                return Ok(Choice { pool, server });
            }
        }
        self.choose_of(&tier.pools.iter().filter(|(_, ratio)| *ratio > 0).collect::<Vec<_>>(), now_ms, tried)
    }

    /// By ratio among `pools`, whatever their priority; the next one where that has no server.
    fn choose_of<'t>(
        &self,
        pools: &[&'t (Arc<Pool>, u16)],
        now_ms: u64,
        tried: &[SocketAddr],
    ) -> Result<Choice<'t>, NoServer> {
        let total: u64 = pools.iter().map(|(_, ratio)| u64::from(*ratio)).sum();
        let mut rest = self.turn().checked_rem(total).ok_or(NoServer::Empty)?;
        let first = pools
            .iter()
            .position(|(_, ratio)| {
                let is_here = rest < u64::from(*ratio);
                rest = rest.saturating_sub(u64::from(*ratio));
                is_here
            })
            .unwrap_or(0);
        let mut reason = NoServer::Empty;
        for (pool, _) in pools.iter().cycle().skip(first).take(pools.len()) {
            match pool.choose(now_ms, tried) {
                Ok(server) => return Ok(Choice { pool, server }),
                Err(NoServer::Empty) => {}
                Err(other) => reason = other,
            }
        }
        Err(reason)
    }

    fn turn(&self) -> u64 {
        self.cursor.fetch_add(1, Ordering::Relaxed)
    }
}
