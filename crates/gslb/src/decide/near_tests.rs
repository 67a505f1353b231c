//! Distance, sites, names, public addresses, `min_members`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use geo::{Database, Format, Table};
use model::Location;
use model::gslb::{ClientGroup, GslbMember, GslbService, MemberAlgorithm, MemberLocation, PoolAlgorithm};
use model::testing::{domain, member, pool, service};

use super::*;
use crate::{Advance, Peek, PublicClients, Surroundings, verdicts};

/// Clients in Paris and in Milan; 192.0.2.0/24 is in Tokyo.
const PLACES: &str = "203.0.113.0,203.0.113.127,48.86,2.35,Paris,\n203.0.113.128,203.0.113.255,45.46,9.19,Milan,\n\
    192.0.2.0,192.0.2.255,35.68,139.65,Tokyo,\n";
const PARIS: (f64, f64) = (48.86, 2.35);
const MILAN: (f64, f64) = (45.46, 9.19);
const MADRID: (f64, f64) = (40.42, -3.70);

fn surroundings() -> Surroundings {
    let table = Table::compile(Format::Csv, PLACES.as_bytes()).unwrap();
    Surroundings { geo: Arc::new(Database::new([Arc::new(table)])), public_clients: None }
}

fn at(ip: &str, (latitude, longitude): (f64, f64)) -> GslbMember {
    GslbMember { location: MemberLocation::At(Location::new(latitude, longitude).unwrap()), ..member(ip, 1) }
}

fn near(members: Vec<GslbMember>) -> GslbService {
    let mut service = service("app.example.com", vec![pool(10, members)]);
    service.pools[0].algorithm = MemberAlgorithm::Geo;
    service
}

fn client(ip: &str) -> Client {
    Client::from(ip.parse::<IpAddr>().unwrap())
}

fn compiled(service: &GslbService) -> Service {
    Service::compile(service, 0, None, &surroundings())
}

/// Addresses of one answer.
fn answer(service: &Service, client: &Client, wanted: u8, health: &[bool]) -> Vec<String> {
    let decision = decide(service, Family::V4, wanted, client, health, &mut Advance);
    decision.chosen(service).map(|member| member.address(decision.to_public).to_string()).collect()
}

#[test]
fn the_nearest_member_that_is_up_answers() {
    let service =
        compiled(&near(vec![at("198.51.100.1", PARIS), at("198.51.100.2", MILAN), at("198.51.100.3", MADRID)]));
    let of = |ip: &str, health: [bool; 3]| answer(&service, &client(ip), 1, &health);
    assert_eq!(of("203.0.113.1", [true; 3]), ["198.51.100.1"]);
    assert_eq!(of("203.0.113.200", [true; 3]), ["198.51.100.2"]);
    assert_eq!(of("203.0.113.1", [false, true, true]), ["198.51.100.2"]);
    assert_eq!(of("203.0.113.1", [false, false, true]), ["198.51.100.3"]);
    let all = answer(&service, &client("203.0.113.1"), 0, &[true; 3]);
    assert_eq!(all, ["198.51.100.1", "198.51.100.2", "198.51.100.3"], "640 km, then 1050");
}

#[test]
fn members_at_one_place_take_turns_by_weight() {
    let heavy = GslbMember { weight: 3.try_into().unwrap(), ..at("198.51.100.1", PARIS) };
    let service = compiled(&near(vec![heavy, at("198.51.100.2", PARIS), at("198.51.100.3", MILAN)]));
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..40 {
        *seen.entry(answer(&service, &client("203.0.113.1"), 1, &[true; 3]).remove(0)).or_default() += 1;
        // Others of elsewhere take no turn from them.
        assert_eq!(answer(&service, &client("203.0.113.200"), 1, &[true; 3]), ["198.51.100.3"]);
    }
    assert_eq!(seen, BTreeMap::from([("198.51.100.1".into(), 30), ("198.51.100.2".into(), 10)]));
}

#[test]
fn places_that_are_equally_near_take_turns() {
    let (east, west) = ((48.86, 4.35), (48.86, 0.35));
    let service = compiled(&near(vec![at("198.51.100.1", east), at("198.51.100.2", west)]));
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..10 {
        *seen.entry(answer(&service, &client("203.0.113.1"), 1, &[true; 2]).remove(0)).or_default() += 1;
    }
    assert_eq!(seen.into_values().collect::<Vec<_>>(), [5, 5]);
}

#[test]
fn a_member_without_location_stands_where_its_address_is() {
    // In Tokyo, by the database.
    let service = compiled(&near(vec![member("192.0.2.1", 1), at("198.51.100.2", MILAN), member("198.51.100.3", 1)]));
    let all = answer(&service, &client("192.0.2.77"), 0, &[true; 3]);
    assert_eq!(all, ["192.0.2.1", "198.51.100.2", "198.51.100.3"], "who stands nowhere comes last");
}

