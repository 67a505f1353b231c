//! Questions for logs on their way down, logs on their way up.

use super::{ConvertError, LogCount, LogEnd, LogFilter, LogKind, LogOperator, LogPart, LogQuery};
use crate::logs::{self, CHILDREN_MAX, FILTERS_MAX, LOGS_MAX, Log, LogPage, LogRefusal, WITHIN_MS_MAX};
use crate::pack;

impl From<&logs::LogQuery> for LogQuery {
    fn from(query: &logs::LogQuery) -> Self {
        let logs::LogQuery {
            kind,
            virtual_service,
            children,
            start_us,
            end_us,
            significant,
            non_significant,
            filters,
            newest_first,
            limit,
            group_by,
            within_ms,
        } = query;
        Self {
            kind: LogKind::from(*kind).into(),
            virtual_service: virtual_service.clone(),
            children: children.clone(),
            start_us: *start_us,
            end_us: *end_us,
            significant: *significant,
            non_significant: *non_significant,
            filters: filters.iter().map(LogFilter::from).collect(),
            newest_first: *newest_first,
            limit: *limit,
            group_by: group_by.clone(),
            within_ms: *within_ms,
        }
    }
}

impl TryFrom<LogQuery> for logs::LogQuery {
    type Error = ConvertError;
    fn try_from(message: LogQuery) -> Result<Self, ConvertError> {
        let LogQuery {
            kind,
            virtual_service,
            children,
            start_us,
            end_us,
            significant,
            non_significant,
            filters,
            newest_first,
            limit,
            group_by,
            within_ms,
        } = message;
        let too_many = |field, found: usize| ConvertError::Range { field, found: found as i128 };
        if children.len() > CHILDREN_MAX {
            return Err(too_many("children", children.len()));
        }
        if filters.len() > FILTERS_MAX {
            return Err(too_many("filters", filters.len()));
        }
        if let Some(filter) = filters.iter().find(|filter| filter.values.len() > FILTERS_MAX) {
            return Err(too_many("values", filter.values.len()));
        }
        // Controllers of the first releases ask for DNS and do not say so.
        let is_told = kind != LogKind::Unspecified as i32;
        Ok(Self {
            kind: if is_told { LogKind::known(kind)? } else { logs::LogKind::Dns },
            virtual_service,
            children,
            start_us,
            end_us,
            significant,
            non_significant,
            filters: super::all(filters)?,
            newest_first,
            limit: limit.min(LOGS_MAX),
            group_by,
            within_ms: within_ms.min(WITHIN_MS_MAX),
        })
    }
}

impl From<&logs::Filter> for LogFilter {
    fn from(logs::Filter { field, operator, values }: &logs::Filter) -> Self {
        Self { field: field.clone(), operator: LogOperator::from(*operator).into(), values: values.clone() }
    }
}

impl TryFrom<LogFilter> for logs::Filter {
    type Error = ConvertError;
    fn try_from(LogFilter { field, operator, values }: LogFilter) -> Result<Self, ConvertError> {
        Ok(Self { field, operator: LogOperator::known(operator)?, values })
    }
}

/// An answer as messages that are not too large; the last one closes it. Logs of one kind stay in order.
pub(crate) fn pack_logs(id: u64, outcome: Result<LogPage, LogRefusal>) -> Vec<LogPart> {
    let part = || LogPart { id, ..LogPart::default() };
    let (mut parts, end) = match outcome {
        Ok(LogPage { count, logs, groups, is_complete }) => {
            let counts = groups.into_iter().map(|(value, count)| LogCount { value, count }).collect();
            let (mut dns, mut http) = (Vec::new(), Vec::new());
            for log in logs {
                match log {
                    Log::Dns(log) => dns.push(*log),
                    Log::Http(log) => http.push(*log),
                }
            }
            let dns = pack(dns).into_iter().map(|logs| LogPart { logs, ..part() });
            let http = pack(http).into_iter().map(|http_logs| LogPart { http_logs, ..part() });
            let mut parts: Vec<LogPart> = dns.chain(http).collect();
            parts.extend(pack(counts).into_iter().map(|counts| LogPart { counts, ..part() }));
            (parts, LogEnd { count, complete: is_complete, failure: None })
        }
        Err(LogRefusal(reason)) => (Vec::new(), LogEnd { count: 0, complete: false, failure: Some(reason) }),
    };
    parts.push(LogPart { end: Some(end), ..part() });
    parts
}
