//! The parameters of a question for logs.

use client_log::{is_field, moment, parse_filter};
use se_protocol::logs::{FILTERS_MAX, Filter, LOGS_MAX, LogKind, LogQuery, WITHIN_MS_MAX};
use serde_json::{Value, json};

use super::Whose;
use crate::{call::Call, error::ApiError};

/// Largest page.
const PAGE_SIZE_MAX: usize = 10_000;

/// What is asked for, and how it is to be shown.
#[derive(Debug)]
pub(super) struct Parameters {
    pub(super) query: LogQuery,
    pub(super) page: usize,
    pub(super) page_size: usize,
    pub(super) columns: Vec<String>,
    pub(super) format: Format,
    pub(super) download: bool,
    pub(super) query_id: Value,
}

/// Form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
    Text,
}

impl Parameters {
    /// Reads them, for these logs.
    pub(super) fn read(call: &Call, whose: Whose, now_us: i64) -> Result<Self, ApiError> {
        let Whose { virtual_service, children, kind } = whose;
        let given = Given { call, kind };
        given.refuse_what_is_not_there()?;
        let download = given.flag("download", false)?;
        let format = match given.text("format").map(str::to_ascii_lowercase).as_deref() {
            None if download => Format::Csv,
            None | Some("json") => Format::Json,
            Some("csv") => Format::Csv,
            Some("txt") => Format::Text,
            Some(other) => return Err(bad("format", &format!("`{other}` is none of json, csv and txt"))),
        };
        let group_by = given.field("groupby")?;
        if group_by.is_some() && format != Format::Json {
            return Err(bad("groupby", "groups come as json only"));
        }
        let page = given.number("page", 1, 1, usize::MAX)?;
        let page_size = given.number("page_size", if download { PAGE_SIZE_MAX } else { 10 }, 1, PAGE_SIZE_MAX)?;
        let limit = page.saturating_mul(page_size);
        if limit > LOGS_MAX as usize {
            let why = format!("logs beyond the first {LOGS_MAX} are not shown: ask for a shorter time, or filter");
            return Err(bad("page", &why));
        }
        let seconds = given.number("timeout", if download { 10 } else { 5 }, 1, WITHIN_MS_MAX as usize / 1000)?;
        let (start, end) = (given.moment("start")?, given.moment("end")?);
        // Only where both are given: the clock of who asks may be ahead of this one.
        if start.zip(end).is_some_and(|(start, end)| start > end) {
            return Err(bad("start", "it is after end"));
        }
        let end_us = end.unwrap_or(now_us);
        let duration = given.number("duration", 0, 0, usize::MAX)?;
        let back_us = i64::try_from(duration).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let start_us = start.unwrap_or(if duration > 0 { end_us.saturating_sub(back_us) } else { 0 });
        Ok(Self {
            query: LogQuery {
                kind,
                virtual_service,
                children,
                start_us,
                end_us,
                significant: given.flag("adf", true)?,
                non_significant: given.flag("nf", false)?,
                filters: given.filters()?,
                newest_first: given.newest_first(group_by.is_some())?,
                limit: u32::try_from(limit).unwrap_or(LOGS_MAX),
                group_by,
                within_ms: u32::try_from(seconds * 1000).unwrap_or(WITHIN_MS_MAX),
            },
            page,
            page_size,
            columns: given.columns()?,
            format,
            download,
            query_id: given.text("query_id").map_or(json!(0), |id| id.parse::<u64>().map_or(json!(id), Value::from)),
        })
    }

    /// Place of the first log of the page.
    pub(super) fn first(&self) -> usize {
        (self.page - 1) * self.page_size
    }

    /// Whether there is a page after this one, of `count` results.
    pub(super) fn has_next(&self, count: u64) -> bool {
        let shown = self.page.saturating_mul(self.page_size);
        u64::try_from(shown).is_ok_and(|shown| shown < count) && shown + self.page_size <= LOGS_MAX as usize
    }
}