#[test]
fn a_client_that_is_nowhere_is_answered_by_the_fallback() {
    let mut config = near(vec![at("198.51.100.1", PARIS), at("198.51.100.2", MILAN)]);
    let service = compiled(&config);
    let both = [0, 1].map(|_| answer(&service, &client("233.252.0.1"), 1, &[true; 2]).remove(0));
    assert_eq!(both, ["198.51.100.1", "198.51.100.2"], "round robin by default");
    config.pools[0].fallback_algorithm = Some(MemberAlgorithm::ConsistentHash);
    let decision = decide(&compiled(&config), Family::V4, 1, &client("233.252.0.1"), &[true; 2][..], &mut Advance);
    assert!(matches!(decision.outcome, Outcome::Members { by: By::Hash { .. }, .. }), "{decision:?}");
    assert_eq!(decision.client, Whereabouts::Unknown("233.252.0.1".parse().unwrap()));
    let nowhere = Service::compile(&config, 0, None, &Surroundings::default());
    let decision = decide(&nowhere, Family::V4, 1, &client("203.0.113.1"), &[true; 2][..], &mut Advance);
    assert!(matches!(decision.outcome, Outcome::Members { by: By::Hash { .. }, .. }), "no database: {decision:?}");
}

#[test]
fn the_client_subnet_decides_and_the_scope_is_that_of_the_place() {
    let mut config = near(vec![at("198.51.100.1", PARIS), at("198.51.100.2", MILAN)]);
    let subnet = Some(Network::new("203.0.113.200".parse().unwrap(), 32));
    let behind = Client { subnet, ..client("203.0.113.1") };
    let decision = |config: &GslbService, client: &Client| {
        let service = compiled(config);
        let decision = decide(&service, Family::V4, 1, client, &[true; 2][..], &mut Advance);
        (decision.members()[0], decision.subnet_scope())
    };
    assert_eq!(decision(&config, &behind), (1, 25));
    assert_eq!(decision(&config, &client("203.0.113.200")), (1, 0));
    config.use_client_subnet = false;
    assert_eq!(decision(&config, &behind), (0, 0));
}

#[test]
fn the_pool_of_the_nearest_member_answers_whatever_its_priority() {
    let mut config = service(
        "app.example.com",
        vec![
            pool(20, vec![at("198.51.100.1", PARIS), at("198.51.100.3", MADRID)]),
            pool(10, vec![at("198.51.100.2", MILAN)]),
        ],
    );
    config.pool_algorithm = PoolAlgorithm::Geo;
    let service = compiled(&config);
    assert_eq!(answer(&service, &client("203.0.113.200"), 1, &[true; 3]), ["198.51.100.2"]);
    assert_eq!(answer(&service, &client("203.0.113.200"), 1, &[true, true, false]), ["198.51.100.1"]);
    assert_eq!(answer(&service, &client("233.252.0.1"), 1, &[true; 3]), ["198.51.100.3"], "by priority, and its turn");
    config.pools[1].priority = 0.try_into().unwrap();
    assert_eq!(answer(&compiled(&config), &client("203.0.113.200"), 1, &[true; 3]), ["198.51.100.1"]);
}

