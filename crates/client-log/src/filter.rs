//! `op(field,value)`: read, and asked of a log (avi-api 7.5).

use std::cmp::Ordering;
use std::net::IpAddr;

use jiff::Timestamp;
use se_protocol::logs::{FILTERS_MAX, Filter, Log, LogKind, Operator};
use serde_json::Value;

use crate::columns::{self, Field, Values, moment, timestamp};

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It has another form.
    #[error("`{0}` is no filter: write op(field,value), for example eq(client_ip,192.0.2.1)")]
    Form(String),
    /// An unknown operator.
    #[error("`{0}` is no operator: there are eq, ne, lt, le, gt, ge, co, nc and sw")]
    Operator(String),
    /// An unknown field.
    #[error("these logs have no field `{0}`: name a column of their CSV export, a member of one, or all")]
    Field(String),
    /// The field `all` with an operator that compares.
    #[error("`all` can be asked with co, nc, eq, ne and sw only, not with {0}")]
    All(String),
    /// A value that the field cannot have.
    #[error("`{value}` cannot be compared with {field}: write {expected}")]
    Value {
        /// The field.
        field: String,
        /// The value.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// Too many values.
    #[error("a filter takes up to {FILTERS_MAX} values")]
    Values,
}

/// Reads `op(field,value)` or `op(field,[value,value])`, to be asked of logs of this kind.
///
/// # Errors
/// [`FilterError`].
pub fn parse_filter(kind: LogKind, text: &str) -> Result<Filter, FilterError> {
    let form = || FilterError::Form(text.to_owned());
    let (operator, rest) = text.trim().split_once('(').ok_or_else(form)?;
    let (field, value) = rest.strip_suffix(')').ok_or_else(form)?.split_once(',').ok_or_else(form)?;
    let (field, value) = (field.trim(), value.trim());
    let found = match operator.trim().to_ascii_lowercase().as_str() {
        "eq" => Operator::Eq,
        "ne" => Operator::Ne,
        "lt" => Operator::Lt,
        "le" => Operator::Le,
        "gt" => Operator::Gt,
        "ge" => Operator::Ge,
        "co" => Operator::Co,
        "nc" => Operator::Nc,
        "sw" => Operator::Sw,
        other => return Err(FilterError::Operator(other.to_owned())),
    };
    let column = Field::find(kind, field);
    if field != "all" && column.is_none() {
        return Err(FilterError::Field(field.to_owned()));
    }
    if field == "all" && matches!(found, Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge) {
        return Err(FilterError::All(operator.trim().to_owned()));
    }
    let list = value.strip_prefix('[').and_then(|value| value.strip_suffix(']'));
    let values: Vec<String> = match list {
        Some(list) => list.split(',').map(unquoted).collect(),
        None => vec![unquoted(value)],
    };
    if values.len() > FILTERS_MAX {
        return Err(FilterError::Values);
    }
    let values = match column.map(|column| column.values(kind)) {
        Some(kind) if !matches!(found, Operator::Co | Operator::Nc | Operator::Sw) => {
            values.into_iter().map(|value| fitting(field, kind, value)).collect::<Result<_, _>>()?
        }
        _ => values,
    };
    Ok(Filter { field: field.to_owned(), operator: found, values })
}

/// The value as logs write it, of the kind that the field is.
fn fitting(field: &str, values: Values, value: String) -> Result<String, FilterError> {
    let (read, expected) = match values {
        Values::Text => return Ok(value),
        Values::Address => (value.parse::<IpAddr>().ok().map(|ip| ip.to_string()), "an address such as 192.0.2.1"),
        Values::Flag => (value.to_lowercase().parse::<bool>().ok().map(|flag| flag.to_string()), "true or false"),
        Values::Moment => (moment(&value).map(timestamp), "a time such as 2024-01-31T23:59:59Z"),
        Values::Number => {
            let is_number = value.parse::<f64>().is_ok_and(f64::is_finite);
            (is_number.then(|| value.clone()), "a number")
        }
    };
    read.ok_or_else(|| FilterError::Value { field: field.to_owned(), value, expected })
}

fn unquoted(text: &str) -> String {
    let text = text.trim();
    let inner = ['"', '\''].iter().find_map(|&quote| text.strip_prefix(quote)?.strip_suffix(quote));
    inner.unwrap_or(text).to_owned()
}

/// Where a filter looks.
#[derive(Debug)]
enum Wants {
    All,
    Field(Field),
    /// One that this release does not know: no log has a value there.
    Nothing,
}

