//! Which server of a pool, and which pool of a group (avi-api 10.5, 10.6).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use http_policy::{Binding, EJECTION_MS, NoServer, Pool, Table, Verdict};
use model::http::{Algorithm, Target};
use model::testing::{http_config, http_pool, pool_group};
use proptest::prelude::*;

use crate::service;

fn address(server: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], server))
}

fn pool_of(ratios: &[u8], change: impl FnOnce(&mut model::http::Pool)) -> Pool {
    let servers: Vec<_> = ratios.iter().zip(1..).map(|(&ratio, port)| (address(port), ratio)).collect();
    let mut source = http_pool("p", &servers);
    change(&mut source);
    Pool::compile(&Arc::new(source), None)
}

/// How often each server is chosen in `rounds`.
fn counts(pool: &Pool, rounds: usize) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..rounds {
        *counts.entry(pool.choose(0, &[]).unwrap().address.port()).or_default() += 1;
    }
    counts
}

proptest! {
    #[test]
    fn round_robin_is_exact_in_every_round(ratios in prop::collection::vec(1_u8..=20, 1..10)) {
        let pool = pool_of(&ratios, |_| {});
        let total: usize = ratios.iter().map(|&ratio| usize::from(ratio)).sum();
        for _ in 0..3 {
            let expected = (1..).zip(ratios.iter().map(|&ratio| usize::from(ratio))).collect();
            prop_assert_eq!(counts(&pool, total), expected);
        }
    }

    #[test]
    fn round_robin_keeps_the_ratios_of_those_that_are_up(
        ratios in prop::collection::vec(1_u8..=9, 2..6),
        down in 0_usize..6,
    ) {
        let pool = pool_of(&ratios, |pool| pool.health_monitors = vec!["healthmonitor-1".into()]);
        let down = down % ratios.len();
        for (index, server) in pool.servers.iter().enumerate() {
            server.state.set_verdict(if index == down { Verdict::Down } else { Verdict::Up });
        }
        let total: usize = ratios.iter().map(|&r| usize::from(r)).sum::<usize>() - usize::from(ratios[down]);
        let counts = counts(&pool, total * 2);
        for (index, &ratio) in ratios.iter().enumerate().filter(|&(index, _)| index != down) {
            let port = u16::try_from(index + 1).unwrap();
            prop_assert_eq!(counts[&port], usize::from(ratio) * 2);
        }
    }

    /// Against the plain rule: nobody else has fewer requests per ratio.
    #[test]
    fn least_connections_takes_one_of_the_least_loaded(
        ratios in prop::collection::vec(1_u8..=20, 1..8),
        steps in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
    ) {
        let pool = pool_of(&ratios, |pool| pool.algorithm = Algorithm::LeastConnections);
        let mut leases = Vec::new();
        for step in steps {
            if leases.len() > 20 {
                leases.swap_remove(step.index(leases.len()));
                continue;
            }
            let chosen = pool.choose(0, &[]).unwrap();
            let load = |server: &http_policy::Server| f64::from(server.state.active() + 1) / f64::from(server.ratio);
            for other in &pool.servers {
                prop_assert!(load(chosen) <= load(other) + 1e-9, "{} over {}", chosen.address, other.address);
            }
            leases.push(chosen.state.lease());
        }
    }
}

#[test]
fn equally_loaded_servers_take_turns() {
    let pool = pool_of(&[1, 1, 1], |pool| pool.algorithm = Algorithm::LeastConnections);
    assert_eq!(counts(&pool, 30), BTreeMap::from([(1, 10), (2, 10), (3, 10)]));
}

#[test]
fn a_monitored_server_gets_nothing_before_its_first_verdict() {
    let pool = pool_of(&[1, 1], |pool| pool.health_monitors = vec!["healthmonitor-1".into()]);
    assert_eq!(pool.choose(0, &[]).unwrap_err(), NoServer::Down);
    pool.servers[1].state.set_verdict(Verdict::Up);
    assert_eq!(counts(&pool, 4), BTreeMap::from([(2, 4)]));
}

#[test]
fn one_server_that_is_up_among_thousands_is_found() {
    let pool = pool_of(&[1; 5000], |pool| pool.health_monitors = vec!["healthmonitor-1".into()]);
    pool.servers[4321].state.set_verdict(Verdict::Up);
    assert_eq!(counts(&pool, 3), BTreeMap::from([(4322, 3)]));
}

