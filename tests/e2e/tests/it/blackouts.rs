//! Links of sites are cut: what clients see meanwhile, and how all of it comes back by itself.
//!
//! What was measured makes up the guide `docs/guides/blackouts.md`; [`transcript`] says how.

mod election;
mod leader;
mod member;
mod operator;
mod transcript;

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
