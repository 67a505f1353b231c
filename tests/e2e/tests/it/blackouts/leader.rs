//! Story 7.3: the leader's site is cut off.

use super::transcript::Transcript;
use super::{FOLLOWERS, LEADER, NEW, TTL, without_the_leader};
use crate::clusters::{INGRESSES, S1AZ1, ingress};
use crate::demo::HELLO;
use crate::world::World;
use crate::world::seen::Seen;
use crate::world::sites::{DNS_LEADER, DNS_SITE1, DNS_SITE2};

#[test]
fn without_the_leader_answers_go_on_and_what_is_new_appears_when_it_is_back() {
    let Some(world) = World::start_sites() else { return };
    world.split_evenly(TTL);
    world.use_fast_monitor();
    let mut clients = world.client_watch(HELLO, &[DNS_LEADER, DNS_SITE1, DNS_SITE2]);
    let mark = world.mark("amko");
    clients.tell_and_wait("cut");
    world.cut("leader");
    // It sees nobody any more, and says so to those who still reach it.
    world.wait("the leader to see all members down", || world.status_from("leader", DNS_LEADER, HELLO) != "NOERROR");
    clients.tell_and_wait("alone");
    for controller in FOLLOWERS {
        world.ask_at(controller, || {
            world.wait(&format!("{controller} to miss the leader"), || {
                world.sight("leader", "oper_status")["state"] == "OPER_DOWN"
            });
        });
    }
    clients.tell_and_wait("missed");

    world.make("s1az1", INGRESSES, &ingress("hackazon", &[(NEW, S1AZ1, &["/"])]));
    clients.tell_and_wait("made");
    world.wait_until_said("amko", mark, &["controller cannot be used, trying on"]);
    clients.tell_and_wait("told");
    world.wait_for_pages(HELLO);
    clients.tell_and_wait("pages");
    for server in [DNS_SITE1, DNS_SITE2] {
        world.wait_for_answers_at(server, &[0, 1, 2]);
        assert_eq!(world.status_at(server, NEW), "NXDOMAIN");
    }

    clients.tell_and_wait("join");
    world.join("leader");
    for server in [DNS_LEADER, DNS_SITE1, DNS_SITE2] {
        world.wait(&format!("{server} to know the new name"), || world.status_at(server, NEW) == "NOERROR");
    }
    clients.tell_and_wait("new");
    world.wait("clients to know the new name", || world.resolve(NEW).trim() == S1AZ1);
    world.wait_for_answers_at(DNS_LEADER, &[0, 1, 2]);
    for controller in FOLLOWERS {
        world.ask_at(controller, || {
            world.wait("the leader to be seen", || world.sight("leader", "oper_status")["state"] == "OPER_UP");
        });
    }
    clients.tell_and_wait("end");
    let seen = Seen::of(clients.finish());

    let mut transcript = Transcript::new(
        LEADER,
        "The leader's controller and `g-dns` are cut off; the controllers and name servers of both other sites are not. \
         Monitors ask every second, sites ask each other every second and give up after 3 times (`send_interval`, \
         `clear_on_max_retries` of the Gslb). Meanwhile somebody creates an Ingress.",
    );
    let events = [
        ("alone", "g-dns, alone, has no member left to answer with"),
        ("missed", "both followers show the leader's site as down"),
        ("made", "Ingress hackazon is created in cluster s1az1"),
        ("told", "AMKO says that the controller cannot be used, and tries on"),
        ("pages", "pages have come fifty times in a row"),
        ("join", "the link is up again"),
        ("new", "hackazon.avi.iberia.local is answered by all three"),
    ];
    without_the_leader(&mut transcript, &seen, &events);
    transcript.finish(
        "Engines answer from what they were last told, and probe by themselves. A controller from which nothing comes any \
         more is given up after seconds; the operator tries again until all is written.",
    );
}
