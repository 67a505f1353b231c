//! What matches a question: collected in one engine, merged over all.

use std::collections::BTreeMap;

use se_protocol::logs::{GROUPS_MAX, Log, LogPage, LogQuery};
use serde_json::Value;

use crate::columns::Field;
use crate::filter::Matcher;

/// A search in progress: logs go in, in the order asked for.
#[derive(Debug)]
pub struct Search {
    query: LogQuery,
    matchers: Vec<Matcher>,
    group_by: Option<Field>,
    page: LogPage,
    groups: BTreeMap<String, u64>,
}

impl Search {
    /// Begins.
    #[must_use]
    pub fn new(query: LogQuery) -> Self {
        let matchers = query.filters.iter().map(|filter| Matcher::new(query.kind, filter)).collect();
        let group_by = query.group_by.as_deref().and_then(|field| Field::find(query.kind, field));
        Self { query, matchers, group_by, page: LogPage::default(), groups: BTreeMap::new() }
    }

    /// Looks at one log of the virtual service and the time asked for.
    pub fn see(&mut self, log: Log) {
        let wanted = if log.is_significant() { self.query.significant } else { self.query.non_significant };
        if !wanted || !self.matchers.iter().all(|matcher| matcher.holds(&log)) {
            return;
        }
        self.page.count += 1;
        match &self.query.group_by {
            Some(_) => {
                let value = self.group_by.as_ref().map_or(Value::Null, |field| field.value(&log));
                for value in group_values(&value) {
                    let room = self.groups.len() < GROUPS_MAX;
                    match self.groups.get_mut(&value) {
                        Some(count) => *count += 1,
                        None if room => drop(self.groups.insert(value, 1)),
                        None => {}
                    }
                }
            }
            None if self.page.logs.len() < self.query.limit as usize => self.page.logs.push(log),
            None => {}
        }
    }

    /// Whether logs need not be read, only counted: there is no room for more, and none is filtered.
    #[must_use]
    pub fn only_counts(&self) -> bool {
        self.query.group_by.is_none() && self.matchers.is_empty() && self.page.logs.len() >= self.query.limit as usize
    }

    /// Counts logs that were not read, of one kind.
    pub fn count(&mut self, significant: bool, count: u64) {
        if if significant { self.query.significant } else { self.query.non_significant } {
            self.page.count += count;
        }
    }

    /// Ends; `is_complete` says whether all logs were seen.
    #[must_use]
    pub fn finish(mut self, is_complete: bool) -> LogPage {
        self.page.groups = self.groups.into_iter().collect();
        self.page.is_complete = is_complete;
        self.page
    }
}

/// What several engines found as one, in the order asked for.
#[must_use]
pub fn merge(pages: Vec<LogPage>, newest_first: bool, limit: usize) -> LogPage {
    let mut merged = LogPage { is_complete: true, ..LogPage::default() };
    let mut groups: BTreeMap<String, u64> = BTreeMap::new();
    for page in pages {
        merged.count += page.count;
        merged.is_complete &= page.is_complete;
        merged.logs.extend(page.logs);
        for (value, count) in page.groups {
            *groups.entry(value).or_default() += count;
        }
    }
    // The sort is stable, and each engine's logs are in order already.
    merged.logs.sort_by(|a, b| if newest_first { b.at_us().cmp(&a.at_us()) } else { a.at_us().cmp(&b.at_us()) });
    merged.logs.truncate(limit);
    merged.groups = groups.into_iter().collect();
    merged.groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    merged
}

/// A list counts for each of its values, a missing value as an empty one.
fn group_values(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) if !items.is_empty() => items.iter().flat_map(group_values).collect(),
        Value::Null | Value::Array(_) => vec![String::new()],
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use se_protocol::logs::{DnsLog, LogKind};

    use super::*;
    use crate::parse_filter;

    fn query(filters: &[&str]) -> LogQuery {
        LogQuery {
            kind: LogKind::Dns,
            virtual_service: "virtualservice-1".into(),
            children: Vec::new(),
            start_us: 0,
            end_us: i64::MAX,
            significant: true,
            non_significant: true,
            filters: filters.iter().map(|filter| parse_filter(LogKind::Dns, filter).unwrap()).collect(),
            newest_first: false,
            limit: 2,
            group_by: None,
            within_ms: 1000,
        }
    }

    fn log(at_us: i64, qname: &str, significant: bool) -> Log {
        DnsLog { at_us, qname: qname.into(), significant, ..DnsLog::default() }.into()
    }

    fn search(query: LogQuery) -> LogPage {
        let mut search = Search::new(query);
        for (at_us, name) in (1..).zip(["a", "b", "a", "a"]) {
            search.see(log(at_us, name, at_us == 4));
        }
        search.finish(true)
    }

    #[test]
    fn all_that_match_are_counted_and_the_first_are_kept() {
        let found = |page: LogPage| (page.count, page.logs.iter().map(Log::at_us).collect::<Vec<_>>());
        assert_eq!(found(search(query(&[]))), (4, vec![1, 2]));
        assert_eq!(found(search(query(&["eq(dns_fqdn,a)"]))), (3, vec![1, 3]));
        assert_eq!(found(search(LogQuery { non_significant: false, ..query(&[]) })), (1, vec![4]));
        assert_eq!(found(search(LogQuery { significant: false, ..query(&[]) })), (3, vec![1, 2]));
    }

    #[test]
    fn groups_of_several_engines_add_up_with_the_largest_first() {
        let grouped = || search(LogQuery { group_by: Some("dns_fqdn".into()), ..query(&[]) });
        let merged = merge(vec![grouped(), grouped()], true, 10);
        assert_eq!(merged.groups, [("a".to_owned(), 6), ("b".to_owned(), 2)]);
        assert_eq!((merged.count, merged.logs.len(), merged.is_complete), (8, 0, true));
    }

    #[test]
    fn logs_of_several_engines_are_in_order_of_time() {
        let page = |times: &[i64]| LogPage {
            count: times.len() as u64,
            logs: times.iter().map(|at| log(*at, "a", false)).collect(),
            is_complete: times.len() < 3,
            ..LogPage::default()
        };
        let times = |page: &LogPage| page.logs.iter().map(Log::at_us).collect::<Vec<_>>();
        let merged = merge(vec![page(&[1, 4]), page(&[2, 3, 5])], false, 4);
        assert_eq!((times(&merged), merged.count, merged.is_complete), (vec![1, 2, 3, 4], 5, false));
        assert_eq!(times(&merge(vec![page(&[4, 1]), page(&[3])], true, 4)), [4, 3, 1]);
    }
}
