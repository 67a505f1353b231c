//! What a request is matched against, compiled.

use std::borrow::Cow;
use std::net::IpAddr;

use model::http::{HeaderMatch, IpMatch, Membership, PathMatch, RequestMatch, StringCriterion};
use regex::{Regex, RegexBuilder};

/// Octets of the program that a regular expression may become.
const REGEX_SIZE_MAX: usize = 1 << 20;

/// Head of a request, as rules see it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Method, as `GET`.
    pub method: &'a str,
    /// Host in lower case, without port and without trailing dot, see [`crate::normalize_host`]; empty when there is none.
    pub host: &'a str,
    /// Path from its slash on, as the client sent it.
    pub path: &'a str,
    /// Query without its question mark.
    pub query: Option<&'a str>,
    /// Whether it came by TLS.
    pub https: bool,
    /// Port of the virtual service, as configured.
    pub port: u16,
    /// The client's address.
    pub client: IpAddr,
    /// Its headers.
    pub headers: &'a dyn Headers,
}

/// Looks headers up.
pub trait Headers {
    /// Whether any header of that name, in whatever case, has a value of which `holds` is true.
    fn any(&self, name: &str, holds: &mut dyn FnMut(&str) -> bool) -> bool;
}

impl Headers for &[(&str, &str)] {
    fn any(&self, name: &str, holds: &mut dyn FnMut(&str) -> bool) -> bool {
        self.iter().any(|(known, value)| known.eq_ignore_ascii_case(name) && holds(value))
    }
}

/// A [`RequestMatch`], ready to be used.
#[derive(Debug)]
pub(crate) struct Matcher {
    client_ip: Option<IpMatch>,
    port: Option<(Membership, Vec<u16>)>,
    https: Option<bool>,
    method: Option<(Membership, Vec<String>)>,
    path: Option<(Text, bool)>,
    host: Option<Text>,
    headers: Vec<(String, Text)>,
}

/// Any of some values, or none of them.
#[derive(Debug)]
struct Text {
    criterion: StringCriterion,
    negated: bool,
    case_sensitive: bool,
    /// In lower case unless case counts.
    values: Vec<String>,
    expressions: Vec<Regex>,
}

impl Matcher {
    /// Matches every request.
    pub(crate) const fn any() -> Self {
        Self { client_ip: None, port: None, https: None, method: None, path: None, host: None, headers: Vec::new() }
    }

    /// # Errors
    /// When a regular expression is none; says which and why.
    pub(crate) fn compile(source: &RequestMatch) -> Result<Self, String> {
        let path = |path: &PathMatch| {
            Text::compile(path.criterion, path.negated, path.case_sensitive, &path.values)
                .map(|text| (text, path.decoded))
        };
        let header = |header: &HeaderMatch| {
            Text::compile(header.criterion, header.negated, header.case_sensitive, &header.values)
        };
        Ok(Self {
            client_ip: source.client_ip.clone(),
            port: source.port.clone(),
            https: source.https,
            method: source.method.clone(),
            path: source.path.as_ref().map(path).transpose()?,
            host: source.host.as_ref().map(header).transpose()?,
            headers: source
                .headers
                .iter()
                .map(|source| Ok((source.header.clone(), header(source)?)))
                .collect::<Result<_, String>>()?,
        })
    }

    pub(crate) fn matches(&self, request: &Request<'_>) -> bool {
        self.https.is_none_or(|https| https == request.https)
            && self.port.as_ref().is_none_or(|(membership, ports)| is_met(*membership, ports.contains(&request.port)))
            && self.path.as_ref().is_none_or(|(text, decoded)| text.matches(&path_of(request, *decoded)))
            && self.host.as_ref().is_none_or(|text| text.holds(|check| !request.host.is_empty() && check(request.host)))
            && self.method.as_ref().is_none_or(|(membership, methods)| {
                is_met(*membership, methods.iter().any(|method| method == request.method))
            })
            && self.client_ip.as_ref().is_none_or(|ip| {
                is_met(ip.membership, ip.ranges.iter().any(|&(first, last)| is_between(request.client, first, last)))
            })
            && self.headers.iter().all(|(name, text)| text.holds(|check| request.headers.any(name, check)))
    }
}

impl Text {
    fn compile(
        criterion: StringCriterion,
        negated: bool,
        case_sensitive: bool,
        values: &[String],
    ) -> Result<Self, String> {
        let expressions = if criterion == StringCriterion::Regex {
            values.iter().map(|value| compile_regex(value, case_sensitive)).collect::<Result<_, _>>()?
        } else {
            vec![]
        };
        let values = values
            .iter()
            .map(|value| if case_sensitive { value.clone() } else { value.to_ascii_lowercase() })
            .collect();
        Ok(Self { criterion, negated, case_sensitive, values, expressions })
    }

    fn matches(&self, text: &str) -> bool {
        self.is_any(text) != self.negated
    }

    /// For a subject with no, one or several texts: `any` says whether a check holds for one of them.
    fn holds(&self, any: impl FnOnce(&mut dyn FnMut(&str) -> bool) -> bool) -> bool {
        any(&mut |text| self.is_any(text)) != self.negated
    }

