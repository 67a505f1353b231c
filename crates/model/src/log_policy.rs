//! Which answers of a virtual service are logged.

use serde::{Deserialize, Serialize};

/// Which answers of a virtual service are logged, and how many of them. Rates are logs per second and engine, 0 = as many as there are.
/// Avi: `AnalyticsPolicy`, and the throttles of `ServiceEngineGroup` (avi-api 7.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPolicy {
    /// Rate of errors, which are always logged.
    pub significant_per_s: u32,
    /// Whether all other answers are logged too.
    pub full: Option<FullLogs>,
    /// Rates of the engine group, for all its virtual services together.
    pub group: LogGroup,
}

/// Logging of answers that are no errors. Avi: `FullClientLogs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FullLogs {
    /// Rate.
    pub per_s: u32,
    /// When it ends, in microseconds since the epoch; `None` = never.
    pub until_us: Option<i64>,
}

/// Log rates of an engine group. Avi: `ServiceEngineGroup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGroup {
    /// Object uuid; empty where there is no group.
    pub uuid: String,
    /// Rate of errors.
    pub significant_per_s: u32,
    /// Rate of all other answers.
    pub non_significant_per_s: u32,
}

impl Default for LogPolicy {
    /// Ten errors a second and nothing else; a group lets a hundred of each pass (avi-api 2.4, 2.20).
    fn default() -> Self {
        Self { significant_per_s: 10, full: None, group: LogGroup::default() }
    }
}

impl Default for LogGroup {
    fn default() -> Self {
        Self { uuid: String::new(), significant_per_s: 100, non_significant_per_s: 100 }
    }
}
