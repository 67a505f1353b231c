//! Sessions of logged-in users: idle and absolute timeouts, a bound per user (avi-api 1.3). Time is an argument.

use std::{collections::HashMap, time::Duration};

use rand::{Rng, distr::Alphanumeric};

/// Sessions one user may hold; the least recently used one makes room. AKO and AMKO together hold about 25.
pub(crate) const SESSIONS_PER_USER_MAX: usize = 500;
/// Length of session ids and CSRF tokens.
const TOKEN_LEN: usize = 32;

/// Who is logged in under an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// Value of the session cookies.
    pub(crate) id: String,
    /// Value that `X-CSRFToken` has to repeat.
    pub(crate) csrf_token: String,
    /// Uuid of the user.
    pub(crate) user: String,
    /// Whether it was made by a request with `Authorization: Basic`.
    pub(crate) basic: bool,
    created: Duration,
    used: Duration,
}

/// How long sessions live; `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// After the last request. Avi: `controllerproperties.api_idle_timeout`.
    pub(crate) idle: Option<Duration>,
    /// After the login. Avi: `portal_configuration.api_force_timeout`.
    pub(crate) absolute: Option<Duration>,
}

/// All sessions of this controller. They end with the process: clients log in again by themselves.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_id: HashMap<String, Session>,
}

impl Sessions {
    /// Starts a session with fresh random tokens.
    pub(crate) fn start(&mut self, user: &str, basic: bool, now: Duration, dice: &mut impl Rng) -> Session {
        self.make_room(user);
        let session = Session {
            id: token(dice).to_ascii_lowercase(),
            csrf_token: token(dice),
            user: user.to_owned(),
            basic,
            created: now,
            used: now,
        };
        self.by_id.insert(session.id.clone(), session.clone());
        session
    }

    /// The first of `candidates` that is alive; the request counts as use of it. Dead ones are forgotten.
    pub(crate) fn resume(&mut self, candidates: &[&str], lifetime: Lifetime, now: Duration) -> Option<Session> {
        for id in candidates {
            let Some(session) = self.by_id.get_mut(*id) else { continue };
            if session.is_alive(lifetime, now) {
                session.used = now;
                return Some(session.clone());
            }
            self.by_id.remove(*id);
        }
        None
    }

    /// The living session that Basic authentication of `user` made before, so that scripts do not pile sessions up.
    pub(crate) fn resume_basic(&mut self, user: &str, lifetime: Lifetime, now: Duration) -> Option<Session> {
        let session = self.by_id.values_mut().find(|s| s.basic && s.user == user && s.is_alive(lifetime, now))?;
        session.used = now;
        Some(session.clone())
    }

    /// Ends a session.
    pub(crate) fn end(&mut self, id: &str) {
        self.by_id.remove(id);
    }

    /// Ends what has timed out.
    pub(crate) fn sweep(&mut self, lifetime: Lifetime, now: Duration) {
        self.by_id.retain(|_, session| session.is_alive(lifetime, now));
    }

    fn make_room(&mut self, user: &str) {
        let mut own: Vec<_> = self.by_id.values().filter(|s| s.user == user).map(|s| (s.used, s.id.clone())).collect();
        if own.len() >= SESSIONS_PER_USER_MAX {
            own.sort();
            for (_, id) in &own[..=own.len() - SESSIONS_PER_USER_MAX] {
                self.by_id.remove(id);
            }
        }
    }
}

impl Session {
    fn is_alive(&self, lifetime: Lifetime, now: Duration) -> bool {
        let within = |limit: Option<Duration>, since: Duration| limit.is_none_or(|limit| now - since.min(now) <= limit);
        within(lifetime.idle, self.used) && within(lifetime.absolute, self.created)
    }
}

/// 32 random alphanumerics, about 190 bits.
fn token(dice: &mut impl Rng) -> String {
    dice.sample_iter(Alphanumeric).take(TOKEN_LEN).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    const LIFETIME: Lifetime =
        Lifetime { idle: Some(Duration::from_secs(900)), absolute: Some(Duration::from_secs(86_400)) };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_session_ends_after_its_idle_time_and_use_prolongs_it() {
        let (mut sessions, mut dice) = (Sessions::default(), StdRng::seed_from_u64(1));
        let session = sessions.start("user-1", false, at(0), &mut dice);
        assert!(sessions.resume(&[&session.id], LIFETIME, at(900)).is_some());
        assert!(sessions.resume(&[&session.id], LIFETIME, at(1_800)).is_some());
        assert!(sessions.resume(&[&session.id], LIFETIME, at(2_701)).is_none());
        assert!(sessions.resume(&[&session.id], LIFETIME, at(2_701)).is_none(), "and stays ended");
    }

    #[test]
    fn a_session_ends_after_its_absolute_time_however_busy() {
        let (mut sessions, mut dice) = (Sessions::default(), StdRng::seed_from_u64(1));
        let session = sessions.start("user-1", false, at(0), &mut dice);
        for hour in 1..=96 {
            assert!(sessions.resume(&[&session.id], LIFETIME, at(hour * 900)).is_some());
        }
        assert!(sessions.resume(&[&session.id], LIFETIME, at(86_401)).is_none());
    }

    #[test]
    fn no_timeout_means_for_ever() {
        let (mut sessions, mut dice) = (Sessions::default(), StdRng::seed_from_u64(1));
        let session = sessions.start("user-1", false, at(0), &mut dice);
        let forever = Lifetime { idle: None, absolute: None };
        assert!(sessions.resume(&[&session.id], forever, at(1 << 40)).is_some());
    }

    #[test]
    fn one_living_id_among_stale_ones_is_enough() {
        let (mut sessions, mut dice) = (Sessions::default(), StdRng::seed_from_u64(1));
        let session = sessions.start("user-1", false, at(0), &mut dice);
        assert_eq!(sessions.resume(&["stale", &session.id], LIFETIME, at(1)).unwrap().id, session.id);
    }

    #[test]
    fn the_least_recently_used_session_of_a_user_makes_room() {
        let (mut sessions, mut dice) = (Sessions::default(), StdRng::seed_from_u64(1));
        let other = sessions.start("user-2", false, at(0), &mut dice);
        let first = sessions.start("user-1", false, at(0), &mut dice);
        let second = sessions.start("user-1", false, at(1), &mut dice);
        for _ in 2..SESSIONS_PER_USER_MAX {
            sessions.start("user-1", false, at(2), &mut dice);
        }
        assert!(sessions.resume(&[&first.id], LIFETIME, at(3)).is_some());
        sessions.start("user-1", false, at(3), &mut dice);
        assert!(sessions.resume(&[&second.id], LIFETIME, at(3)).is_none());
        assert!(sessions.resume(&[&first.id], LIFETIME, at(3)).is_some());
        assert!(sessions.resume(&[&other.id], LIFETIME, at(3)).is_some());
    }

    #[test]
    fn ids_are_lower_case_alphanumerics_of_the_stated_length() {
        let session = Sessions::default().start("user-1", false, at(0), &mut StdRng::seed_from_u64(7));
        assert_eq!((session.id.len(), session.csrf_token.len()), (32, 32));
        assert!(session.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert!(session.csrf_token.bytes().all(|b| b.is_ascii_alphanumeric()));
    }
}
