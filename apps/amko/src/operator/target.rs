//! Which controller is used: the configured one, or the one that leads in its place.
//!
//! ```text
//!                 it is a follower: go to the leader's site
//!   configured <──────────────────────────────────────────────> another site
//!       │         the configured one leads again: go back            │
//!       └──────> not reachable: ask the next one, and so on <────────┘
//! ```
//!
//! The original stops at a follower until a person edits the `GSLBConfig` (amko 7.6, 12 line 1). The sites come from the
//! Gslb object, which only an administrator of the controller writes, so that credentials go where that one says; the
//! certificate is checked as that of the configured controller is.

use std::collections::BTreeSet;

use avi_client::Config;
use serde_json::{Value, json};

use crate::leadership::Leadership;

/// Where the operator reads and writes.
pub(super) struct Target {
    configured: Config,
    /// UUID of the configured controller, once it told.
    configured_uuid: Option<String>,
    /// Whether to go where the leader is.
    follows: bool,
    /// Where it is used, unless at the configured address.
    elsewhere: Option<Place>,
    /// The sites, as the last one that answered told.
    known: Option<Leadership>,
    /// Troubles that were told since the controller could last be used.
    told: BTreeSet<(String, &'static str)>,
    /// The next address to try where one cannot be reached.
    turn: usize,
}

/// An address of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Name of the site.
    pub(super) site: String,
    /// Base address, with the scheme of the configured one.
    pub(super) url: String,
}

impl Target {
    pub(super) fn new(configured: Config) -> Self {
        Self {
            configured,
            configured_uuid: None,
            follows: true,
            elsewhere: None,
            known: None,
            told: BTreeSet::new(),
            turn: 0,
        }
    }

    /// How the controller in use is reached.
    pub(super) fn config(&self) -> Config {
        let mut config = self.configured.clone();
        if let Some(place) = &self.elsewhere {
            config.base_url.clone_from(&place.url);
        }
        config
    }

    /// Address in use.
    pub(super) fn url(&self) -> &str {
        self.elsewhere.as_ref().map_or(&self.configured.base_url, |place| &place.url)
    }

    /// Where it is used, unless at the configured address.
    pub(super) fn elsewhere(&self) -> Option<&Place> {
        self.elsewhere.as_ref()
    }

    /// Whether other addresses are known.
    pub(super) fn has_alternatives(&self) -> bool {
        self.ring().len() > 1
    }

    /// Takes another configuration; says whether the address or the credentials in use change by that.
    pub(super) fn configure(&mut self, configured: Config) -> bool {
        if configured == self.configured {
            return false;
        }
        if configured.base_url != self.configured.base_url {
            self.elsewhere = None;
            self.configured_uuid = None;
            self.known = None;
            self.turn = 0;
        }
        self.configured = configured;
        self.told.clear();
        true
    }

    /// Sets whether to follow the leader; says whether the address in use changes by that.
    pub(super) fn set_follows(&mut self, follows: bool) -> bool {
        self.follows = follows;
        !follows && self.elsewhere.take().is_some()
    }

    /// The controller in use can be used.
    pub(super) fn is_usable(&mut self, leadership: &Leadership) {
        self.learn(leadership);
        self.told.clear();
        self.turn = 0;
    }

    /// The controller in use follows another; says whether there is another address to go to.
    pub(super) fn is_follower(&mut self, leadership: &Leadership) -> bool {
        self.learn(leadership);
        if !self.follows {
            return false;
        }
        if self.configured_uuid.as_ref() == Some(&leadership.leader) {
            return self.elsewhere.take().is_some();
        }
        let Some(site) = leadership.leader_site() else { return false };
        // Another of its addresses, where the one before did not answer.
        let Some(address) = site.addresses.get(self.turn % site.addresses.len().max(1)) else { return false };
        let place = Place { site: site.name.clone(), url: self.with_scheme(address) };
        if place.url == self.url() {
            return false; // the site that we are at says that it leads and that it does not
        }
        self.elsewhere = (place.url != self.configured.base_url).then_some(place);
        true
    }

    /// The controller in use does not answer; says whether there is another to ask.
    pub(super) fn is_unreachable(&mut self) -> bool {
        let ring = self.ring();
        if ring.len() < 2 {
            return false;
        }
        self.turn += 1;
        let at = ring.iter().position(|place| place.as_ref() == self.elsewhere.as_ref());
        let next = at.map_or(0, |at| (at + 1) % ring.len());
        self.elsewhere = ring.into_iter().nth(next).flatten();
        true
    }

