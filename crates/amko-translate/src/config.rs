//! The `GSLBConfig` in force (amko 1.7 step 9, 1.8, 2.1).
//!
//! Where the original accepts a `GSLBConfig` outside `avi-system` when its log level is valid, this one never does. Two
//! candidates of which none was accepted before make the original exit; here the older one wins, and the other is told.

mod edits;
mod log_level;

use std::time::Duration;

use k8s_crds::GslbConfig;
use uuid::Uuid;

use crate::NAMESPACE;
pub use log_level::LogLevel;

/// Annotation that carries the operator's identity.
pub const UUID_ANNOTATION: &str = "amko.vmware.com/amko-uuid";

/// `status.state` of a `GSLBConfig` that is in force; also how it is recognised at the next start.
pub const ACCEPTED: &str = "success: gslb config accepted";

/// With `false` on a `GSLBConfig`, only the controller that it names is used, as the original does (amko 7.6).
pub const FOLLOW_LEADER_ANNOTATION: &str = "amko.vmware.com/follow-leader";

/// A valid `GSLBConfig`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Name, in `avi-system`.
    pub name: String,
    /// Contexts of the member clusters, in the order given, each once.
    pub clusters: Vec<String>,
    /// Default tenant.
    pub tenant: String,
    /// Time between two full reads of the controller.
    pub refresh_interval: Duration,
    /// `X-Avi-Version` to use; `None` leaves it to the client.
    pub api_version: Option<String>,
    /// Whether another controller is used where the named one does not lead.
    pub follows_leader: bool,
    /// How much is logged.
    pub log_level: LogLevel,
    /// What `logLevel` says where it is no level; INFO is in force then (amko 1.8 step 4).
    pub unknown_log_level: Option<String>,
    /// Whether global names come from HostRules in place of the objects (amko 4.2).
    pub use_custom_global_fqdn: bool,
    /// Identity from the annotation; `None` when it has to be made and written back.
    pub uuid: Option<Uuid>,
}

/// What the operator calls itself on the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity(String);

/// Why a `GSLBConfig` is not in force; the text is its `status.state`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Outside `avi-system`. The original puts nothing between the two halves.
    #[error("error: invalid gslb configinvalid gslb config, namespace can only be avi-system")]
    Namespace,
    /// Another one is in force.
    #[error("error: can't add another gslbconfig")]
    Another,
    /// No address.
    #[error("error: invalid gslb config with controller IP ")]
    ControllerIp,
    /// No cluster is named: taken at its word, every service would be deleted.
    #[error("error: invalid gslb config, memberClusters names no cluster; nothing is written until it names one")]
    NoMemberCluster,
    /// No Secret name.
    #[error("error: invalid gslb config with leaderSecret ")]
    LeaderSecret,
    /// The identity is not a UUID. The original gives no status.
    #[error("error: invalid gslb config, annotation {UUID_ANNOTATION} is not a UUID: {0}")]
    Uuid(String),
}

/// Which `GSLBConfig` is in force, and what to tell the others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// The one in force; `None`: nothing may be written or deleted.
    pub config: Option<Config>,
    /// Namespace, name and error of each that is not.
    pub refused: Vec<(String, String, ConfigError)>,
}

impl Identity {
    /// Identity of a UUID: `amko-` and its canonical lower-case form.
    #[must_use]
    pub fn new(uuid: Uuid) -> Self {
        Self(format!("amko-{}", uuid.hyphenated()))
    }

    /// `amko-<uuid>`: `created_by` of services, value of the marker `created-by` of monitors.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The UUID.
    #[must_use]
    pub fn uuid(&self) -> &str {
        &self.0["amko-".len()..]
    }
}

