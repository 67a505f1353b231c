//! Questions for logs on their way down, logs on their way up.

use super::{ConvertError, DnsLog, LogCount, LogEnd, LogFilter, LogOperator, LogPart, LogQuery};
use crate::logs::{self, FILTERS_MAX, LOGS_MAX, LogPage, LogRefusal, WITHIN_MS_MAX};
use crate::pack;

impl From<&logs::LogQuery> for LogQuery {
    fn from(query: &logs::LogQuery) -> Self {
        let logs::LogQuery {
            virtual_service,
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
            virtual_service: virtual_service.clone(),
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
            virtual_service,
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
        if filters.len() > FILTERS_MAX {
            return Err(too_many("filters", filters.len()));
        }
        if let Some(filter) = filters.iter().find(|filter| filter.values.len() > FILTERS_MAX) {
            return Err(too_many("values", filter.values.len()));
        }
        Ok(Self {
            virtual_service,
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

/// An answer as messages that are not too large; the last one closes it.
pub(crate) fn pack_logs(id: u64, outcome: Result<LogPage, LogRefusal>) -> Vec<LogPart> {
    let part = |logs: Vec<DnsLog>, counts: Vec<LogCount>| LogPart { id, logs, counts, end: None };
    let (mut parts, end) = match outcome {
        Ok(LogPage { count, logs, groups, is_complete }) => {
            let counts = groups.into_iter().map(|(value, count)| LogCount { value, count }).collect();
            let mut parts: Vec<LogPart> = pack(logs).into_iter().map(|run| part(run, Vec::new())).collect();
            parts.extend(pack(counts).into_iter().map(|run| part(Vec::new(), run)));
            (parts, LogEnd { count, complete: is_complete, failure: None })
        }
        Err(LogRefusal(reason)) => (Vec::new(), LogEnd { count: 0, complete: false, failure: Some(reason) }),
    };
    parts.push(LogPart { id, end: Some(end), ..LogPart::default() });
    parts
}
