//! Consistent hash, preference order, and what stands in for the algorithms that know nothing of a client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::gslb::{GslbMember, GslbPool, MemberAlgorithm};
use model::testing::{member, pool, service};
use proptest::prelude::*;

use super::*;
use crate::{Advance, Peek, Verdict, Why, verdicts};
use crate::{Rule, Surroundings};

/// Clients of which the shares of members are told: so many that chance is far below what D11 of the goals allows.
const CLIENTS: u32 = 1_000_000;

fn compiled(algorithm: MemberAlgorithm, members: Vec<GslbMember>) -> Service {
    with(|pool| pool.algorithm = algorithm, members)
}

fn with(edit: impl FnOnce(&mut GslbPool), members: Vec<GslbMember>) -> Service {
    let mut pool = pool(10, members);
    edit(&mut pool);
    Service::compile(&service("app.example.com", vec![pool]), 0, None, &Surroundings::default())
}

fn members(count: u8) -> Vec<GslbMember> {
    (1..=count).map(|last| member(&format!("192.0.2.{last}"), 1)).collect()
}

fn preferred(orders: &[u8]) -> Vec<GslbMember> {
    let all = members(u8::try_from(orders.len()).unwrap());
    all.into_iter().zip(orders).map(|(member, &preference_order)| GslbMember { preference_order, ..member }).collect()
}

fn asker(ip: impl Into<IpAddr>) -> Client {
    Client::from(ip.into())
}

fn first(service: &Service, client: &Client, health: &[bool]) -> u16 {
    decide(service, Family::V4, 1, client, health, &mut Advance).members()[0]
}

