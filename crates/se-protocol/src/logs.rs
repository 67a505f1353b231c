//! Logs of DNS answers and HTTP requests: what is asked of an engine, and what it sends (avi-api 7.5).

pub use crate::wire::{DnsLog, HttpLog, HttpLogServer, HttpLogTls, LogEdns, LogRecord};
use crate::wire::{LogPart, pack_logs};

/// Most logs that one question can ask for.
pub const LOGS_MAX: u32 = 100_000;
/// Longest time of a search, in milliseconds.
pub const WITHIN_MS_MAX: u32 = 60_000;
/// Most filters of a question, and values of a filter.
pub const FILTERS_MAX: usize = 32;
/// Most children of a question.
pub const CHILDREN_MAX: usize = 10_000;
/// Most values that are counted apart.
pub const GROUPS_MAX: usize = 10_000;

/// What is logged, as a virtual service serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogKind {
    /// Answers to DNS queries (avi-api 7.5, type 0).
    Dns,
    /// HTTP requests (type 1, application logs).
    Http,
}

/// One log, of either kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Log {
    /// An answer to a DNS query.
    Dns(Box<DnsLog>),
    /// An HTTP request.
    Http(Box<HttpLog>),
}

/// Which logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// Of what.
    pub kind: LogKind,
    /// Object uuid of the virtual service.
    pub virtual_service: String,
    /// Object uuids of its children, whose logs are wanted too, up to [`CHILDREN_MAX`].
    pub children: Vec<String>,
    /// First moment, in microseconds since the epoch.
    pub start_us: i64,
    /// Last moment.
    pub end_us: i64,
    /// Whether errors are wanted.
    pub significant: bool,
    /// Whether all others are.
    pub non_significant: bool,
    /// What has to hold for each.
    pub filters: Vec<Filter>,
    /// Order of the answer.
    pub newest_first: bool,
    /// Most logs to send, up to [`LOGS_MAX`]; all that match are counted.
    pub limit: u32,
    /// Count by the values of this field, and send no logs.
    pub group_by: Option<String>,
    /// Longest time to search, in milliseconds, up to [`WITHIN_MS_MAX`].
    pub within_ms: u32,
}

/// Something that has to hold for a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Name of a column, of a member of one (`dns_response.response_code`), or `all`.
    pub field: String,
    /// How to compare.
    pub operator: Operator,
    /// With what: one of them is enough, for the negations all have to hold.
    pub values: Vec<String>,
}

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Contains.
    Co,
    /// Does not contain.
    Nc,
    /// Starts with.
    Sw,
}

/// What an engine found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogPage {
    /// Logs that match, sent or not.
    pub count: u64,
    /// The first of them, in the order asked for.
    pub logs: Vec<Log>,
    /// Values of the field asked for, and how often each occurs, at most [`GROUPS_MAX`].
    pub groups: Vec<(String, u64)>,
    /// Whether everything was looked at within the time.
    pub is_complete: bool,
}

/// Why an engine gives no logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LogRefusal(pub String);

/// What one engine said.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineLogs {
    /// What people call the engine.
    pub engine: String,
    /// Its logs.
    pub outcome: Result<LogPage, LogRefusal>,
}

impl Log {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> LogKind {
        match self {
            Self::Dns(_) => LogKind::Dns,
            Self::Http(_) => LogKind::Http,
        }
    }

    /// Its number within its engine; increases with time.
    #[must_use]
    pub fn id(&self) -> u64 {
        match self {
            Self::Dns(log) => log.id,
            Self::Http(log) => log.id,
        }
    }

    /// Its moment, in microseconds since the epoch.
    #[must_use]
    pub fn at_us(&self) -> i64 {
        match self {
            Self::Dns(log) => log.at_us,
            Self::Http(log) => log.at_us,
        }
    }

    /// Whether it is an error.
    #[must_use]
    pub fn is_significant(&self) -> bool {
        match self {
            Self::Dns(log) => log.significant,
            Self::Http(log) => log.significant,
        }
    }
}

impl From<DnsLog> for Log {
    fn from(log: DnsLog) -> Self {
        Self::Dns(Box::new(log))
    }
}

impl From<HttpLog> for Log {
    fn from(log: HttpLog) -> Self {
        Self::Http(Box::new(log))
    }
}

/// An answer as messages; the last one closes it.
#[must_use]
pub fn parts(id: u64, outcome: Result<LogPage, LogRefusal>) -> Vec<LogPart> {
    pack_logs(id, outcome)
}

/// Puts an answer together again.
#[derive(Debug, Default)]
pub struct LogAssembler(LogPage);

impl LogAssembler {
    /// Takes the next part; the answer when it was the last.
    pub fn take(&mut self, part: LogPart) -> Option<Result<LogPage, LogRefusal>> {
        let LogPart { id: _, logs, counts, end, http_logs } = part;
        let page = &mut self.0;
        let room = (LOGS_MAX as usize).saturating_sub(page.logs.len());
        page.logs.extend(logs.into_iter().map(Log::from).chain(http_logs.into_iter().map(Log::from)).take(room));
        let room = GROUPS_MAX.saturating_sub(page.groups.len());
        page.groups.extend(counts.into_iter().take(room).map(|count| (count.value, count.count)));
        let end = end?;
        if let Some(reason) = end.failure {
            return Some(Err(LogRefusal(reason)));
        }
        (page.count, page.is_complete) = (end.count, end.complete);
        Some(Ok(std::mem::take(page)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MESSAGE_BYTES_MAX;
    use prost::Message;

    #[track_caller]
    fn check(outcome: &Result<LogPage, LogRefusal>, messages: usize) {
        let parts = parts(7, outcome.clone());
        assert_eq!(parts.len(), messages);
        assert!(parts.iter().all(|part| part.id == 7 && part.encoded_len() <= MESSAGE_BYTES_MAX));
        let mut assembler = LogAssembler::default();
        let last = parts.into_iter().map(|part| assembler.take(part)).last().flatten();
        assert_eq!(last.as_ref(), Some(outcome));
    }

    #[test]
    fn an_answer_travels_in_bounded_messages() {
        let log = |id| Log::from(DnsLog { id, qname: "n".repeat(1000), ..DnsLog::default() });
        let request = |id| Log::from(HttpLog { id, uri_path: "n".repeat(1000), ..HttpLog::default() });
        check(&Ok(LogPage::default()), 1);
        check(&Err(LogRefusal("the disk is gone".into())), 1);
        check(&Ok(LogPage { count: 9, groups: vec![("a".into(), 9)], is_complete: true, ..LogPage::default() }), 2);
        for logs in [(0..3000).map(log).collect::<Vec<_>>(), (0..3000).map(request).collect()] {
            check(&Ok(LogPage { count: 4000, logs, groups: Vec::new(), is_complete: true }), 4);
        }
    }
}
