//! Story 7.4: the site of a member is cut off.

use super::transcript::Transcript;
use super::{MEMBER, MEMBER_FAST, S2, SLACK, TTL};
use crate::demo::HELLO;
use crate::world::World;
use crate::world::seen::Seen;
use crate::world::sites::{DNS_LEADER, DNS_SITE1, DNS_SITE2};

/// Seconds after which a resolver that is asked all the time asks a name server no more that does not answer.
const RESOLVER_LEARNS: f64 = 10.0;
/// Questions to the resolver while a site is away.
const QUERIES: u32 = 100;

#[test]
fn a_site_that_is_cut_off_leaves_the_answers_and_comes_back_by_itself() {
    let Some(world) = World::start_sites() else { return };
    world.split_evenly(TTL);
    // The operator's own monitor: every 10 s, 4 s for an answer, 3 failures.
    blackout(
        &world,
        MEMBER,
        "The link of Site2 goes down. The monitors are those that AMKO makes: every 10 s, 4 s for an answer, 3 failures, \
         and 3 successes to come back.",
        3.0 * 10.0 + 4.0,
        "A monitor that has just passed is asked again after 10 s, three times in vain, the last time for 4 s: at most \
         34 s. A resolver may keep the answer for its TTL of 2 s beyond.",
    );
    world.use_fast_monitor();
    blackout(
        &world,
        MEMBER_FAST,
        "The same with a monitor of one's own, named in `healthMonitorRefs` of the policy: `send_interval_ms` 200, which \
         is also its time for an answer, 3 failures.",
        3.0 * 0.2 + 0.2,
        "At most 0.8 s, and some milliseconds until the answer. A resolver may keep it for its TTL of 2 s beyond, and needs \
         some seconds to give up the name server of the site.",
    );
}

/// Cuts Site2 off until the others' answers are without its member, and joins it again; `within` so many seconds.
fn blackout(world: &World, title: &'static str, about: &'static str, within: f64, remark: &str) {
    let mut clients = world.client_watch(HELLO, &[DNS_LEADER, DNS_SITE1, DNS_SITE2]);
    clients.tell_and_wait("cut");
    world.cut("site2");
    for server in [DNS_LEADER, DNS_SITE1] {
        world.wait_for_answers_at(server, &[0, 1]);
    }
    // What the resolver has kept of the member goes with its time to live; after that no page fails.
    world.wait("the resolver to forget the member", || world.resolve(HELLO).trim() != S2);
    clients.tell_and_wait("without");
    for _ in 0..QUERIES {
        assert_ne!(world.resolve(HELLO).trim(), S2);
    }
    clients.tell_and_wait("join");
    world.join("site2");
    for server in [DNS_LEADER, DNS_SITE1, DNS_SITE2] {
        world.wait_for_answers_at(server, &[0, 1, 2]);
    }
    clients.tell_and_wait("end");
    let seen = Seen::of(clients.finish());

    let mut transcript = Transcript::new(title, about);
    transcript.at(0.0, "the link of Site2 goes down");
    let servers = [("g-dns", DNS_LEADER), ("g-dns-site1", DNS_SITE1)];
    for (name, server) in servers {
        let left = seen.last_answer(server, S2, "cut", "join");
        assert!(left <= within + SLACK, "{name} answered with {S2} for {left} s");
        assert_eq!(seen.unanswered(server, "cut", "end"), 0, "{name} did not answer");
        transcript.at(left, format!("{name} answers with {S2} for the last time"));
    }
    let (pages, without) = (seen.pages("cut", "end"), seen.pages("without", "join"));
    let (asked, failed, last) = (pages.asked, pages.failed, pages.last_failure);
    transcript.at(last, format!("the last of {failed} pages that do not come, of {asked} in all"));
    // The resolver has a dead name server, too: until it has found that out, a page may run out of time over the name.
    let learnt = seen.between("cut", "without") > RESOLVER_LEARNS;
    assert!(!learnt || without.asked > 0 && without.failed == 0, "{} of {}", without.failed, without.asked);
    // Whoever asks anew when the answer may not be kept any longer gets a page.
    assert!(last <= within + f64::from(TTL) + SLACK, "pages failed until {last} s after the cut");
    let joined = seen.between("cut", "join");
    transcript.at(joined, "the link is up again");
    for (name, server) in servers {
        let back = seen.first_answer(server, S2, "join", "end");
        transcript.at(joined + back, format!("{name} answers with {S2} again"));
    }
    transcript.finish(remark);
}
