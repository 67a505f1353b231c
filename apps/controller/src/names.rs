//! Keeps track of what the names of members resolve to, for snapshots (avi-api 2.23, 5.6 step 6).
//!
//! A name is asked for again when the answer's time is over. What a name resolved to stays while no name server answers,
//! and over a restart; it goes when one says that it is no more.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use controller_api::{Clock, LiveProjection};
use dns_client::{Family, Found, LookupError, SERVERS_MAX};
use se_snapshot::{AskedName, Names, Resolved};
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};

/// Names that are kept track of; more fail.
const NAMES_MAX: usize = 1_000;
/// Questions that are under way at once.
const AT_ONCE: usize = 16;
/// Shortest and longest time until a name is asked for again, whatever its records say.
const AGAIN_MIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(3_600);
/// Pause after a question that found nothing.
const RETRY: Duration = Duration::from_secs(5);
/// The name servers of the machine, where the system configuration names none.
const RESOLV_CONF: &str = "/etc/resolv.conf";
const DNS_PORT: u16 = 53;

/// Resolves what is asked.
pub(crate) struct NameTracker {
    pub(crate) live: Arc<LiveProjection>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) asked: watch::Receiver<Arc<BTreeSet<AskedName>>>,
    pub(crate) names: watch::Sender<Arc<Names>>,
    /// What was found is kept here.
    pub(crate) file: PathBuf,
}

struct Tracked {
    /// When to ask again.
    due: Duration,
    is_under_way: bool,
    /// Whether a person was told that nobody answers.
    is_told: bool,
}

impl NameTracker {
    /// What was found before the last end of the program.
    pub(crate) fn remembered(file: &std::path::Path) -> Names {
        let kept = std::fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let kept: BTreeMap<String, Vec<IpAddr>> = kept.unwrap_or_default();
        let each = kept.into_iter().filter_map(|(name, ips)| Some((model::DomainName::parse(&name).ok()?, ips)));
        each.flat_map(|(name, ips)| {
            ips.into_iter().map(move |ip| (AskedName { name: name.clone(), v6: ip.is_ipv6() }, Resolved::To(ip)))
        })
        .collect()
    }

    /// Resolves until who asks is gone.
    pub(crate) async fn run(mut self) {
        let (mut tracked, mut under_way) = (BTreeMap::<AskedName, Tracked>::new(), JoinSet::new());
        loop {
            let asked = Arc::clone(&self.asked.borrow_and_update());
            self.take_over(&asked, &mut tracked);
            let now = self.clock.monotonic();
            let due: Vec<AskedName> = tracked
                .iter()
                .filter(|(_, it)| !it.is_under_way && it.due <= now)
                .map(|(asked, _)| asked.clone())
                .take(AT_ONCE.saturating_sub(under_way.len()))
                .collect();
            if !due.is_empty() {
                let servers = self.servers().await;
                for asked in due {
                    let servers = servers.clone();
                    tracked.entry(asked.clone()).and_modify(|it| it.is_under_way = true);
                    under_way.spawn(async move {
                        let family = if asked.v6 { Family::V6 } else { Family::V4 };
                        let found = dns_client::look_up(&servers, &asked.name, family).await;
                        (asked, found)
                    });
                }
            }
            // With all hands full, the next answer comes before the next question.
            let next = tracked.values().filter(|it| !it.is_under_way).map(|it| it.due).min();
            let next = next.filter(|_| under_way.len() < AT_ONCE).unwrap_or(now + AGAIN_MAX);
            tokio::select! {
                changed = self.asked.changed() => if changed.is_err() { return },
                Some(done) = under_way.join_next() => {
                    let Ok((asked, found)) = done else { continue };
                    if let Some(it) = tracked.get_mut(&asked) {
                        self.note(asked, found, it);
                    }
                }
                () = tokio::time::sleep(next.saturating_sub(self.clock.monotonic())) => {}
            }
        }
    }

