//! What an edit of the `GSLBConfig` changed, in words for the log.

use super::Config;

impl Config {
    /// What differs from `before`, a line for each field: `refreshInterval 1800 → 600`. Empty when nothing does.
    #[must_use]
    pub fn edits_since(&self, before: &Self) -> Vec<String> {
        let pairs = before.fields().into_iter().zip(self.fields());
        pairs.filter(|(old, new)| old != new).map(|((name, old), (_, new))| format!("{name} {old} → {new}")).collect()
    }

    fn fields(&self) -> [(&'static str, String); 7] {
        [
            ("memberClusters", self.clusters.join(",")),
            ("tenant", self.tenant.clone()),
            ("refreshInterval", self.refresh_interval.as_secs().to_string()),
            ("controllerVersion", self.api_version.clone().unwrap_or_else(|| "unset".to_owned())),
            ("useCustomGlobalFqdn", self.use_custom_global_fqdn.to_string()),
            ("follow-leader", self.follows_leader.to_string()),
            ("logLevel", self.unknown_log_level.clone().unwrap_or_else(|| self.log_level.to_string())),
        ]
    }
}