#[test]
fn public_clients_are_given_public_addresses() {
    let public = GslbMember { public_ip: Some("203.0.113.77".parse().unwrap()), ..member("10.0.0.1", 1) };
    let config = service("app.example.com", vec![pool(10, vec![public, member("10.0.0.2", 1)])]);
    let group = ClientGroup {
        lists_public: false,
        ranges: vec![("10.0.0.0".parse().unwrap(), "10.255.255.255".parse().unwrap())],
    };
    let surroundings =
        Surroundings { public_clients: Some(Arc::new(PublicClients::compile(&group))), ..surroundings() };
    let service = Service::compile(&config, 0, None, &surroundings);
    assert_eq!(answer(&service, &client("10.1.2.3"), 0, &[true; 2]), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(answer(&service, &client("192.0.2.1"), 0, &[true; 2]), ["10.0.0.2", "203.0.113.77"], "its turn");
    let behind = Client { subnet: Some(Network::new("10.1.2.0".parse().unwrap(), 24)), ..client("192.0.2.1") };
    let decision = decide(&service, Family::V4, 1, &behind, &[true; 2][..], &mut Advance);
    assert_eq!((decision.to_public, decision.subnet_scope()), (false, 24));
    let without = Service::compile(&config, 0, None, &Surroundings::default());
    assert_eq!(answer(&without, &client("192.0.2.1"), 0, &[true; 2]), ["10.0.0.1", "10.0.0.2"], "no group");
}

#[test]
fn pools_of_the_next_priorities_join_until_there_are_enough_members() {
    let mut config = service(
        "app.example.com",
        vec![
            pool(30, vec![member("192.0.2.1", 2), member("192.0.2.2", 1)]),
            pool(20, vec![member("192.0.2.3", 1)]),
            pool(10, vec![member("192.0.2.4", 1)]),
        ],
    );
    config.min_members = 2;
    let service = compiled(&config);
    let asker = client("192.0.2.200");
    let counts = |health: [bool; 4], queries: usize| {
        let mut counts = BTreeMap::new();
        for _ in 0..queries {
            *counts.entry(answer(&service, &asker, 1, &health).remove(0)).or_insert(0) += 1;
        }
        counts.into_iter().map(|(ip, count)| format!("{} {count}", &ip[8..])).collect::<Vec<_>>()
    };
    assert_eq!(counts([true; 4], 30), ["1 20", "2 10"], "two are enough");
    assert_eq!(counts([true, false, true, true], 30), ["1 20", "3 10"], "the next joins, each by its weight");
    assert_eq!(counts([false, true, false, true], 30), ["2 15", "4 15"]);
    assert_eq!(counts([true, false, false, false], 3), ["1 3"], "nobody is left to join");
    let all = answer(&service, &asker, 0, &[true, false, true, true]);
    assert_eq!(all.len(), 2, "{all:?}");
    let decision = decide(&service, Family::V4, 0, &asker, &[true, false, true, true][..], &mut Peek::default());
    let told: Vec<bool> =
        verdicts(&service, &decision, &[true, false, true, true][..]).iter().map(|it| it.why.is_chosen()).collect();
    assert_eq!(told, [true, false, true, false]);
}

#[test]
fn a_name_is_answered_alone_and_to_both_families() {
    let named = GslbMember { fqdn: Some(domain("cdn.example.net")), ..member("192.0.2.1", 1) };
    let service = compiled(&service(
        "app.example.com",
        vec![pool(10, vec![named, member("192.0.2.2", 1), member("192.0.2.3", 1)])],
    ));
    let members = |family, wanted| {
        let decision = decide(&service, family, wanted, &client("192.0.2.200"), &[true; 3][..], &mut Advance);
        decision.members().to_vec()
    };
    assert_eq!(members(Family::V4, 0), [0]);
    assert_eq!(members(Family::V4, 0), [1, 2]);
    assert_eq!(members(Family::V4, 0), [2, 1]);
    assert_eq!(members(Family::V6, 1), [0]);
}

#[test]
fn the_sites_that_a_policy_selects_answer_before_all_others() {
    let of = |ip: &str, site: &str| GslbMember { cluster_uuid: Some(site.into()), ..member(ip, 1) };
    let mut config = service(
        "app.example.com",
        vec![pool(20, vec![of("192.0.2.1", "one"), of("192.0.2.2", "two")]), pool(10, vec![of("192.0.2.3", "three")])],
    );
    let select = |sites: &[&str], is_preferred| SiteSelection {
        sites: sites.iter().map(|it| (*it).into()).collect(),
        is_preferred,
    };
    let ask = |service: &Service, selected: Selected<'_>, health: [bool; 3]| {
        let ask = Ask { family: Family::V4, wanted: 0, client: client("192.0.2.200"), selected };
        let decision = decide_for(service, &ask, &health[..], &mut Advance);
        let ips: Vec<String> = decision.chosen(service).map(|it| it.ip.to_string()).collect();
        (ips, decision.site, decision.outcome)
    };
    let service = compiled(&config);
    let two = select(&["two", "three"], false);
    let by_site = |health| {
        let (ips, site, outcome) = ask(&service, Selected { sites: Some(&two), topology: None }, health);
        (ips, site, outcome == Outcome::OutsideSites)
    };
    assert_eq!(by_site([true; 3]), (vec!["192.0.2.2".into()], Some(0), false));
    assert_eq!(by_site([true, false, true]), (vec!["192.0.2.3".into()], Some(1), false));
    assert_eq!(by_site([true, false, false]), (vec![], None, true));
    let preferred = select(&["two"], true);
    let (ips, site, _) = ask(&service, Selected { sites: Some(&preferred), topology: None }, [true, false, true]);
    assert_eq!((ips, site), (vec!["192.0.2.1".into()], None));

    config.pools[0].algorithm = MemberAlgorithm::Topology;
    let service = compiled(&config);
    let topology = |selection, health| ask(&service, Selected { sites: None, topology: selection }, health);
    assert_eq!(topology(Some(&preferred), [true; 3]).0, ["192.0.2.2"]);
    assert_eq!(topology(Some(&preferred), [true, false, true]).0, ["192.0.2.1"]);
    assert_eq!(topology(None, [true; 3]).0.len(), 2, "no rule: round robin");
    assert_eq!(topology(Some(&select(&["two"], false)), [true, false, true]).2, Outcome::OutsideSites);
}
