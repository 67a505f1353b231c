//! Story 7.5: the cluster that runs AMKO is cut off.

use super::transcript::Transcript;
use super::{NEW, OPERATOR, S2, TTL};
use crate::clusters::{INGRESSES, ingress};
use crate::demo::HELLO;
use crate::world::World;
use crate::world::seen::Seen;
use crate::world::sites::{DNS_LEADER, DNS_SITE1, DNS_SITE2};

const SERVERS: [&str; 3] = [DNS_LEADER, DNS_SITE1, DNS_SITE2];

#[test]
fn another_cluster_s_operator_takes_over_and_the_first_one_returns_as_follower() {
    let Some(mut world) = World::start_sites_without_operator() else { return };
    world.install_federation();
    world.start_federation();
    for server in SERVERS {
        world.wait_for_answers_at(server, &[0, 1, 2]);
    }
    world.split_evenly(TTL);
    world.use_fast_monitor();
    for cluster in ["s1az1", "s1az2", "s2"] {
        world.wait(&format!("{cluster} to say who leads"), || world.operator_shown(cluster) == "s1az1");
    }

    let mut clients = world.client_watch(HELLO, &SERVERS);
    clients.tell_and_wait("cut");
    world.cut("s1az1");
    for server in SERVERS {
        world.wait_for_answers_at(server, &[1, 2]);
    }
    clients.tell_and_wait("without");
    world.make("s2", INGRESSES, &ingress("hackazon", &[(NEW, S2, &["/"])]));
    clients.tell_and_wait("made");
    world.wait("another operator to lead", || ["s1az2", "s2"].contains(&world.operator_shown("s2").as_str()));
    clients.tell_and_wait("leads");
    let leader = world.operator_shown("s2");
    for server in SERVERS {
        world.wait(&format!("{server} to know the new name"), || world.status_at(server, NEW) == "NOERROR");
    }
    clients.tell_and_wait("new");

    clients.tell_and_wait("join");
    world.join("s1az1");
    for server in SERVERS {
        world.wait_for_answers_at(server, &[0, 1, 2]);
    }
    clients.tell_and_wait("back");
    world.wait("the first operator to know who leads", || world.operator_shown("s1az1") == leader);
    clients.tell_and_wait("end");
    assert_eq!(world.operator_shown("s2"), leader, "the first one stays follower");
    let seen = Seen::of(clients.finish());

    let mut transcript = Transcript::new(
        OPERATOR,
        "AMKO runs in each cluster, as a federation with `leaderElection`; the one in s1az1 leads. The link of that cluster \
         goes down, which is also where a member is. Monitors ask every second. Meanwhile somebody creates an Ingress in s2.",
    );
    transcript.at(0.0, "the link of cluster s1az1 goes down");
    let events = [
        ("without", "no name server answers with its member any more"),
        ("made", "Ingress hackazon is created in cluster s2"),
        ("leads", "AMKO of another cluster leads"),
        ("new", "hackazon.avi.iberia.local is answered by all three"),
        ("join", "the link is up again"),
        ("back", "all three answer with its member again"),
        ("end", "AMKO in s1az1 knows whom it follows"),
    ];
    for (mark, what) in events {
        transcript.at(seen.between("cut", mark), what);
    }
    for server in SERVERS {
        assert_eq!(seen.unanswered(server, "cut", "end"), 0, "{server} did not answer");
    }
    let pages = seen.pages("without", "end");
    transcript.at(seen.between("cut", "end"), format!("{} pages of {} did not come since", pages.failed, pages.asked));
    transcript.finish(
        "Who leads holds leases in a majority of the clusters. Others try when these have run out, and the one that was \
         first finds them taken when it is back.",
    );
}