fn why(service: &Service, wanted: u8, health: &[bool]) -> Vec<Why> {
    let decision = decide(service, Family::V4, wanted, &asker([198, 51, 100, 7]), health, &mut Peek::default());
    verdicts(service, &decision, health).iter().map(|verdict: &Verdict<'_>| verdict.why).collect()
}

#[test]
fn a_client_keeps_its_member_and_takes_no_turn() {
    let service = compiled(MemberAlgorithm::ConsistentHash, members(5));
    for last in 0..=255 {
        let client = asker([198, 51, 100, last]);
        let chosen = first(&service, &client, &[true; 5]);
        assert!((0..4).all(|_| first(&service, &client, &[true; 5]) == chosen));
    }
    assert_eq!(service.pools[0].v4.cursor.turn(), 0);
}

#[test]
fn every_engine_and_every_order_of_members_gives_a_client_the_same_member() {
    let mut turned = members(7);
    turned.rotate_left(3);
    let [one, other] = [members(7), turned].map(|members| compiled(MemberAlgorithm::ConsistentHash, members));
    let ip = |service: &Service, client: &Client| {
        service.pools[0].members[usize::from(first(service, client, &[true; 7]))].ip
    };
    for last in 0..=255 {
        let client = asker([203, 0, 113, last]);
        assert_eq!(ip(&one, &client), ip(&other, &client));
    }
}

#[test]
fn clients_of_one_network_have_one_member_where_the_mask_says_so() {
    let service = with(
        |pool| {
            pool.algorithm = MemberAlgorithm::ConsistentHash;
            (pool.hash_prefix_v4, pool.hash_prefix_v6) = (Some(24), Some(56));
        },
        members(10),
    );
    let chosen = |client: IpAddr| first(&service, &asker(client), &[true; 10]);
    let v4 = chosen([198, 51, 100, 0].into());
    assert!((0..=255).all(|last| chosen([198, 51, 100, last].into()) == v4));
    let v6 = chosen("2001:db8::".parse().unwrap());
    assert!((0..=255).all(|last| chosen(Ipv6Addr::new(0x2001, 0xdb8, 0, last, 7, 0, 0, last).into()) == v6));
    let networks: std::collections::BTreeSet<u16> = (0..=255).map(|third| chosen([198, 51, third, 1].into())).collect();
    assert_eq!(networks.len(), 10, "256 networks reach all members");
}

#[test]
fn the_client_subnet_stands_for_the_client_unless_it_is_switched_off() {
    let ask = |use_client_subnet: bool, source: Ipv4Addr, subnet: Option<Network>| {
        let mut config = service("app.example.com", vec![pool(10, members(10))]);
        config.use_client_subnet = use_client_subnet;
        config.pools[0].algorithm = MemberAlgorithm::ConsistentHash;
        config.pools[0].hash_prefix_v4 = Some(20);
        let service = Service::compile(&config, 0, None, &Surroundings::default());
        let client = Client { source: source.into(), subnet };
        let decision = decide(&service, Family::V4, 1, &client, &[true; 10][..], &mut Advance);
        (decision.members()[0], decision.subnet_scope())
    };
    for third in 0..=255 {
        let resolver = Ipv4Addr::new(192, 0, 2, 53);
        let client = Ipv4Addr::new(198, 51, third, 0);
        let subnet = Some(Network::new(client.into(), 24));
        let (own, _) = ask(true, client, None);
        assert_eq!(ask(true, resolver, subnet), (own, 20));
        assert_eq!(ask(false, resolver, subnet), (ask(false, resolver, None).0, 0));
    }
    let wide = Some(Network::new([198, 51, 0, 0].into(), 16));
    assert_eq!(ask(true, [192, 0, 2, 53].into(), wide).1, 16, "no more bits than were told");
}

#[test]
fn the_lowest_preference_order_that_is_up_answers_and_ties_keep_their_order() {
    let service = compiled(MemberAlgorithm::PreferenceOrder, preferred(&[3, 1, 2, 1]));
    let chosen = |wanted, health: [bool; 4]| {
        let decision = decide(&service, Family::V4, wanted, &asker([198, 51, 100, 7]), &health[..], &mut Advance);
        decision.members().to_vec()
    };
    for _ in 0..4 {
        assert_eq!(chosen(1, [true; 4]), [1]);
    }
    assert_eq!(chosen(0, [true; 4]), [1, 3, 2, 0]);
    assert_eq!(chosen(2, [true, false, true, true]), [3, 2]);
    assert_eq!(chosen(2, [true, false, false, false]), [0]);
    assert_eq!(service.pools[0].v4.cursor.turn(), 0);
}

#[test]
fn algorithms_without_knowledge_of_the_client_answer_by_their_fallback() {
    let rule = |algorithm, fallback_algorithm| {
        let edit = |pool: &mut GslbPool| (pool.algorithm, pool.fallback_algorithm) = (algorithm, fallback_algorithm);
        with(edit, members(2)).pools[0].rule
    };
    let hash = Rule::ConsistentHash { bits_v4: 32, bits_v6: 128 };
    for algorithm in [MemberAlgorithm::Geo, MemberAlgorithm::Topology] {
        assert_eq!(rule(algorithm, None), Rule::RoundRobin);
        assert_eq!(rule(algorithm, Some(MemberAlgorithm::RoundRobin)), Rule::RoundRobin);
        assert_eq!(rule(algorithm, Some(MemberAlgorithm::ConsistentHash)), hash);
        assert_eq!(rule(algorithm, Some(MemberAlgorithm::PreferenceOrder)), Rule::PreferenceOrder);
        assert_eq!(rule(algorithm, Some(MemberAlgorithm::Geo)), Rule::RoundRobin);
    }
    assert_eq!(rule(MemberAlgorithm::RoundRobin, Some(MemberAlgorithm::ConsistentHash)), Rule::RoundRobin);
}

#[test]
fn members_passed_over_by_preference_have_their_reason() {
    let service = compiled(MemberAlgorithm::PreferenceOrder, preferred(&[1, 2, 3, 4]));
    assert_eq!(
        why(&service, 1, &[false, true, true, false]),
        [
            Why::PreferredDown { order: 1 },
            Why::Preferred { place: 0, order: 2 },
            Why::LessPreferred { order: 3 },
            Why::NotUp
        ]
    );
}

#[test]
fn members_passed_over_by_the_hash_have_their_reason() {
    let service = compiled(MemberAlgorithm::ConsistentHash, members(4));
    let all = why(&service, 4, &[true; 4]);
    let at = |place| all.iter().position(|why| *why == Why::Ranked(place)).unwrap();
    let order = [at(0), at(1), at(2), at(3)];
    let mut health = [true; 4];
    (health[order[0]], health[order[3]]) = (false, false);
    let told = why(&service, 1, &health);
    assert_eq!(order.map(|index| told[index]), [Why::RankedDown, Why::Ranked(0), Why::RanksLower, Why::NotUp]);
}

/// Member of each of many clients, whose addresses follow each other.
fn shares(service: &Service, clients: u32, start: u32, step: u32, health: &[bool]) -> Vec<u16> {
    let client = |number: u32| asker(Ipv4Addr::from_bits(start.wrapping_add(number.wrapping_mul(step))));
    (0..clients).map(|number| first(service, &client(number), health)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    #[test]
    fn of_ten_members_one_lost_moves_at_most_ten_and_a_fifth_of_a_hundred_clients_and_loads_stay_even(
        hosts in prop::collection::hash_set(any::<u32>(), 10), start in any::<u32>(),
        // Next to each other, or the first of each /24.
        step in prop::sample::select(vec![1_u32, 256]), lost in 0_usize..10,
    ) {
        let all = hosts.iter().map(|host| member(&Ipv4Addr::from_bits(*host).to_string(), 1)).collect();
        let service = compiled(MemberAlgorithm::ConsistentHash, all);
        let mut health = [true; 10];
        let before = shares(&service, CLIENTS, start, step, &health);
        health[lost] = false;
        let after = shares(&service, CLIENTS, start, step, &health);
        let moved = before.iter().zip(&after).filter(|(one, other)| one != other).count();
        prop_assert!(moved as f64 <= 0.102 * f64::from(CLIENTS), "{moved} of {CLIENTS} moved");
        for (members, chosen) in [(10, &before), (9, &after)] {
            let mut loads = [0_u32; 10];
            chosen.iter().for_each(|&member| loads[usize::from(member)] += 1);
            let most = f64::from(loads.into_iter().max().unwrap());
            let mean = f64::from(CLIENTS) / f64::from(members);
            prop_assert!(most / mean <= 1.02, "{most} of {mean}: {loads:?}");
        }
    }
}

proptest! {
    #[test]
    fn only_clients_of_a_member_that_is_lost_move_and_the_rest_keep_their_order(
        count in 1_u8..40, client in any::<u32>(), lost in any::<prop::sample::Index>(), wanted in 0_u8..25
    ) {
        let service = compiled(MemberAlgorithm::ConsistentHash, members(count));
        let mut health = vec![true; usize::from(count)];
        let answer = |health: &[bool]| {
            decide(&service, Family::V4, wanted, &asker(Ipv4Addr::from_bits(client)), health, &mut Advance).members().to_vec()
        };
        let before = answer(&health);
        prop_assert_eq!(before.len(), usize::from(count).min(if wanted == 0 { 20 } else { usize::from(wanted).min(20) }));
        let lost = lost.index(usize::from(count));
        health[lost] = false;
        let after = answer(&health);
        let kept: Vec<u16> = before.into_iter().filter(|member| usize::from(*member) != lost).collect();
        prop_assert_eq!(&after[..kept.len()], &kept[..]);
    }
}
