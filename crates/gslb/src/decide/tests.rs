use std::net::{IpAddr, Ipv4Addr};

use model::Weight;
use model::gslb::{GslbMember, GslbPool, GslbService, MemberAlgorithm};
use model::testing::{member, pool, service};
use proptest::prelude::*;

use super::*;
use crate::{Advance, Peek, Surroundings, Why, verdicts};

/// Who asks, where it does not matter.
const ASKER: Client = Client { source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 200)), subnet: None };

fn split() -> GslbService {
    service(
        "app.example.com",
        vec![pool(10, vec![member("192.0.2.1", 6), member("192.0.2.2", 4), member("192.0.2.3", 2)])],
    )
}

fn counts(service: &Service, health: &[bool], queries: usize) -> Vec<usize> {
    let mut counts = vec![0; health.len()];
    for _ in 0..queries {
        let decision = decide(service, Family::V4, 1, &ASKER, health, &mut Advance);
        if let Outcome::Members { pool, .. } = decision.outcome {
            let chosen = &service.pools[pool].members[usize::from(decision.members()[0])];
            counts[chosen.slot as usize] += 1;
        }
    }
    counts
}

#[test]
fn twelve_answers_are_six_four_two() {
    let service = Service::compile(&split(), 0, None, &Surroundings::default());
    assert_eq!(counts(&service, &[true; 3], 12), [6, 4, 2]);
    assert_eq!(counts(&service, &[true; 3], 1200), [600, 400, 200]);
}

#[test]
fn the_share_of_a_member_that_is_down_goes_to_the_others_by_their_ratio() {
    let service = Service::compile(&split(), 0, None, &Surroundings::default());
    assert_eq!(counts(&service, &[true, false, true], 800), [600, 0, 200]);
    assert_eq!(counts(&service, &[false, true, true], 600), [0, 400, 200]);
}

#[test]
fn four_workers_on_one_cursor_are_exact_together() {
    let service = Service::compile(&split(), 0, None, &Surroundings::default());
    let total: Vec<usize> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| counts(&service, &[true; 3], 3_000))).collect();
        workers
            .into_iter()
            .fold(vec![0; 3], |sum, worker| sum.iter().zip(worker.join().unwrap()).map(|(a, b)| a + b).collect())
    });
    assert_eq!(total, [6_000, 4_000, 2_000]);
}

#[test]
fn the_highest_usable_priority_answers() {
    let service = Service::compile(
        &service(
            "app.example.com",
            vec![pool(10, vec![member("192.0.2.1", 1)]), pool(20, vec![member("192.0.2.2", 1)])],
        ),
        0,
        None,
        &Surroundings::default(),
    );
    assert_eq!(counts(&service, &[true, true], 4), [0, 4]);
    assert_eq!(counts(&service, &[true, false], 4), [4, 0]);
}

#[test]
fn pools_of_equal_priority_take_turns() {
    let mut second = pool(10, vec![member("192.0.2.2", 1)]);
    second.name = "other".into();
    let service = Service::compile(
        &service("app.example.com", vec![pool(10, vec![member("192.0.2.1", 1)]), second]),
        0,
        None,
        &Surroundings::default(),
    );
    assert_eq!(counts(&service, &[true, true], 10), [5, 5]);
}

#[test]
fn priority_zero_and_disabled_pools_never_answer() {
    let mut off = pool(30, vec![member("192.0.2.2", 1)]);
    off.enabled = false;
    let service = Service::compile(
        &service("app.example.com", vec![pool(0, vec![member("192.0.2.1", 1)]), off]),
        0,
        None,
        &Surroundings::default(),
    );
    let decision = decide(&service, Family::V4, 1, &ASKER, &[true, true][..], &mut Advance);
    assert_eq!(decision.outcome, Outcome::Down);
    let why: Vec<_> = verdicts(&service, &decision, &[true, true][..]).iter().map(|v| v.why).collect();
    assert_eq!(why, [Why::PoolDisabled, Why::PoolNeverChosen]);
}

#[test]
fn all_addresses_come_once_each_the_chosen_one_first() {
    let service = Service::compile(&split(), 0, None, &Surroundings::default());
    let first = decide(&service, Family::V4, 0, &ASKER, &[true; 3][..], &mut Advance);
    assert_eq!(first.members(), [0, 1, 2]);
    let second = decide(&service, Family::V4, 0, &ASKER, &[true; 3][..], &mut Advance);
    assert_eq!(second.members(), [1, 0, 2]);
    let two = decide(&service, Family::V4, 2, &ASKER, &[true, false, true][..], &mut Advance);
    assert_eq!(two.members(), [0, 2]);
}