    /// Nothing is kept of names that nobody asks for any longer.
    fn take_over(&self, asked: &BTreeSet<AskedName>, tracked: &mut BTreeMap<AskedName, Tracked>) {
        tracked.retain(|known, _| asked.contains(known));
        let mut too_many = Vec::new();
        for asked in asked {
            if tracked.len() < NAMES_MAX || tracked.contains_key(asked) {
                let fresh = || Tracked { due: Duration::ZERO, is_under_way: false, is_told: false };
                tracked.entry(asked.clone()).or_insert_with(fresh);
            } else {
                too_many.push(asked.clone());
            }
        }
        self.change(|names| {
            names.retain(|known, _| asked.contains(known));
            for asked in too_many {
                let words = format!("there are more than {NAMES_MAX} names of members, and no more are asked for");
                names.insert(asked, Resolved::Failed(words));
            }
        });
    }

    fn note(&self, asked: AskedName, found: Result<Found, LookupError>, tracked: &mut Tracked) {
        tracked.is_under_way = false;
        let before = self.names.borrow().get(&asked).cloned();
        let (resolved, pause) = match found {
            Ok(found) => {
                tracked.is_told = false;
                // Of several, the one that is probed already.
                let kept = found.addresses.iter().find(|ip| before == Some(Resolved::To(**ip)));
                let Some(ip) = kept.or_else(|| found.addresses.first()) else { return };
                (Resolved::To(*ip), found.ttl.clamp(AGAIN_MIN, AGAIN_MAX))
            }
            Err(error) => {
                let stays = before.clone().filter(|it| matches!(it, Resolved::To(_)) && !error.is_definite());
                if stays.is_some() && !std::mem::replace(&mut tracked.is_told, true) {
                    tracing::warn!(name = %asked.name, reason = %error, "the name of a member cannot be asked for; its last address stays");
                }
                (stays.unwrap_or_else(|| Resolved::Failed(error.to_string())), RETRY)
            }
        };
        tracked.due = self.clock.monotonic().saturating_add(pause);
        if before.as_ref() != Some(&resolved) {
            tracing::debug!(name = %asked.name, ?resolved, "the name of a member resolves to something else");
            self.change(|names| drop(names.insert(asked, resolved)));
        }
    }

    fn change(&self, change: impl FnOnce(&mut Names)) {
        let mut names = Names::clone(&self.names.borrow());
        change(&mut names);
        if names == **self.names.borrow() {
            return;
        }
        let mut kept: BTreeMap<&str, Vec<IpAddr>> = BTreeMap::new();
        for (asked, resolved) in &names {
            if let Resolved::To(ip) = resolved {
                kept.entry(asked.name.as_str()).or_default().push(*ip);
            }
        }
        let text = serde_json::to_vec_pretty(&kept).unwrap_or_default();
        if let Err(error) = crate::data_dir::write_private(&self.file, &text) {
            tracing::warn!(reason = %error, "what names resolve to cannot be kept for the next start");
        }
        self.names.send_replace(Arc::new(names));
    }

    /// The name servers that the system configuration names (avi-api 2.21), else those of the machine.
    async fn servers(&self) -> Vec<SocketAddr> {
        let configured: Vec<SocketAddr> = self.live.read(|state| {
            let system = state.projection.single("systemconfiguration");
            let list = system.and_then(|it| it.body.get("dns_configuration")?.get("server_list")?.as_array());
            let address = |server: &Value| server.get("addr")?.as_str()?.parse::<IpAddr>().ok();
            let addresses = list.into_iter().flatten().filter_map(address).take(SERVERS_MAX);
            addresses.map(|ip| (ip, DNS_PORT).into()).collect()
        });
        if !configured.is_empty() {
            return configured;
        }
        dns_client::servers_of(&tokio::fs::read_to_string(RESOLV_CONF).await.unwrap_or_default())
    }
}
