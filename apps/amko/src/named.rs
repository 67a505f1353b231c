//! The controller that a `GSLBConfig` and its Secret name, followed as they change.

use std::collections::BTreeMap;
use std::path::Path;

use amko_translate::{NAMESPACE, choose_config};
use anyhow::Context;
use avi_client::{Config, Verification, chain};
use k8s_crds::{GslbConfig, Kind as ObjectKind, Object, ObjectKey};
use k8s_watch::{Event, Source, WriteBack};
use k8s_watch_api::{ApiServer, Scope};
use tokio::sync::{mpsc, watch};

use crate::serve::LOOK_AGAIN;
use crate::spec::Controller;

/// Where the controller is and who asks, from the GSLBConfig and its Secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) url: String,
    username: String,
    password: String,
    authority: Option<Vec<u8>>,
}

/// The controller of the command line.
pub(crate) fn given(controller: &Controller, tls: Option<Verification>) -> anyhow::Result<Config> {
    let tls = tls.context("no CA certificate (--ca, MERIDIAN_AMKO_CA); or accept any with --insecure")?;
    let file: &Path = &controller.password_file;
    let password = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(Config::new(&controller.url, &controller.username, password.trim(), tls))
}

/// The controller that the `GSLBConfig` in force among these names, or why that is of no use; `None` when none is in
/// force.
pub(crate) async fn choose_named(
    leader: &ApiServer,
    configs: &[GslbConfig],
    needs_authority: bool,
) -> Option<Result<Named, String>> {
    let chosen = choose_config(configs.iter(), None).config?;
    let config = configs.iter().find(|config| config.metadata.name.as_ref() == Some(&chosen.name))?;
    Some(read_named(leader, config, needs_authority).await)
}

/// Tells which controller the GSLBConfig names, now and whenever that changes.
pub(crate) async fn follow_named(leader: ApiServer, needs_authority: bool, named: watch::Sender<Option<Named>>) {
    let mut events = leader.watch();
    let mut configs: BTreeMap<(Option<String>, Option<String>), GslbConfig> = BTreeMap::new();
    let mut told = String::new();
    let mut secret = SecretBell::default();
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => take(&mut configs, event),
                None => return,
            },
            () = secret.rung() => {}
            // The Secret may have changed, where it may be read but not watched.
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
        let Some(config) = choose_config(configs.values(), None).config else { continue };
        let key = (Some(NAMESPACE.to_owned()), Some(config.name));
        let Some(config) = configs.get(&key) else { continue };
        secret.hang(&leader, &config.spec.gslb_leader.credentials);
        match read_named(&leader, config, needs_authority).await {
            Ok(found) => {
                told.clear();
                named.send_if_modified(|before| {
                    let was = before.replace(found.clone());
                    was.as_ref() != Some(&found)
                });
            }
            Err(reason) => {
                if told != reason {
                    tracing::warn!(reason, "the controller of the GSLBConfig cannot be used, looking again");
                }
                // While an operator runs, with what was there before, the status is its own.
                let is_running = named.borrow().is_some();
                let state = Some(unusable_secret(&config.spec.gslb_leader.credentials, &reason));
                let there = config.status.as_ref().map(|status| status.state.clone());
                if !is_running && there != state {
                    let (kind, name) = (ObjectKind::GslbConfig, config.metadata.name.clone().unwrap_or_default());
                    let key = ObjectKey { kind, namespace: Some(NAMESPACE.to_owned()), name };
                    let write = WriteBack::Status(serde_json::json!({"state": state}));
                    if let Err(error) = leader.write_back(&key, write).await {
                        tracing::warn!(object = %key, reason = chain(&error), "status cannot be written back, trying on");
                    }
                }
                told = reason;
            }
        }
    }
}

/// Status of a `GSLBConfig` whose Secret is of no use (amko 2.1); the bare words where it is not there.
fn unusable_secret(name: &str, reason: &str) -> String {
    let state = format!("error: secret object doesn't exist {name}");
    if reason.ends_with("does not exist") { state } else { format!("{state}, {reason}") }
}

fn take(configs: &mut BTreeMap<(Option<String>, Option<String>), GslbConfig>, event: Event) {
    let mut put = |object| {
        if let Object::GslbConfig(config) = object {
            configs.insert((config.metadata.namespace.clone(), config.metadata.name.clone()), config);
        }
    };
    match event {
        Event::Reset(objects) => objects.into_iter().for_each(&mut put),
        Event::Apply(object) => put(*object),
        Event::Delete(key) if key.kind == ObjectKind::GslbConfig => {
            configs.retain(|(_, name), _| name.as_deref() != Some(key.name.as_str()));
        }
        Event::Delete(_) | Event::Problems(_) | Event::Served(..) => {}
    }
}

async fn read_named(leader: &ApiServer, config: &GslbConfig, needs_authority: bool) -> Result<Named, String> {
    let spec = &config.spec.gslb_leader;
    let name = &spec.credentials;
    let entries = leader.secret(NAMESPACE, name).await.map_err(|error| chain(&error))?;
    let mut entries = entries.ok_or_else(|| format!("Secret {NAMESPACE}/{name} does not exist"))?;
    let mut text = |key: &str| {
        let value = entries.remove(key).and_then(|value| String::from_utf8(value).ok());
        value.ok_or_else(|| format!("Secret {NAMESPACE}/{name} has no text in its key {key}"))
    };
    let (username, password) = (text("username")?, text("password")?);
    let authority = entries.remove("certificateAuthorityData");
    if needs_authority && authority.is_none() {
        return Err(format!(
            "Secret {NAMESPACE}/{name} has no key certificateAuthorityData; add it, or start with --ca or --insecure"
        ));
    }
    Ok(Named { url: spec.controller_ip.clone(), username, password, authority })
}

/// Rings whenever a Secret changes. It is read anew then: one way to read it is enough.
#[derive(Default)]
struct SecretBell {
    name: String,
    events: Option<mpsc::Receiver<Event>>,
}

impl SecretBell {
    /// Listens to another Secret, or again to one whose watch ended.
    fn hang(&mut self, leader: &ApiServer, name: &str) {
        if self.name != name || self.events.is_none() {
            let scope = Scope { namespace: Some(NAMESPACE.to_owned()), fields: Some(format!("metadata.name={name}")) };
            name.clone_into(&mut self.name);
            self.events = Some(leader.reading(ObjectKind::Secret, scope).watch());
        }
    }

    async fn rung(&mut self) {
        let Some(events) = &mut self.events else { return std::future::pending().await };
        if events.recv().await.is_none() {
            self.events = None;
        }
    }
}

impl Named {
    /// How it is reached.
    pub(crate) fn config(self, tls: Option<Verification>) -> Config {
        let tls = tls.unwrap_or_else(|| Verification::CaPem(self.authority.unwrap_or_default()));
        Config::new(self.url, self.username, self.password, tls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_no_use_is_told_in_the_words_of_amko() {
        let state = unusable_secret("gslb-avi-secret", "Secret avi-system/gslb-avi-secret does not exist");
        assert_eq!(state, "error: secret object doesn't exist gslb-avi-secret");
        let state = unusable_secret("s", "Secret avi-system/s has no text in its key password");
        let expected = "error: secret object doesn't exist s, Secret avi-system/s has no text in its key password";
        assert_eq!(state, expected);
    }
}