    fn is_any(&self, text: &str) -> bool {
        if self.criterion == StringCriterion::Exists {
            return true;
        }
        if self.criterion == StringCriterion::Regex {
            return self.expressions.iter().any(|expression| expression.is_match(text));
        }
        let text = if self.case_sensitive { Cow::Borrowed(text) } else { lower(text) };
        self.values.iter().any(|value| match self.criterion {
            StringCriterion::BeginsWith => text.starts_with(value.as_str()),
            StringCriterion::Contains => text.contains(value.as_str()),
            StringCriterion::EndsWith => text.ends_with(value.as_str()),
            StringCriterion::Equals => text == value.as_str(),
            StringCriterion::Regex | StringCriterion::Exists => false,
        })
    }
}

/// `text` in lower case; copied only where there is something to change.
pub(crate) fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|octet| octet.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn compile_regex(pattern: &str, case_sensitive: bool) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .case_insensitive(!case_sensitive)
        .size_limit(REGEX_SIZE_MAX)
        .build()
        .map_err(|error| format!("`{pattern}` is no regular expression that can be used: {error}"))
}

fn path_of<'a>(request: &Request<'a>, decoded: bool) -> Cow<'a, str> {
    if decoded { decode(request.path) } else { Cow::Borrowed(request.path) }
}

/// Percent escapes decoded, once. An escape that is none stays; octets that make no UTF-8 become U+FFFD.
fn decode(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&octet, tail)) = rest.split_first() {
        let digits = (octet == b'%').then(|| tail.split_at_checked(2)).flatten();
        let escaped = digits.and_then(|(digits, tail)| {
            let digits =
                std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|d| d.is_ascii_hexdigit()))?;
            Some((u8::from_str_radix(digits, 16).ok()?, tail))
        });
        let (octet, tail) = escaped.unwrap_or((octet, tail));
        decoded.push(octet);
        rest = tail;
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

fn is_met(membership: Membership, is_in: bool) -> bool {
    is_in == (membership == Membership::In)
}

fn is_between(address: IpAddr, first: IpAddr, last: IpAddr) -> bool {
    address.is_ipv4() == first.is_ipv4() && (first..=last).contains(&address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::testing::path;

    fn request(path: &str) -> Request<'_> {
        Request {
            method: "GET",
            host: "app.example.com",
            path,
            query: None,
            https: false,
            port: 80,
            client: "192.0.2.7".parse().unwrap(),
            headers: &(&[("Cookie", "a=1"), ("cookie", "b=2")] as &[(&str, &str)]),
        }
    }

    #[track_caller]
    fn check(source: &RequestMatch, text: &str, expected: bool) {
        assert_eq!(Matcher::compile(source).unwrap().matches(&request(text)), expected, "{source:?} on {text}");
    }

    #[test]
    fn paths_are_matched_by_each_criterion() {
        for (criterion, value, hit, miss) in [
            (StringCriterion::BeginsWith, "/foo", "/foobar", "/a/foo"),
            (StringCriterion::Contains, "oo", "/foobar", "/bar"),
            (StringCriterion::EndsWith, ".jpg", "/a.JPG", "/a.jpg/"),
            (StringCriterion::Equals, "/Foo", "/fOO", "/foo/"),
            (StringCriterion::Regex, "^/v[12]/", "/V2/x", "/v3/x"),
            (StringCriterion::Equals, "/a b", "/a%20b", "/a%2520b"),
        ] {
            let mut source = path(criterion, value);
            check(&source, hit, true);
            check(&source, miss, false);
            if let Some(path) = &mut source.path {
                path.negated = true;
            }
            check(&source, hit, false);
            check(&source, miss, true);
        }
    }

    #[test]
    fn an_escape_that_is_none_stays() {
        for (text, decoded) in
            [("/%", "/%"), ("/%4", "/%4"), ("/%zz%41", "/%zzA"), ("/%+1", "/%+1"), ("/%ff", "/\u{fffd}")]
        {
            assert_eq!(decode(text), decoded);
        }
    }

    #[test]
    fn headers_addresses_and_methods_count_together() {
        let cookie = |value: &str, negated| HeaderMatch {
            header: "COOKIE".into(),
            criterion: StringCriterion::Contains,
            negated,
            case_sensitive: true,
            values: vec![value.into()],
        };
        let ip = |last: &str| IpMatch {
            membership: Membership::In,
            ranges: vec![("192.0.2.0".parse().unwrap(), last.parse().unwrap())],
        };
        let source = RequestMatch {
            headers: vec![cookie("b=2", false), cookie("c=3", true)],
            client_ip: Some(ip("192.0.2.255")),
            method: Some((Membership::NotIn, vec!["POST".into()])),
            port: Some((Membership::In, vec![443, 80])),
            https: Some(false),
            ..RequestMatch::default()
        };
        check(&source, "/", true);
        check(&RequestMatch { client_ip: Some(ip("192.0.2.6")), ..source.clone() }, "/", false);
        check(&RequestMatch { headers: vec![cookie("a=1", true)], ..source.clone() }, "/", false);
        check(&RequestMatch { https: Some(true), ..source }, "/", false);
    }

    #[test]
    fn a_pattern_that_looks_around_is_refused_with_a_reason() {
        assert!(Matcher::compile(&path(StringCriterion::Regex, "(?=x)")).unwrap_err().contains("(?=x)"));
    }
}