#[test]
fn a_server_that_fails_live_traffic_is_passed_over_unless_nobody_is_left() {
    let pool = pool_of(&[1, 1], |_| {});
    (0..3).for_each(|_| _ = pool.servers[0].state.fail(0));
    assert_eq!(counts(&pool, 4), BTreeMap::from([(2, 4)]));
    (0..3).for_each(|_| _ = pool.servers[1].state.fail(0));
    assert_eq!(counts(&pool, 4), BTreeMap::from([(1, 2), (2, 2)]));
    assert_eq!(pool.choose(EJECTION_MS, &[address(2)]).unwrap().address, address(1));
}

#[test]
fn full_and_tried_servers_are_passed_over() {
    let pool = pool_of(&[1, 1], |pool| pool.connections_per_server_max = 1);
    let _first = pool.servers[0].state.lease();
    assert_eq!(counts(&pool, 2), BTreeMap::from([(2, 2)]));
    assert_eq!(pool.choose(0, &[address(2)]).unwrap_err(), NoServer::Full);
}

#[test]
fn a_disabled_or_empty_pool_has_nobody() {
    assert_eq!(pool_of(&[1], |pool| pool.enabled = false).choose(0, &[]).unwrap_err(), NoServer::Empty);
    assert_eq!(pool_of(&[1], |pool| pool.servers[0].enabled = false).choose(0, &[]).unwrap_err(), NoServer::Empty);
    assert_eq!(pool_of(&[], |_| {}).choose(0, &[]).unwrap_err(), NoServer::Empty);
}

fn group(members: &[(&str, u16, u32)], servers_min: u16) -> (Table, Binding) {
    let pools = members
        .iter()
        .zip(1..)
        .map(|(&(name, ..), port)| {
            let mut pool = http_pool(name, &[(address(port), 1)]);
            pool.health_monitors = vec!["healthmonitor-1".into()];
            pool
        })
        .collect();
    let mut source = pool_group("g", members);
    source.servers_min = servers_min;
    let mut config = http_config(1, vec![service(Some(Target::PoolGroup("poolgroup-g".into())))], pools);
    config.pool_groups = vec![Arc::new(source)];
    let (table, problems) = Table::compile(&config, None);
    assert_eq!(problems, []);
    for pool in table.pools() {
        pool.servers[0].state.set_verdict(Verdict::Up);
    }
    let binding = match crate::decide(&table, &crate::get("h", "/")).outcome {
        http_policy::Outcome::Forward(binding) => binding.clone(),
        other => panic!("{other:?}"),
    };
    (table, binding)
}

fn group_counts(binding: &Binding, rounds: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..rounds {
        *counts.entry(binding.choose(0, &[]).unwrap().pool.source.name.clone()).or_default() += 1;
    }
    counts
}

fn set(table: &Table, pool: &str, verdict: Verdict) {
    table.pool(&format!("pool-{pool}")).unwrap().servers[0].state.set_verdict(verdict);
}

#[test]
fn a_group_splits_by_ratio_within_its_highest_priority_that_is_up() {
    let (table, binding) = group(&[("a", 70, 10), ("b", 30, 10), ("zero", 0, 10), ("backup", 1, 5)], 0);
    assert_eq!(group_counts(&binding, 100), BTreeMap::from([("a".into(), 70), ("b".into(), 30)]));
    set(&table, "a", Verdict::Down);
    assert_eq!(group_counts(&binding, 10), BTreeMap::from([("b".into(), 10)]));
    set(&table, "b", Verdict::Down);
    assert_eq!(group_counts(&binding, 10), BTreeMap::from([("backup".into(), 10)]));
    set(&table, "backup", Verdict::Down);
    assert_eq!(binding.choose(0, &[]).unwrap_err(), NoServer::Down);
}

#[test]
fn a_priority_with_too_few_servers_is_used_together_with_the_next() {
    let (table, binding) = group(&[("a", 1, 2), ("b", 1, 1)], 2);
    assert_eq!(group_counts(&binding, 4), BTreeMap::from([("a".into(), 2), ("b".into(), 2)]));
    set(&table, "a", Verdict::Down);
    assert_eq!(group_counts(&binding, 4), BTreeMap::from([("b".into(), 4)]));
}