/// A filter, made ready to be asked of many logs.
#[derive(Debug)]
pub struct Matcher {
    wants: Wants,
    operator: Operator,
    /// In lower case.
    wanted: Vec<String>,
}

impl Matcher {
    /// Prepares a filter for logs of this kind.
    #[must_use]
    pub fn new(kind: LogKind, filter: &Filter) -> Self {
        let wanted = filter.values.iter().map(|value| value.to_lowercase()).collect();
        let wants = match filter.field.as_str() {
            "all" => Wants::All,
            field => Field::find(kind, field).map_or(Wants::Nothing, Wants::Field),
        };
        Self { wants, operator: filter.operator, wanted }
    }

    /// Whether it holds for a log. A field without value is equal to nothing and contains nothing.
    #[must_use]
    pub fn holds(&self, log: &Log) -> bool {
        let mut texts = Vec::new();
        match &self.wants {
            Wants::All => {
                (0..columns::columns(log.kind()).len())
                    .for_each(|place| texts_of(&columns::at(log, place), &mut texts));
            }
            Wants::Field(field) => texts_of(&field.value(log), &mut texts),
            Wants::Nothing => {}
        }
        let any = |matches: fn(&str, &str) -> bool| {
            texts.iter().any(|text| self.wanted.iter().any(|wanted| matches(text, wanted)))
        };
        match self.operator {
            Operator::Eq => any(equal),
            Operator::Ne => !any(equal),
            Operator::Co => any(|text, wanted| text.contains(wanted)),
            Operator::Nc => !any(|text, wanted| text.contains(wanted)),
            Operator::Sw => any(|text, wanted| text.starts_with(wanted)),
            Operator::Lt => any(|text, wanted| order(text, wanted).is_lt()),
            Operator::Le => any(|text, wanted| order(text, wanted).is_le()),
            Operator::Gt => any(|text, wanted| order(text, wanted).is_gt()),
            Operator::Ge => any(|text, wanted| order(text, wanted).is_ge()),
        }
    }
}

fn equal(text: &str, wanted: &str) -> bool {
    // Enumerations may be named without their prefix: `eq(dns_qtype,A)`.
    text == wanted || text.strip_prefix("dns_record_").or_else(|| text.strip_prefix("dns_rcode_")) == Some(wanted)
}

/// By number, moment or address where both are one, else by text.
fn order(text: &str, wanted: &str) -> Ordering {
    if let (Ok(a), Ok(b)) = (text.parse::<f64>(), wanted.parse::<f64>()) {
        return a.total_cmp(&b);
    }
    if let (Ok(a), Ok(b)) = (text.parse::<Timestamp>(), wanted.parse::<Timestamp>()) {
        return a.cmp(&b);
    }
    if let (Ok(a), Ok(b)) = (text.parse::<IpAddr>(), wanted.parse::<IpAddr>()) {
        return a.cmp(&b);
    }
    text.cmp(wanted)
}

