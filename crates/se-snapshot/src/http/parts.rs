//! Parts that several virtual services may share: application profiles, policy sets, certificates.

use std::sync::Arc;

use model::http::Certificate;

use super::{certificate, policy_set, profile, profile::Profile};
use crate::{
    Problem, World,
    reading::{Made, Reading, Results},
};

const PROFILE: &str = "applicationprofile";
const POLICY_SET: &str = "httppolicyset";
const CERTIFICATE: &str = "sslkeyandcertificate";

/// Each is made once, whoever uses it.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    profiles: Results<Option<Profile>>,
    policy_sets: Results<Option<policy_set::Translated>>,
    certificates: Results<Option<Arc<Certificate>>>,
}

impl Parts {
    pub(super) fn begin(&mut self) {
        self.profiles.begin();
        self.policy_sets.begin();
        self.certificates.begin();
    }

    pub(super) fn end(&mut self) {
        self.profiles.end();
        self.policy_sets.end();
        self.certificates.end();
    }

    /// Takes the parts of a result over; where it was made anew they are there already.
    pub(super) fn keep_those_of<T>(&mut self, made: &Made<T>) {
        for (kind, uuid) in made.parts() {
            match kind {
                PROFILE => self.profiles.keep(uuid),
                POLICY_SET => self.policy_sets.keep(uuid),
                _ => self.certificates.keep(uuid),
            }
        }
    }

    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.profiles.problems().chain(self.policy_sets.problems()).chain(self.certificates.problems())
    }

    /// An application profile; `None` where there is none of that uuid.
    pub(super) fn profile<'a>(
        &mut self,
        uuid: &str,
        world: &World<'a>,
        reading: &mut Reading<'_, 'a>,
    ) -> Option<Profile> {
        let made = self.profiles.get(uuid, world, |reading| profile::read(uuid, reading));
        reading.rely_on(PROFILE, uuid, made);
        made.value.clone()
    }

    /// A policy set; `None` where there is none of that uuid.
    pub(super) fn policy_set<'a>(
        &mut self,
        uuid: &str,
        world: &World<'a>,
        reading: &mut Reading<'_, 'a>,
    ) -> Option<policy_set::Translated> {
        let made = self.policy_sets.get(uuid, world, |reading| policy_set::read(uuid, reading));
        reading.rely_on(POLICY_SET, uuid, made);
        made.value.clone()
    }

    /// A certificate; `None` where it cannot be shown to clients.
    pub(super) fn certificate<'a>(
        &mut self,
        uuid: &str,
        world: &World<'a>,
        reading: &mut Reading<'_, 'a>,
    ) -> Option<Arc<Certificate>> {
        let made = self.certificates.get(uuid, world, |reading| certificate::read(uuid, reading));
        reading.rely_on(CERTIFICATE, uuid, made);
        made.value.clone()
    }
}
