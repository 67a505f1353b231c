//! How much the operator logs (amko 2.1, 8.4).

use std::fmt;

/// `spec.logLevel` of a `GSLBConfig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    /// Why it decided so.
    Debug,
    /// What changed.
    #[default]
    Info,
    /// What is degraded.
    Warn,
    /// What a person must see to.
    Error,
}

impl LogLevel {
    /// The level of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        [Self::Debug, Self::Info, Self::Warn, Self::Error].into_iter().find(|level| level.name() == name)
    }

    /// `DEBUG`, `INFO`, `WARN` or `ERROR`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