/// Every value at any depth, as lower-case text.
fn texts_of(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::String(text) => texts.push(text.to_lowercase()),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, texts)),
        Value::Object(members) => members.values().for_each(|member| texts_of(member, texts)),
        other => texts.push(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use se_protocol::logs::{DnsLog, HttpLog, HttpLogServer, LogRecord};

    use super::*;

    fn log() -> Log {
        let record = |data: &str| LogRecord { rtype: 1, ttl_s: 30, data: data.into() };
        DnsLog {
            qname: "app.example.com".into(),
            qtype: 1,
            client_ip: "10.1.2.3".into(),
            client_port: 5353,
            rcode: Some(0),
            at_us: 1_704_067_200_000_000,
            records: vec![record("192.0.2.1"), record("192.0.2.2")],
            ..DnsLog::default()
        }
        .into()
    }

    fn request() -> Log {
        let server = HttpLogServer { ip: "192.0.2.80".into(), port: 8080, ..HttpLogServer::default() };
        HttpLog {
            method: "GET".into(),
            uri_path: "/cart/42".into(),
            status: 503,
            significant: true,
            total_us: 12_345,
            server: Some(server),
            ..HttpLog::default()
        }
        .into()
    }

    #[track_caller]
    fn check_log(log: &Log, filter: &str, expected: bool) {
        let parsed = parse_filter(log.kind(), filter).unwrap();
        assert_eq!(Matcher::new(log.kind(), &parsed).holds(log), expected, "{filter}");
    }

    #[track_caller]
    fn check(filter: &str, expected: bool) {
        check_log(&log(), filter, expected);
    }

    #[test]
    fn filters_compare_names_numbers_addresses_and_moments() {
        check("eq(dns_fqdn,APP.example.com)", true);
        check("eq(dns_fqdn, app.example.org)", false);
        check("eq(dns_fqdn,[a.example.com,app.example.com])", true);
        check("ne(dns_fqdn,[a.example.com,app.example.com])", false);
        check("co(dns_fqdn,example)", true);
        check("nc(dns_fqdn,example)", false);
        check("sw(client_ip,10.1.)", true);
        check("eq(dns_ips,192.0.2.2)", true);
        check("ne(dns_ips,192.0.2.2)", false);
        check("gt(client_src_port,1000)", true);
        check("lt(client_src_port,999)", false);
        check("ge(report_timestamp,2024-01-01T00:00:00Z)", true);
        check("lt(report_timestamp,2024-01-01T00:00:00Z)", false);
        check("eq(report_timestamp,2024-01-01T01:00:00+01:00)", true);
        check("le(report_timestamp,2024-01-01T00:00:00)", true);
        check("gt(client_ip,9.255.255.255)", true);
        check("eq(client_ip6,2001:DB8:0::1)", false);
        check("eq(dns_response.authoritative_answer,False)", true);
        check("co(report_timestamp,2024-01)", true);
        check("eq(dns_qtype,dns_record_a)", true);
        check("eq(dns_qtype,A)", true);
        check("eq(dns_response.response_code,DNS_RCODE_NOERROR)", true);
        check("eq(dns_response.records.ttl,30)", true);
        check("co(all,192.0.2.1)", true);
        check("eq(gslbservice,x)", false);
        check("ne(gslbservice,x)", true);
        check("eq(udf,false)", true);
        check("eq(dns_fqdn,\"app.example.com\")", true);
    }

    #[test]
    fn filters_of_requests_compare_paths_statuses_and_times() {
        let check = |filter: &str, expected| check_log(&request(), filter, expected);
        check("sw(uri_path,/cart/)", true);
        check("co(uri_path,[/shop,/42])", true);
        check("ge(response_code,500)", true);
        check("lt(response_code,500)", false);
        check("eq(response_code,[502,503])", true);
        check("eq(method,get)", true);
        check("eq(server_ip,192.0.2.80)", true);
        check("gt(total_time,11)", true);
        check("gt(total_time,12)", false);
        check("gt(total_time_us,12344)", true);
        check("eq(response_time_first_byte,0)", false);
        check("eq(adf,true)", true);
        check("co(all,192.0.2.80)", true);
        check("co(all,192.0.2.81)", false);
    }

    #[test]
    fn a_field_of_another_release_holds_for_no_log() {
        let filter = |operator| Filter { field: "of_the_future".into(), operator, values: vec![String::new()] };
        let holds = |operator| Matcher::new(LogKind::Http, &filter(operator)).holds(&request());
        assert_eq!([holds(Operator::Eq), holds(Operator::Co), holds(Operator::Ne)], [false, false, true]);
    }

    #[track_caller]
    fn refuse(filter: &str, expected: &str) {
        assert!(parse_filter(LogKind::Dns, filter).unwrap_err().to_string().contains(expected), "{filter}");
    }

    #[test]
    fn what_is_no_filter_is_told() {
        refuse("dns_fqdn=x", "write op(field,value)");
        refuse("eq(dns_fqdn)", "write op(field,value)");
        refuse("is(dns_fqdn,x)", "`is` is no operator");
        refuse("eq(fqdn,x)", "no field `fqdn`");
        refuse("eq(dns_fqdn.x,x)", "no field `dns_fqdn.x`");
        refuse("gt(all,x)", "not with gt");
        let when = "`nonsense` cannot be compared with report_timestamp: write a time such as";
        refuse("ge(report_timestamp,nonsense)", when);
        refuse("lt(dns_ips,10)", "`10` cannot be compared with dns_ips: write an address");
        refuse("eq(client_ip,[10.1.2.3,x])", "`x` cannot be compared with client_ip");
        refuse("eq(dns_response.records.addr_ip,x)", "write an address");
        refuse("gt(client_src_port,many)", "write a number");
        refuse("eq(dns_response.records.ttl,x)", "write a number");
        refuse("eq(adf,1)", "write true or false");
        refuse("eq(uri_path,/)", "no field `uri_path`");
        let of_http = |filter: &str| parse_filter(LogKind::Http, filter).unwrap_err().to_string();
        assert!(of_http("eq(response_code,many)").contains("write a number"));
        assert!(of_http("eq(dns_fqdn,x)").contains("no field `dns_fqdn`"));
    }
}
