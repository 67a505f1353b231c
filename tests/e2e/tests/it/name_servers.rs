//! A DNS virtual service in each site, all of them name servers of the delegated zone.

use std::collections::BTreeMap;

use crate::demo::HELLO;
use crate::world::World;
use crate::world::sites::{DNS_LEADER, DNS_SERVICES, DNS_SITE1, DNS_SITE2};

/// Names that nobody has asked for yet, so that the resolver asks somebody.
const NEW_NAMES: u32 = 40;
/// Looks at a count, 50 ms or more from one to the next, after which it is at rest.
const LOOKS_AT_REST: u32 = 30;
/// In VRF_AZ1, and then in the global VRF of Site1.
const IN_VRF: &str = "10.10.25.44";
const IN_GLOBAL_VRF: &str = "10.10.22.41";

/// Story 7.2.
#[test]
fn queries_move_on_to_the_next_name_server_when_one_is_disabled() {
    let Some(world) = World::start_sites() else { return };
    assert_eq!(
        world.delegation(),
        ["g-dns-site1.iberia.local.", "g-dns-site2.iberia.local.", "g-dns.iberia.local."],
        "what the parent zone says of the child"
    );
    let all: Vec<&str> = DNS_SERVICES.map(|(.., engine)| engine).to_vec();
    assert_eq!(who_is_asked(&world, "first"), all);

    for (number, (name, address, ..)) in DNS_SERVICES.into_iter().take(2).enumerate() {
        world.enable("virtualservice", name, false);
        world.wait(&format!("{name} to fall silent"), || world.is_silent(address));
        assert_eq!(who_is_asked(&world, name), all[number + 1..], "{name} is disabled");
        assert!(world.resolves(HELLO), "{name} is disabled");
    }
    for (name, address, ..) in DNS_SERVICES.into_iter().take(2) {
        world.enable("virtualservice", name, true);
        world.wait_for_answers_at(address, &[0, 1, 2]);
    }
}

/// Story 7.1: each site shows its own perception.
#[test]
fn an_isolated_vrf_sees_its_own_members_and_the_global_one_sees_all() {
    let Some(mut world) = World::start_sites() else { return };
    world.add_engine("engine-s1az1", "VRF_AZ1");
    let service = world.add_dns_service("g-dns-az1", IN_VRF, "VRF_AZ1");
    world.wait_for_answers_at(IN_VRF, &[0]);
    // The others have members that it lost, and it has not lost what is next to it.
    for server in [DNS_LEADER, DNS_SITE1, DNS_SITE2] {
        world.wait_for_answers_at(server, &[0, 1, 2]);
    }
    world.wait_for_answers_at(IN_VRF, &[0]);

    world.move_dns_service(&service, IN_GLOBAL_VRF, "site1");
    world.wait_for_answers_at(IN_GLOBAL_VRF, &[0, 1, 2]);
    world.wait("the address in the VRF to fall silent", || world.is_silent(IN_VRF));
}

/// Which engines answer, when the resolver has to ask for something new.
fn who_is_asked(world: &World, tag: &str) -> Vec<&'static str> {
    let counts = || -> BTreeMap<&str, u64> {
        DNS_SERVICES.into_iter().map(|(.., engine)| (engine, world.answers_counted(engine))).collect()
    };
    // Workers' counts are summed once a second: those of earlier queries come late.
    let (mut before, mut looks) = (counts(), 0);
    world.wait("counts to rest", || {
        let now = counts();
        looks = if now == before { looks + 1 } else { 0 };
        before = now;
        looks == LOOKS_AT_REST
    });
    for number in 0..NEW_NAMES {
        world.resolve(&format!("{tag}-{number}.avi.iberia.local"));
    }
    let expected: u64 = before.values().sum::<u64>() + u64::from(NEW_NAMES);
    world.wait("all answers to be counted", || counts().values().sum::<u64>() >= expected);
    let after = counts();
    DNS_SERVICES.into_iter().map(|(.., engine)| engine).filter(|engine| after[engine] > before[engine]).collect()
}