#[test]
fn an_answer_without_addresses_takes_no_turn() {
    let service = Service::compile(&split(), 0, None, &Surroundings::default());
    decide(&service, Family::V4, 1, &ASKER, &[false; 3][..], &mut Advance);
    assert_eq!(decide(&service, Family::V6, 1, &ASKER, &[true; 3][..], &mut Advance).outcome, Outcome::OtherFamilyOnly);
    assert_eq!(service.pools[0].v4.cursor.turn(), 0);
}

#[test]
fn cursors_survive_a_swap_unless_members_or_ratios_change() {
    let first = Service::compile(&split(), 0, None, &Surroundings::default());
    counts(&first, &[true; 3], 5);
    let mut other_ttl = split();
    other_ttl.ttl = model::Ttl::try_from(2).ok();
    let second = Service::compile(&other_ttl, 7, Some(&first), &Surroundings::default());
    assert_eq!(second.pools[0].v4.cursor.turn(), 5);
    let mut other_ratio = split();
    other_ratio.pools[0].members[1].weight = Weight::try_from(3).unwrap();
    assert_eq!(Service::compile(&other_ratio, 0, Some(&second), &Surroundings::default()).pools[0].v4.cursor.turn(), 0);
}

#[test]
fn each_passed_over_member_has_its_reason() {
    let mut disabled = member("192.0.2.4", 1);
    disabled.enabled = false;
    let service = Service::compile(
        &service(
            "app.example.com",
            vec![
                pool(20, vec![member("192.0.2.1", 1), member("192.0.2.2", 1), member("192.0.2.3", 1), disabled]),
                pool(10, vec![member("192.0.2.5", 1), member("2001:db8::1", 1)]),
            ],
        ),
        0,
        None,
        &Surroundings::default(),
    );
    let health = [false, true, true, true, true, true];
    let decision = decide(&service, Family::V4, 1, &ASKER, &health[..], &mut Peek::default());
    let why: Vec<_> = verdicts(&service, &decision, &health[..]).iter().map(|v| v.why).collect();
    assert_eq!(
        why,
        [
            Why::SkippedDown,
            Why::Chosen(0),
            Why::NotItsTurn,
            Why::Disabled,
            Why::OtherPool { priority: 20 },
            Why::OtherFamily
        ]
    );
}

fn any_algorithm() -> impl Strategy<Value = MemberAlgorithm> {
    use MemberAlgorithm::{ConsistentHash, PreferenceOrder, RoundRobin};
    prop::sample::select(vec![RoundRobin, ConsistentHash, PreferenceOrder])
}

prop_compose! {
    fn any_service()(
        pools in prop::collection::vec(
            (0_u64..4, any::<bool>(), any_algorithm(), prop::collection::vec((1_u64..=20, any::<bool>(), any::<bool>()), 0..6)), 0..4)
    ) -> GslbService {
        let mut host = 0_u16;
        service("app.example.com", pools.into_iter().enumerate().map(|(index, (priority, enabled, algorithm, members))| {
            let members = members.into_iter().map(|(weight, v6, enabled)| {
                host += 1;
                let ip: IpAddr = if v6 {
                    IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, host])
                } else {
                    IpAddr::from([192, 0, 2, u8::try_from(host).unwrap()])
                };
                GslbMember { enabled, ..member(&ip.to_string(), weight) }
            }).collect();
            GslbPool { name: format!("p{index}"), enabled, algorithm, ..pool(priority, members) }
        }).collect())
    }
}

proptest! {
    #[test]
    fn only_members_that_are_up_are_chosen_and_from_one_pool(
        service in any_service(), health in prop::collection::vec(any::<bool>(), 24), wanted in 0_u8..25, turns in 0_usize..30
    ) {
        let compiled = Service::compile(&service, 0, None, &Surroundings::default());
        for _ in 0..turns {
            decide(&compiled, Family::V4, 1, &ASKER, &health[..], &mut Advance);
        }
        for family in [Family::V4, Family::V6] {
            let peeked = decide(&compiled, family, wanted, &ASKER, &health[..], &mut Peek::default());
            let decision = decide(&compiled, family, wanted, &ASKER, &health[..], &mut Advance);
            prop_assert_eq!(&peeked, &decision);
            if let Outcome::Members { pool, .. } = decision.outcome {
                let pool = &compiled.pools[pool];
                prop_assert!(pool.enabled && pool.priority.get() > 0);
                for &index in decision.members() {
                    let member = &pool.members[usize::from(index)];
                    prop_assert!(member.enabled && health.is_up(member.slot) && Family::of(member.ip) == family);
                }
                let usable = Usable { health: &health[..], site: None };
                let better = compiled.pools.iter().any(|other| other.priority > pool.priority && is_usable(other, Some(family), usable));
                prop_assert!(!better);
                let chosen = verdicts(&compiled, &decision, &health[..]).iter().filter(|v| v.why.is_chosen()).count();
                prop_assert_eq!(chosen, decision.members().len());
            }
        }
    }
}