    /// Whether a kind of trouble was not told yet of the address in use.
    pub(super) fn is_news(&mut self, kind: &'static str) -> bool {
        self.told.insert((self.url().to_owned(), kind))
    }

    /// UUID of the site in use; `None` while it is not known.
    pub(super) fn in_use(&self) -> Option<&str> {
        match &self.elsewhere {
            None => self.configured_uuid.as_deref(),
            Some(place) => {
                let mut sites = self.known.iter().flat_map(|known| &known.sites);
                sites.find(|site| site.name == place.site).map(|site| site.uuid.as_str())
            }
        }
    }

    /// How each site is reached that is not in use, at each of its addresses.
    pub(super) fn others(&self) -> Vec<Vec<Config>> {
        let in_use = self.in_use();
        let sites = self.known.iter().filter(|_| self.follows).flat_map(|known| &known.sites);
        let at = |url: String| Config { base_url: url, ..self.configured.clone() };
        let others = sites.filter(|site| Some(site.uuid.as_str()) != in_use).map(|site| {
            let is_configured = self.configured_uuid.as_ref() == Some(&site.uuid);
            let configured = is_configured.then(|| self.configured.clone());
            let addresses = site.addresses.iter().map(|address| at(self.with_scheme(address)));
            configured.into_iter().chain(addresses).collect()
        });
        others.collect()
    }

    /// The controller in use is silent, and the others say this of the Gslb object. Says whether there is another
    /// address to go to: where most of all sites name the same leader, and not the one in use.
    pub(super) fn is_outvoted(&mut self, answers: &[Value]) -> bool {
        let (Some(in_use), Some(known)) = (self.in_use(), &self.known) else { return false };
        let own = json!({ "uuid": in_use });
        let said: Vec<Leadership> = answers
            .iter()
            .filter_map(|gslb| Leadership::from_bodies(&own, gslb).ok())
            .filter(|it| !it.leads())
            .collect();
        let votes = |leader: &str| said.iter().filter(|it| it.leader == leader).count();
        let elected = said.iter().find(|it| votes(&it.leader) * 2 > known.sites.len());
        elected.cloned().is_some_and(|leadership| self.is_follower(&leadership))
    }

    fn learn(&mut self, leadership: &Leadership) {
        if self.elsewhere.is_none() {
            self.configured_uuid = Some(leadership.own.clone());
        }
        self.known = Some(leadership.clone());
    }

    /// All addresses that may be tried: the configured one (`None`), then those of the sites, each once.
    fn ring(&self) -> Vec<Option<Place>> {
        let mut ring = vec![None];
        let sites = self.known.iter().filter(|_| self.follows).flat_map(|known| &known.sites);
        for site in sites.filter(|site| self.configured_uuid.as_ref() != Some(&site.uuid)) {
            for address in &site.addresses {
                let place = Some(Place { site: site.name.clone(), url: self.with_scheme(address) });
                if !ring.contains(&place) {
                    ring.push(place);
                }
            }
        }
        if self.elsewhere.is_some() && !ring.contains(&self.elsewhere) {
            ring.push(self.elsewhere.clone());
        }
        ring
    }

    fn with_scheme(&self, address: &str) -> String {
        let scheme = self.configured.base_url.split_once("://").map_or("https", |(scheme, _)| scheme);
        format!("{scheme}://{address}")
    }
}

#[cfg(test)]
mod tests {
    use avi_client::Verification;

    use super::*;
    use crate::leadership::Site;

    fn target() -> Target {
        Target::new(Config::new("10.0.0.1:9443", "admin", "secret", Verification::Insecure))
    }

    fn says(own: u8, leader: u8) -> Leadership {
        let site = |number: u8| Site {
            name: format!("site-{number}"),
            uuid: format!("cluster-{number}"),
            addresses: vec![format!("10.0.0.{number}:9443")],
        };
        let uuid = |number| format!("cluster-{number}");
        Leadership { own: uuid(own), leader: uuid(leader), sites: vec![site(1), site(2), site(3)] }
    }