/// Chooses among the leader's `GSLBConfig` objects. `current` is the name of the one in force so far.
///
/// Order of preference: the one in force, one that was accepted before, the oldest, the first by name.
pub fn choose<'a>(configs: impl Iterator<Item = &'a GslbConfig>, current: Option<&str>) -> Choice {
    let mut choice = Choice::default();
    let mut candidates = Vec::new();
    for config in configs {
        let namespace = config.metadata.namespace.clone().unwrap_or_default();
        let name = config.metadata.name.clone().unwrap_or_default();
        if namespace == NAMESPACE {
            let accepted = config.status.as_ref().is_some_and(|status| status.state == ACCEPTED);
            let created = config.metadata.creation_timestamp.as_ref().map(|time| time.0);
            let is_current = current == Some(name.as_str());
            candidates.push(((!is_current, !accepted, created.is_none(), created, name), config));
        } else {
            choice.refused.push((namespace, name, ConfigError::Namespace));
        }
    }
    candidates.sort_by(|a, b| a.0.cmp(&b.0));
    let mut candidates = candidates.into_iter().map(|((.., name), config)| (name, config));
    if let Some((name, config)) = candidates.next() {
        match validate(config) {
            Ok(config) => choice.config = Some(config),
            Err(error) => choice.refused.push((NAMESPACE.to_owned(), name, error)),
        }
    }
    choice.refused.extend(candidates.map(|(name, _)| (NAMESPACE.to_owned(), name, ConfigError::Another)));
    choice
}

fn validate(config: &GslbConfig) -> Result<Config, ConfigError> {
    const DEFAULT_REFRESH_S: u64 = 600;
    let spec = &config.spec;
    let annotation = |key| config.metadata.annotations.as_ref().and_then(|annotations| annotations.get(key));
    let uuid = match annotation(UUID_ANNOTATION) {
        Some(text) => Some(Uuid::try_parse(text).map_err(|_| ConfigError::Uuid(text.clone()))?),
        None => None,
    };
    if spec.gslb_leader.controller_ip.is_empty() {
        return Err(ConfigError::ControllerIp);
    }
    if spec.gslb_leader.credentials.is_empty() {
        return Err(ConfigError::LeaderSecret);
    }
    let mut clusters: Vec<String> = Vec::new();
    for member in &spec.member_clusters {
        if !clusters.contains(&member.cluster_context) {
            clusters.push(member.cluster_context.clone());
        }
    }
    clusters.retain(|context| !context.is_empty());
    if clusters.is_empty() {
        return Err(ConfigError::NoMemberCluster);
    }
    let log_level = spec.log_level.as_deref().filter(|level| !level.is_empty());
    let known = log_level.map_or(Some(LogLevel::default()), LogLevel::of);
    let refresh_s = spec.refresh_interval.and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0);
    Ok(Config {
        name: config.metadata.name.clone().unwrap_or_default(),
        clusters,
        tenant: spec.gslb_leader.tenant.clone().filter(|tenant| !tenant.is_empty()).unwrap_or_else(|| "admin".into()),
        refresh_interval: Duration::from_secs(refresh_s.unwrap_or(DEFAULT_REFRESH_S)),
        api_version: Some(spec.gslb_leader.controller_version.clone()).filter(|version| !version.is_empty()),
        follows_leader: annotation(FOLLOW_LEADER_ANNOTATION).is_none_or(|value| value != "false"),
        log_level: known.unwrap_or_default(),
        unknown_log_level: log_level.filter(|_| known.is_none()).map(str::to_owned),
        use_custom_global_fqdn: spec.use_custom_global_fqdn == Some(true),
        uuid,
    })
}

#[cfg(test)]
mod tests {
    use k8s_crds::{GslbConfigStatus, GslbLeader, MemberCluster};

    use super::*;

    fn config(name: &str) -> GslbConfig {
        let mut config = GslbConfig::default();
        config.metadata.name = Some(name.to_owned());
        config.metadata.namespace = Some(NAMESPACE.to_owned());
        config.spec.gslb_leader = GslbLeader {
            credentials: "gslb-avi-secret".into(),
            controller_version: "22.1.3".into(),
            controller_ip: "10.10.20.42".into(),
            tenant: None,
        };
        config.spec.member_clusters =
            ["s1az1", "s1az2", "s1az1"].map(|c| MemberCluster { cluster_context: c.to_owned() }).to_vec();
        config
    }

