//! Story 7.3 with election: the leader's site is cut off, and another one leads.

use serde_json::json;

use super::transcript::Transcript;
use super::{ELECTION, NEW, TTL, without_the_leader};
use crate::clusters::{INGRESSES, S1AZ1, ingress};
use crate::demo::HELLO;
use crate::world::World;
use crate::world::seen::Seen;
use crate::world::sites::{DNS_LEADER, DNS_SITE1, DNS_SITE2, SITES, Site};

#[test]
fn with_election_a_follower_leads_and_what_is_new_appears_without_a_hand() {
    let Some(world) = World::start_sites() else { return };
    world.split_evenly(TTL);
    world.use_fast_monitor();
    let gslb = world.held("gslb")["Default"]["uuid"].as_str().unwrap().to_owned();
    world.tune("gslb", &gslb, &json!({"leader_election": true}));
    world.wait("the leader to be elected", || leads(&world, &SITES[0]));
    let mut clients = world.client_watch(HELLO, &[DNS_LEADER, DNS_SITE1, DNS_SITE2]);
    clients.tell_and_wait("cut");
    world.cut("leader");
    world.wait("a follower to lead", || SITES[1..].iter().any(|site| leads(&world, site)));
    clients.tell_and_wait("leads");
    let leader = SITES[1..].iter().find(|site| leads(&world, site)).unwrap();

    world.make("s1az1", INGRESSES, &ingress("hackazon", &[(NEW, S1AZ1, &["/"])]));
    clients.tell_and_wait("made");
    for server in [DNS_SITE1, DNS_SITE2] {
        world.wait(&format!("{server} to know the new name"), || world.status_at(server, NEW) == "NOERROR");
    }
    clients.tell_and_wait("new");
    world.wait("clients to know the new name", || world.resolves(NEW));
    world.wait_for_pages(HELLO);
    clients.tell_and_wait("pages");

    clients.tell_and_wait("join");
    world.join("leader");
    world.wait("g-dns to know the new name", || world.status_at(DNS_LEADER, NEW) == "NOERROR");
    clients.tell_and_wait("back");
    assert!(!leads(&world, &SITES[0]) && leads(&world, leader), "the old leader follows");
    world.wait_for_answers_at(DNS_LEADER, &[0, 1, 2]);
    clients.tell_and_wait("end");
    let seen = Seen::of(clients.finish());

    let mut transcript = Transcript::new(
        ELECTION,
        "The same with `leader_election` of the Gslb. Nobody does anything by hand but create the Ingress.",
    );
    let events = [
        ("leads", "the controller of another site leads"),
        ("made", "Ingress hackazon is created in cluster s1az1"),
        ("new", "hackazon.avi.iberia.local is answered by g-dns-site1 and g-dns-site2"),
        ("pages", "pages have come fifty times in a row"),
        ("join", "the link is up again"),
        ("back", "g-dns answers hackazon.avi.iberia.local, and its controller follows"),
    ];
    without_the_leader(&mut transcript, &seen, &events);
    transcript.finish(
        "A majority of the active sites elects; the one that is alone stops to lead before another one begins. AMKO finds the \
         new leader among the sites that it has seen in the Gslb.",
    );
}

/// Whether a site leads, as it sees that itself.
fn leads(world: &World, site: &Site) -> bool {
    world.ask_at(site.controller, || world.sight(site.name, "role") == "GSLB_LEADER")
}