struct Given<'a> {
    call: &'a Call,
    kind: LogKind,
}

impl Given<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.call.parameter(name).map(str::trim).filter(|text| !text.is_empty())
    }

    fn refuse_what_is_not_there(&self) -> Result<(), ApiError> {
        let (own, what) = match self.kind {
            LogKind::Dns => ("0", "this virtual service has connection logs and DNS logs, which are of type 0"),
            LogKind::Http => ("1", "this virtual service has application logs, which are of type 1"),
        };
        match self.text("type") {
            Some("2") => return Err(bad("type", "this release logs no events")),
            Some(other) if other != own => return Err(bad("type", what)),
            _ => {}
        }
        if self.text("step").is_some_and(|step| step != "0") || self.flag("expstep", false)? {
            return Err(bad("step", "this release makes no histograms: ask for the logs and count them"));
        }
        Ok(())
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, ApiError> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(default),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(other) => Err(bad(name, &format!("`{other}` is neither true nor false"))),
        }
    }

    fn number(&self, name: &str, default: usize, min: usize, max: usize) -> Result<usize, ApiError> {
        let Some(text) = self.text(name) else { return Ok(default) };
        text.parse().ok().filter(|number| (min..=max).contains(number)).ok_or_else(|| {
            let range = if max == usize::MAX { format!("from {min}") } else { format!("from {min} to {max}") };
            bad(name, &format!("`{text}` is no number {range}"))
        })
    }

    fn moment(&self, name: &str) -> Result<Option<i64>, ApiError> {
        // 0 is the default of clients that give none.
        let Some(text) = self.text(name).filter(|text| *text != "0") else { return Ok(None) };
        let why = || bad(name, &format!("`{text}` is no time such as 2024-01-31T23:59:59.000000Z"));
        moment(text).map(Some).ok_or_else(why)
    }

    fn filters(&self) -> Result<Vec<Filter>, ApiError> {
        let given =
            self.call.query.iter().filter(|(name, _)| name == "filter").filter_map(|(_, value)| value.as_deref());
        let texts: Vec<&str> = given.filter(|text| !text.trim().is_empty()).collect();
        if texts.len() > FILTERS_MAX {
            return Err(bad("filter", &format!("up to {FILTERS_MAX} can be given")));
        }
        texts
            .into_iter()
            .map(|text| parse_filter(self.kind, text).map_err(|error| bad("filter", &error.to_string())))
            .collect()
    }

    fn columns(&self) -> Result<Vec<String>, ApiError> {
        let columns = self.text("cols").into_iter().flat_map(|text| text.split(',')).map(str::trim);
        let columns = columns.filter(|column| !column.is_empty());
        columns
            .map(|column| match is_field(self.kind, column) && !column.contains('.') {
                true => Ok(column.to_owned()),
                false if column.contains('(') => Err(bad("cols", "this release sums up nothing: groups have a count")),
                false => Err(bad("cols", &format!("logs have no column `{column}`"))),
            })
            .collect()
    }

    fn field(&self, name: &str) -> Result<Option<String>, ApiError> {
        match self.text(name) {
            Some(field) if !is_field(self.kind, field) => Err(bad(name, &format!("logs have no field `{field}`"))),
            field => Ok(field.map(str::to_owned)),
        }
    }

    fn newest_first(&self, grouped: bool) -> Result<bool, ApiError> {
        match (self.text("orderby"), grouped) {
            (None | Some("-report_timestamp"), _) | (Some("-count"), true) => Ok(true),
            (Some("report_timestamp"), _) => Ok(false),
            (Some(other), _) => {
                let why = format!("`{other}` is not possible: report_timestamp, -report_timestamp, of groups -count");
                Err(bad("orderby", &why))
            }
        }
    }
}

fn bad(name: &str, why: &str) -> ApiError {
    ApiError::Parameter(format!("{name}: {why}"))
}
