//! What a change of configuration leaves alone.

use std::sync::Arc;

use http_policy::{Table, Verdict};
use model::http::HttpConfig;
use model::testing::{http_config, http_pool, http_server, to_pool, virtual_service};

fn two_services() -> HttpConfig {
    let services = ["a", "b"]
        .iter()
        .zip(1..)
        .map(|(name, last)| virtual_service(name, std::net::SocketAddr::from(([192, 0, 2, last], 80)), to_pool(name)))
        .collect();
    let pools =
        ["a", "b"].iter().map(|name| http_pool(name, &[(crate::vip(), 1), ("192.0.2.9:80".parse().unwrap(), 1)]));
    http_config(1, services, pools.collect())
}

#[test]
fn what_did_not_change_is_the_very_same_part() {
    let config = two_services();
    let (before, _) = Table::compile(&config, None);
    let mut changed = config.clone();
    Arc::make_mut(&mut changed.pools[0]).servers.pop();
    let (after, _) = Table::compile(&changed, Some(&before));
    assert!(!Arc::ptr_eq(&before.services[0], &after.services[0]), "its pool changed");
    assert!(Arc::ptr_eq(&before.services[1], &after.services[1]));
    assert!(Arc::ptr_eq(before.pool("pool-b").unwrap(), after.pool("pool-b").unwrap()));
    // A configuration that was decoded anew has the same content at other places.
    let decoded = two_services();
    let (again, _) = Table::compile(&decoded, Some(&before));
    assert!(Arc::ptr_eq(&before.services[0], &again.services[0]));
}

#[test]
fn servers_keep_counts_and_health_when_their_pool_changes() {
    let config = two_services();
    let (before, _) = Table::compile(&config, None);
    let state = &before.pool("pool-a").unwrap().servers[0].state;
    let lease = state.lease();
    state.set_verdict(Verdict::Up);
    let mut changed = config.clone();
    Arc::make_mut(&mut changed.pools[0]).servers.insert(0, http_server("192.0.2.77:80".parse().unwrap(), 3));
    let (after, _) = Table::compile(&changed, Some(&before));
    let servers = &after.pool("pool-a").unwrap().servers;
    assert_eq!((servers[1].state.active(), servers[1].state.verdict()), (1, Verdict::Up));
    assert_eq!((servers[0].state.active(), servers[0].state.verdict()), (0, Verdict::Unknown));
    drop(lease);
    assert_eq!(servers[1].state.active(), 0);
}

#[test]
fn a_pool_goes_on_in_its_round_unless_servers_or_ratios_change() {
    let config = two_services();
    let (before, _) = Table::compile(&config, None);
    let first = before.pool("pool-a").unwrap().choose(0, &[]).unwrap().address;
    let mut changed = config.clone();
    Arc::make_mut(&mut changed.pools[0]).name = "renamed".into();
    let (after, _) = Table::compile(&changed, Some(&before));
    assert_ne!(after.pool("pool-a").unwrap().choose(0, &[]).unwrap().address, first);
}

#[test]
fn an_address_stays_with_the_first_of_two_that_want_it() {
    let mut config = two_services();
    let taken = config.services[0].addresses.clone();
    Arc::make_mut(&mut config.services[1]).addresses = taken;
    let (table, problems) = Table::compile(&config, None);
    assert_eq!(table.listeners.len(), 1);
    assert!(problems[0].text.contains("192.0.2.1:80 belongs to virtual service a"), "{problems:?}");
}
