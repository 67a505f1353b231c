//! Edits of the `GSLBConfig`: what holds at once, and what cannot be followed (amko 2.1).

use std::collections::BTreeMap;

use amko_translate::{ACCEPTED, Config, NAMESPACE};
use k8s_crds::Kind;

use super::Operator;
use super::look::leader_object;
use crate::AmkoEvent;

impl Operator {
    /// Tells what an edit changed, and sets the log level.
    pub(super) fn follow_edits(&mut self, config: &Config) {
        let object = leader_object(Kind::GslbConfig, NAMESPACE, &config.name).to_string();
        let before = self.config.as_ref().filter(|before| before.name == config.name);
        let changes = before.map(|before| config.edits_since(before)).unwrap_or_default();
        if !changes.is_empty() {
            self.teller.tell(AmkoEvent::ConfigEdited { object: object.clone(), changes });
        }
        let doubts = self.doubts(config);
        for reason in doubts.iter().filter(|doubt| !self.doubts.contains(doubt)) {
            self.teller.tell(AmkoEvent::ConfigDoubtful { object: object.clone(), reason: reason.clone() });
        }
        self.doubts = doubts;
        // After it was told: the next level may hide it.
        if self.log_level.replace(config.log_level) != Some(config.log_level)
            && let Some(set) = &self.set_log_level
        {
            set(config.log_level);
        }
    }

    /// What the status of the `GSLBConfig` says once everything was tried (amko 2.1): a member that is not known is an
    /// error of the cluster check, though the others are served.
    pub(super) fn final_state(&self, config: &Config) -> String {
        let missing: Vec<&str> = self.missing(config).map(String::as_str).collect();
        match &missing[..] {
            [] => ACCEPTED.to_owned(),
            missing => format!(
                "error: cluster healthcheck failed, cluster context {} is not in the kubeconfig of the members",
                missing.join(", ")
            ),
        }
    }

    /// Members that there is no way to.
    fn missing<'a>(&'a self, config: &'a Config) -> impl Iterator<Item = &'a String> {
        config.clusters.iter().filter(|context| !self.sources.contains(*context))
    }

    fn doubts(&self, config: &Config) -> Vec<String> {
        let unknown = config
            .unknown_log_level
            .iter()
            .map(|level| format!("logLevel {level} is unknown, INFO is in force; use DEBUG, INFO, WARN or ERROR"));
        let is_fixed = self.set_log_level.is_none() && config.log_level != amko_translate::LogLevel::default();
        let fixed = is_fixed.then(|| format!("logLevel {} is not followed, --log decides here", config.log_level));
        let missing = self.missing(config).map(|context| {
            format!("cluster context {context} is not in the kubeconfig of the members, its members stay as they are; add it there")
        });
        unknown.chain(fixed).chain(missing).collect()
    }

    /// Clusters in use, and whether all of each can be read at present.
    pub(super) fn readable(&self) -> BTreeMap<String, bool> {
        let index = self.clusters.picture();
        let members = self.config.iter().flat_map(|config| config.clusters.iter().map(String::as_str));
        let used = members.chain(std::iter::once(index.leader()));
        used.map(|cluster| (cluster.to_owned(), index.is_settled(cluster))).collect()
    }
}