    #[test]
    fn defaults_are_filled_in_and_a_context_counts_once() {
        let config = choose([&config("gc-1")].into_iter(), None).config.unwrap();
        assert_eq!(config.clusters, ["s1az1", "s1az2"]);
        assert_eq!((config.tenant.as_str(), config.refresh_interval.as_secs(), config.uuid), ("admin", 600, None));
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut GslbConfig), expected: &str) {
        let mut object = config("gc-1");
        change(&mut object);
        let choice = choose([&object].into_iter(), None);
        assert_eq!(choice.config, None);
        assert_eq!(choice.refused[0].2.to_string(), expected);
    }

    #[test]
    fn an_invalid_object_gets_the_text_of_amko() {
        check(
            |c| c.metadata.namespace = Some("default".into()),
            "error: invalid gslb configinvalid gslb config, namespace can only be avi-system",
        );
        check(|c| c.spec.gslb_leader.controller_ip.clear(), "error: invalid gslb config with controller IP ");
        check(|c| c.spec.gslb_leader.credentials.clear(), "error: invalid gslb config with leaderSecret ");
        check(
            |c| c.spec.member_clusters.clear(),
            "error: invalid gslb config, memberClusters names no cluster; nothing is written until it names one",
        );
        check(
            |c| c.metadata.annotations = Some([(UUID_ANNOTATION.to_owned(), "x".to_owned())].into()),
            "error: invalid gslb config, annotation amko.vmware.com/amko-uuid is not a UUID: x",
        );
    }

    #[test]
    fn the_accepted_one_is_preferred_and_the_one_in_force_stays() {
        let (first, mut second) = (config("a"), config("b"));
        second.status = Some(GslbConfigStatus { state: ACCEPTED.into(), controller: None });
        let both = [&first, &second];
        let choice = choose(both.into_iter(), None);
        assert_eq!(choice.config.unwrap().name, "b");
        assert_eq!(choice.refused, [(NAMESPACE.to_owned(), "a".to_owned(), ConfigError::Another)]);
        assert_eq!(choose(both.into_iter(), Some("a")).config.unwrap().name, "a");
    }

    #[test]
    fn a_log_level_is_one_of_four_and_another_is_told() {
        let check = |given: Option<&str>, level: LogLevel, unknown: Option<&str>| {
            let mut object = config("gc-1");
            object.spec.log_level = given.map(str::to_owned);
            let config = choose([&object].into_iter(), None).config.unwrap();
            assert_eq!((config.log_level, config.unknown_log_level.as_deref()), (level, unknown));
        };
        check(None, LogLevel::Info, None);
        check(Some("DEBUG"), LogLevel::Debug, None);
        check(Some("ERROR"), LogLevel::Error, None);
        check(Some("TRACE"), LogLevel::Info, Some("TRACE"));
        check(Some("debug"), LogLevel::Info, Some("debug"));
    }

    #[test]
    fn an_edit_is_told_field_by_field() {
        let before = choose([&config("gc-1")].into_iter(), None).config.unwrap();
        assert_eq!(before.edits_since(&before), [""; 0]);
        let mut object = config("gc-1");
        object.spec.member_clusters.truncate(1);
        object.spec.refresh_interval = Some(30);
        object.spec.use_custom_global_fqdn = Some(true);
        object.spec.log_level = Some("LOUD".into());
        object.spec.gslb_leader.controller_version = "30.2.1".into();
        let after = choose([&object].into_iter(), None).config.unwrap();
        let expected = [
            "memberClusters s1az1,s1az2 → s1az1",
            "refreshInterval 600 → 30",
            "controllerVersion 22.1.3 → 30.2.1",
            "useCustomGlobalFqdn false → true",
            "logLevel INFO → LOUD",
        ];
        assert_eq!(after.edits_since(&before), expected);
    }

    #[test]
    fn identity_is_the_canonical_uuid() {
        let identity = Identity::new(Uuid::try_parse("3E328A5C-A717-11ED-A422-0A580A80025B").unwrap());
        assert_eq!(identity.as_str(), "amko-3e328a5c-a717-11ed-a422-0a580a80025b");
    }
}
