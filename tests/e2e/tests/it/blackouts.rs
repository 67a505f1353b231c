//! Links of sites are cut: what clients see meanwhile, and how all of it comes back by itself.
//!
//! What was measured makes up the guide `docs/guides/blackouts.md`; [`transcript`] says how.

mod election;
mod leader;
mod member;
mod operator;
mod transcript;

use self::transcript::Transcript;
use crate::world::seen::Seen;
use crate::world::sites::{DNS_SITE1, DNS_SITE2};

/// The application's address in Site2.
const S2: &str = "10.10.23.40";
/// An application that is new during a blackout.
const NEW: &str = "hackazon.avi.iberia.local";
/// Controllers that follow.
const FOLLOWERS: [&str; 2] = ["controller-site1", "controller-site2"];
/// Slack for a busy machine, in seconds.
const SLACK: f64 = 10.0;
/// Time to live of the answers, in seconds: how long a resolver may go on with what is not true any more.
const TTL: u32 = 2;

/// Sections of the guide.
const TITLES: [&str; 5] = [LEADER, ELECTION, MEMBER, MEMBER_FAST, OPERATOR];
const LEADER: &str = "The leader's site goes dark";
const ELECTION: &str = "The leader's site goes dark, with an election";
const MEMBER: &str = "Site2 goes dark";
const MEMBER_FAST: &str = "Site2 goes dark, with a fast monitor";
const OPERATOR: &str = "The cluster that runs AMKO goes dark";

/// What happened while the leader's site was cut off; both other name servers answered all the time.
#[track_caller]
fn without_the_leader(transcript: &mut Transcript, seen: &Seen, events: &[(&str, &str)]) {
    transcript.at(0.0, "the link of the leader's site goes down");
    for (mark, what) in events {
        transcript.at(seen.between("cut", mark), *what);
    }
    for server in [DNS_SITE1, DNS_SITE2] {
        assert_eq!(seen.unanswered(server, "cut", "end"), 0, "{server} did not answer");
    }
    let pages = seen.pages("cut", "end");
    transcript.at(seen.between("cut", "end"), format!("{} pages of {} did not come", pages.failed, pages.asked));
}