    #[test]
    fn a_follower_leads_to_the_leader_and_back() {
        let mut target = target();
        assert!(target.is_follower(&says(1, 2)));
        assert_eq!((target.url(), target.elsewhere().unwrap().site.as_str()), ("https://10.0.0.2:9443", "site-2"));
        target.is_usable(&says(2, 2));
        assert!(target.is_follower(&says(2, 3)));
        assert_eq!(target.url(), "https://10.0.0.3:9443");
        assert!(target.is_follower(&says(3, 1)));
        assert_eq!((target.url(), target.elsewhere()), ("10.0.0.1:9443", None));
    }

    #[test]
    fn who_is_told_not_to_follow_stays() {
        let mut target = target();
        assert!(!target.set_follows(false));
        assert!(!target.is_follower(&says(1, 2)));
        assert!(!target.is_unreachable());
        target.set_follows(true);
        assert!(target.is_follower(&says(1, 2)));
        assert!(target.set_follows(false), "it goes back to the configured one");
        assert_eq!(target.elsewhere(), None);
    }

    #[test]
    fn unreachable_ones_are_tried_in_turn() {
        let mut target = target();
        assert!(!target.is_unreachable(), "no other is known");
        target.is_usable(&says(1, 1));
        let mut tried = Vec::new();
        for _ in 0..4 {
            assert!(target.is_unreachable());
            tried.push(target.url().to_owned());
        }
        let expected = ["https://10.0.0.2:9443", "https://10.0.0.3:9443", "10.0.0.1:9443", "https://10.0.0.2:9443"];
        assert_eq!(tried, expected);
    }

    #[test]
    fn a_silent_one_is_left_when_most_sites_name_the_same_other_leader() {
        let gslb = |leader: u8| {
            let site = |number: u8| {
                json!({"name": format!("site-{number}"), "cluster_uuid": format!("cluster-{number}"), "port": 9443,
                       "ip_addresses": [{"addr": format!("10.0.0.{number}")}]})
            };
            let sites = [site(1), site(2), site(3)];
            json!({"results": [{"leader_cluster_uuid": format!("cluster-{leader}"), "sites": sites}]})
        };
        let urls = |target: &Target| -> Vec<Vec<String>> {
            let others = target.others().into_iter();
            others.map(|site| site.into_iter().map(|config| config.base_url).collect()).collect()
        };
        let mut target = target();
        assert!(!target.is_outvoted(&[gslb(2), gslb(2)]), "nothing is known yet");
        target.is_usable(&says(1, 1));
        assert_eq!(urls(&target), [["https://10.0.0.2:9443"], ["https://10.0.0.3:9443"]]);
        assert!(!target.is_outvoted(&[gslb(2)]), "one of three");
        assert!(!target.is_outvoted(&[gslb(2), gslb(3)]), "they do not agree");
        assert!(!target.is_outvoted(&[gslb(1), gslb(1)]), "slow, but it leads");
        assert!(!target.is_outvoted(&[json!({}), Value::Null]));
        assert!(target.is_outvoted(&[gslb(2), gslb(2)]));
        assert_eq!((target.url(), target.in_use()), ("https://10.0.0.2:9443", Some("cluster-2")));
        let others = urls(&target);
        assert_eq!(others[0], ["10.0.0.1:9443", "https://10.0.0.1:9443"], "as configured, and as the sites say");
        assert!(target.is_outvoted(&[gslb(1), gslb(1)]));
        assert_eq!(target.elsewhere(), None);
    }

    #[test]
    fn another_address_in_the_configuration_is_used_at_once_and_other_credentials_where_it_is() {
        let mut target = target();
        assert!(target.is_follower(&says(1, 2)));
        let mut config = target.configured.clone();
        config.password = "another".into();
        assert!(target.configure(config.clone()));
        assert_eq!(
            (target.config().base_url.as_str(), target.config().password.as_str()),
            ("https://10.0.0.2:9443", "another")
        );
        config.base_url = "10.0.0.9".into();
        assert!(target.configure(config.clone()));
        assert_eq!(target.url(), "10.0.0.9");
        assert!(!target.configure(config));
    }

    #[test]
    fn each_trouble_is_told_once_for_each_address() {
        let mut target = target();
        assert!(target.is_news("transport"));
        assert!(!target.is_news("transport"));
        assert!(target.is_follower(&says(1, 2)));
        assert!(target.is_news("transport"));
        target.is_usable(&says(2, 2));
        assert!(target.is_news("transport"));
    }
}
