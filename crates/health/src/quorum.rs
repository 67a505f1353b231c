//! One state of a member from what several sites perceive: `site_quorum` of a GSLB service, a field of our own.
//!
//! | Heard, the own site among them | State |
//! |---|---|
//! | fewer than `needed` | the own perception |
//! | at least `needed` perceive it down | down |
//! | otherwise | up: at least one of them perceives it up |
//!
//! Heard is a site that has a verdict, up or down. Unknown is no verdict, and a site that is away has none, so neither takes
//! a member down. The table has no memory: sites that hear the same decide the same, also after a start.

use model::gslb::SiteQuorum;
use se_protocol::State;

use crate::{Reason, Verdict};

/// The state of a member that is perceived as `own` here, and as `elsewhere` at the other active sites. A member that is
/// switched off, or that nothing watches, is not voted on.
#[must_use]
pub fn by_quorum(own: Verdict, elsewhere: impl IntoIterator<Item = State>, quorum: SiteQuorum) -> Verdict {
    if quorum.active < 2 || matches!(own.reason, Reason::Disabled | Reason::NoMonitor) {
        return own;
    }
    let (mut down, mut heard) = (0, 0);
    for state in elsewhere.into_iter().chain([own.state]) {
        match state {
            State::Up => heard += 1,
            State::Down => (down, heard) = (down + 1, heard + 1),
            // Switched off there is no perception of the member.
            State::Unknown | State::Disabled => {}
        }
    }
    let needed = usize::from(quorum.needed.max(1));
    let Verdict { state, reason } = own;
    let here = Box::new(reason);
    if heard < needed {
        return Verdict { state, reason: Reason::Alone { here, heard, needed } };
    }
    let reason = Reason::Voted { here, perceived: state, down, heard, needed };
    Verdict { state: if down >= needed { State::Down } else { State::Up }, reason }
}

#[cfg(test)]
mod tests {
    use State::{Disabled, Down, Unknown, Up};

    use super::*;
    use crate::{Cause, FailureCode};

    const MAJORITY_OF_3: SiteQuorum = SiteQuorum { needed: 2, active: 3 };

    fn own(state: State) -> Verdict {
        let cause = Cause::Monitor { name: "m".into(), code: Some(FailureCode::ConnectionRefused) };
        let reason = match state {
            Up => Reason::Passing { passing: 1, required: 1 },
            Down => Reason::Failing { passing: 0, required: 1, cause },
            Unknown => Reason::NoVerdict,
            Disabled => Reason::Disabled,
        };
        Verdict { state, reason }
    }

    #[track_caller]
    fn check(here: State, elsewhere: &[State], needed: u16, expected: State) {
        let verdict = by_quorum(own(here), elsewhere.iter().copied(), SiteQuorum { needed, active: 3 });
        assert_eq!(verdict.state, expected, "{here:?} here, {elsewhere:?} elsewhere, {needed} needed: {verdict:?}");
    }

    #[test]
    fn a_majority_outvotes_one_site_in_both_directions() {
        check(Down, &[Up, Up], 2, Up);
        check(Up, &[Down, Down], 2, Down);
        check(Down, &[Down, Up], 2, Down);
        check(Up, &[Up, Down], 2, Up);
        check(Unknown, &[Up, Up], 2, Up);
        check(Unknown, &[Down, Down], 2, Down);
    }

    #[test]
    fn any_site_takes_it_down_and_all_have_to_agree() {
        check(Up, &[Up, Down], 1, Down);
        check(Up, &[Up, Up], 1, Up);
        check(Down, &[Down, Up], 3, Up);
        check(Down, &[Down, Down], 3, Down);
    }

    #[test]
    fn who_is_not_heard_has_no_voice_and_without_a_quorum_the_own_perception_counts() {
        check(Down, &[], 2, Down);
        check(Up, &[], 2, Up);
        check(Unknown, &[Up], 2, Unknown);
        check(Down, &[Unknown, Disabled], 2, Down);
        check(Down, &[Up], 2, Up);
        check(Up, &[Down, Unknown], 2, Up);
        check(Down, &[Down, Up, Unknown], 3, Up);
        check(Down, &[Down], 3, Down);
    }

    #[test]
    fn what_is_switched_off_is_not_voted_on() {
        check(Disabled, &[Up, Up], 2, Disabled);
        let unwatched = Verdict { state: Up, reason: Reason::NoMonitor };
        assert_eq!(by_quorum(unwatched.clone(), [Down, Down], MAJORITY_OF_3), unwatched);
        let alone = SiteQuorum { needed: 1, active: 1 };
        assert_eq!(by_quorum(own(Down), [], alone), own(Down));
    }

    #[test]
    fn the_reason_says_who_decided_and_what_is_perceived_here() {
        assert_eq!(
            by_quorum(own(Down), [Up, Up], MAJORITY_OF_3).reason.to_string(),
            "1 of 3 sites perceive it down, 2 take it down; here OPER_DOWN: 0 of 1 required monitors pass: m \
             CONNECTION_REFUSED"
        );
        assert_eq!(
            by_quorum(own(Up), [], MAJORITY_OF_3).reason.to_string(),
            "1 of 1 required monitors pass; this site alone, the quorum is of 2 and 1 heard"
        );
    }
}
