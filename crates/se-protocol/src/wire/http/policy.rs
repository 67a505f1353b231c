//! Policy sets: rules, what they match, what they do.

use bytes::Bytes;
use model::http;

use super::super::{
    ConvertError, HeaderEdit, HeaderMatch, HeaderSetting, HostMatch, IndexRange, IpMatch, IpRange, LocalFile,
    LocalResponse, Membership, MethodMatch, Nothing, PathMatch, PathRule, PolicySet, PortMatch, Redirect, RequestMatch,
    RequestRule, SecurityRule, StringCriterion, UriPart, all, header_edit, header_setting, ip_from_bytes, ip_to_bytes,
    narrow, request_rule, required, security_rule, uri_part,
};

impl From<&http::PolicySet> for PolicySet {
    fn from(http::PolicySet { uuid, name, security, request }: &http::PolicySet) -> Self {
        Self {
            uuid: uuid.clone(),
            name: name.clone(),
            security: security.iter().map(SecurityRule::from).collect(),
            request: request.iter().map(RequestRule::from).collect(),
        }
    }
}

impl TryFrom<PolicySet> for http::PolicySet {
    type Error = ConvertError;
    fn try_from(PolicySet { uuid, name, security, request }: PolicySet) -> Result<Self, ConvertError> {
        Ok(Self { uuid, name, security: all(security)?, request: all(request)? })
    }
}

impl From<&http::SecurityRule> for SecurityRule {
    fn from(http::SecurityRule { name, matches, action }: &http::SecurityRule) -> Self {
        use security_rule::Action;
        let action = match action {
            http::SecurityAction::Allow => Action::Allow(Nothing {}),
            http::SecurityAction::CloseConnection => Action::CloseConnection(Nothing {}),
            http::SecurityAction::Respond(response) => Action::Respond(response.into()),
            http::SecurityAction::RedirectToHttps { port } => Action::RedirectToHttps(u32::from(*port)),
        };
        Self { name: name.clone(), matches: Some(matches.into()), action: Some(action) }
    }
}

impl TryFrom<SecurityRule> for http::SecurityRule {
    type Error = ConvertError;
    fn try_from(SecurityRule { name, matches, action }: SecurityRule) -> Result<Self, ConvertError> {
        use security_rule::Action;
        let action = match required("action", action)? {
            Action::Allow(Nothing {}) => http::SecurityAction::Allow,
            Action::CloseConnection(Nothing {}) => http::SecurityAction::CloseConnection,
            Action::Respond(response) => http::SecurityAction::Respond(response.try_into()?),
            Action::RedirectToHttps(port) => http::SecurityAction::RedirectToHttps { port: narrow("port", port)? },
        };
        Ok(Self { name, matches: required("matches", matches)?.try_into()?, action })
    }
}

impl From<&http::RequestRule> for RequestRule {
    fn from(http::RequestRule { name, matches, header_edits, action }: &http::RequestRule) -> Self {
        use request_rule::Action;
        let action = action.as_ref().map(|action| match action {
            http::RequestAction::Redirect(redirect) => Action::Redirect(redirect.into()),
            http::RequestAction::Select(target) => Action::Select(target.into()),
            http::RequestAction::Respond(response) => Action::Respond(response.into()),
        });
        let header_edits = header_edits.iter().map(HeaderEdit::from).collect();
        Self { name: name.clone(), matches: Some(matches.into()), header_edits, action }
    }
}

impl TryFrom<RequestRule> for http::RequestRule {
    type Error = ConvertError;
    fn try_from(RequestRule { name, matches, header_edits, action }: RequestRule) -> Result<Self, ConvertError> {
        use request_rule::Action;
        let action = match action {
            None => None,
            Some(Action::Redirect(redirect)) => Some(http::RequestAction::Redirect(redirect.try_into()?)),
            Some(Action::Select(target)) => Some(http::RequestAction::Select(target.try_into()?)),
            Some(Action::Respond(response)) => Some(http::RequestAction::Respond(response.try_into()?)),
        };
        let matches = required("matches", matches)?.try_into()?;
        Ok(Self { name, matches, header_edits: all(header_edits)?, action })
    }
}

impl From<&http::Redirect> for Redirect {
    fn from(http::Redirect { https, port, host, path, keep_query, status }: &http::Redirect) -> Self {
        Self {
            https: *https,
            port: port.map(u32::from),
            host: host.iter().map(UriPart::from).collect(),
            path: path.iter().map(UriPart::from).collect(),
            keep_query: *keep_query,
            status: u32::from(*status),
        }
    }
}

impl TryFrom<Redirect> for http::Redirect {
    type Error = ConvertError;
    fn try_from(message: Redirect) -> Result<Self, ConvertError> {
        let Redirect { https, port, host, path, keep_query, status } = message;
        Ok(Self {
            https,
            port: port.map(|port| narrow("port", port)).transpose()?,
            host: all(host)?,
            path: all(path)?,
            keep_query,
            status: narrow("status", status)?,
        })
    }
}

impl From<&http::UriPart> for UriPart {
    fn from(part: &http::UriPart) -> Self {
        use uri_part::Kind;
        let range = |first: u16, last: u16| IndexRange { first: u32::from(first), last: u32::from(last) };
        let kind = match part {
            http::UriPart::Text(text) => Kind::Text(text.clone()),
            http::UriPart::HostLabels(first, last) => Kind::HostLabels(range(*first, *last)),
            http::UriPart::PathSegments(first, last) => Kind::PathSegments(range(*first, *last)),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<UriPart> for http::UriPart {
    type Error = ConvertError;
    fn try_from(message: UriPart) -> Result<Self, ConvertError> {
        use uri_part::Kind;
        let range = |IndexRange { first, last }| -> Result<(u16, u16), ConvertError> {
            Ok((narrow("first", first)?, narrow("last", last)?))
        };
        Ok(match required("uri_part", message.kind)? {
            Kind::Text(text) => Self::Text(text),
            Kind::HostLabels(labels) => range(labels).map(|(first, last)| Self::HostLabels(first, last))?,
            Kind::PathSegments(segments) => range(segments).map(|(first, last)| Self::PathSegments(first, last))?,
        })
    }
}

impl From<&http::LocalResponse> for LocalResponse {
    fn from(http::LocalResponse { status, file }: &http::LocalResponse) -> Self {
        let file = file.as_ref().map(|(content_type, body)| LocalFile {
            content_type: content_type.clone(),
            body: Bytes::copy_from_slice(body),
        });
        Self { status: u32::from(*status), file }
    }
}

impl TryFrom<LocalResponse> for http::LocalResponse {
    type Error = ConvertError;
    fn try_from(LocalResponse { status, file }: LocalResponse) -> Result<Self, ConvertError> {
        let file = file.map(|LocalFile { content_type, body }| (content_type, body.to_vec()));
        Ok(Self { status: narrow("status", status)?, file })
    }
}

impl From<&http::HeaderEdit> for HeaderEdit {
    fn from(edit: &http::HeaderEdit) -> Self {
        use header_edit::Kind;
        let kind = match edit {
            http::HeaderEdit::Add(name, value) => Kind::Add(setting(name, value)),
            http::HeaderEdit::Replace(name, value) => Kind::Replace(setting(name, value)),
            http::HeaderEdit::Remove(name) => Kind::Remove(name.clone()),
        };
        Self { kind: Some(kind) }
    }
}

fn setting(name: &str, value: &http::HeaderValue) -> HeaderSetting {
    use header_setting::Value;
    let value = match value {
        http::HeaderValue::Text(text) => Value::Text(text.clone()),
        http::HeaderValue::ClientIp => Value::ClientIp(Nothing {}),
        http::HeaderValue::ServiceIp => Value::ServiceIp(Nothing {}),
        http::HeaderValue::ServicePort => Value::ServicePort(Nothing {}),
        http::HeaderValue::Header(header) => Value::Header(header.clone()),
    };
    HeaderSetting { name: name.to_owned(), value: Some(value) }
}

impl TryFrom<HeaderEdit> for http::HeaderEdit {
    type Error = ConvertError;
    fn try_from(message: HeaderEdit) -> Result<Self, ConvertError> {
        use header_edit::Kind;
        use header_setting::Value;
        let set = |HeaderSetting { name, value }| {
            let value = match required("value", value)? {
                Value::Text(text) => http::HeaderValue::Text(text),
                Value::ClientIp(Nothing {}) => http::HeaderValue::ClientIp,
                Value::ServiceIp(Nothing {}) => http::HeaderValue::ServiceIp,
                Value::ServicePort(Nothing {}) => http::HeaderValue::ServicePort,
                Value::Header(header) => http::HeaderValue::Header(header),
            };
            Ok::<_, ConvertError>((name, value))
        };
        Ok(match required("header_edit", message.kind)? {
            Kind::Add(setting) => set(setting).map(|(name, value)| Self::Add(name, value))?,
            Kind::Replace(setting) => set(setting).map(|(name, value)| Self::Replace(name, value))?,
            Kind::Remove(name) => Self::Remove(name),
        })
    }
}

impl From<&http::HostMatch> for HostMatch {
    fn from(http::HostMatch { host, rules }: &http::HostMatch) -> Self {
        Self { host: host.clone(), rules: rules.iter().map(PathRule::from).collect() }
    }
}

impl TryFrom<HostMatch> for http::HostMatch {
    type Error = ConvertError;
    fn try_from(HostMatch { host, rules }: HostMatch) -> Result<Self, ConvertError> {
        Ok(Self { host, rules: all(rules)? })
    }
}

impl From<&http::PathRule> for PathRule {
    fn from(http::PathRule { name, matches }: &http::PathRule) -> Self {
        Self { name: name.clone(), matches: Some(matches.into()) }
    }
}

impl TryFrom<PathRule> for http::PathRule {
    type Error = ConvertError;
    fn try_from(PathRule { name, matches }: PathRule) -> Result<Self, ConvertError> {
        Ok(Self { name, matches: required("matches", matches)?.try_into()? })
    }
}

impl From<&http::RequestMatch> for RequestMatch {
    fn from(matches: &http::RequestMatch) -> Self {
        let http::RequestMatch { client_ip, port, https, method, path, host, headers } = matches;
        Self {
            client_ip: client_ip.as_ref().map(IpMatch::from),
            port: port.as_ref().map(|(membership, ports)| PortMatch {
                membership: Membership::from(*membership).into(),
                ports: ports.iter().copied().map(u32::from).collect(),
            }),
            https: *https,
            method: method.as_ref().map(|(membership, methods)| MethodMatch {
                membership: Membership::from(*membership).into(),
                methods: methods.clone(),
            }),
            path: path.as_ref().map(PathMatch::from),
            host: host.as_ref().map(HeaderMatch::from),
            headers: headers.iter().map(HeaderMatch::from).collect(),
        }
    }
}

impl TryFrom<RequestMatch> for http::RequestMatch {
    type Error = ConvertError;
    fn try_from(message: RequestMatch) -> Result<Self, ConvertError> {
        let RequestMatch { client_ip, port, https, method, path, host, headers } = message;
        let ports = |PortMatch { membership, ports }| {
            let ports = ports.into_iter().map(|port| narrow("port", port)).collect::<Result<Vec<u16>, _>>()?;
            Ok::<_, ConvertError>((Membership::known(membership)?, ports))
        };
        let methods =
            |MethodMatch { membership, methods }| Ok::<_, ConvertError>((Membership::known(membership)?, methods));
        Ok(Self {
            client_ip: client_ip.map(http::IpMatch::try_from).transpose()?,
            port: port.map(ports).transpose()?,
            https,
            method: method.map(methods).transpose()?,
            path: path.map(http::PathMatch::try_from).transpose()?,
            host: host.map(http::HeaderMatch::try_from).transpose()?,
            headers: all(headers)?,
        })
    }
}

impl From<&http::IpMatch> for IpMatch {
    fn from(http::IpMatch { membership, ranges }: &http::IpMatch) -> Self {
        let range = |(first, last)| IpRange { first: ip_to_bytes(first), last: ip_to_bytes(last) };
        Self {
            membership: Membership::from(*membership).into(),
            ranges: ranges.iter().map(|(first, last)| range((first, last))).collect(),
        }
    }
}

impl TryFrom<IpMatch> for http::IpMatch {
    type Error = ConvertError;
    fn try_from(IpMatch { membership, ranges }: IpMatch) -> Result<Self, ConvertError> {
        let range = |IpRange { first, last }| Ok((ip_from_bytes(&first)?, ip_from_bytes(&last)?));
        let ranges = ranges.into_iter().map(range).collect::<Result<_, ConvertError>>()?;
        Ok(Self { membership: Membership::known(membership)?, ranges })
    }
}

impl From<&http::PathMatch> for PathMatch {
    fn from(matches: &http::PathMatch) -> Self {
        let http::PathMatch { criterion, negated, case_sensitive, decoded, values } = matches;
        Self {
            criterion: StringCriterion::from(*criterion).into(),
            negated: *negated,
            case_sensitive: *case_sensitive,
            decoded: *decoded,
            values: values.clone(),
        }
    }
}

impl TryFrom<PathMatch> for http::PathMatch {
    type Error = ConvertError;
    fn try_from(message: PathMatch) -> Result<Self, ConvertError> {
        let PathMatch { criterion, negated, case_sensitive, decoded, values } = message;
        Ok(Self { criterion: StringCriterion::known(criterion)?, negated, case_sensitive, decoded, values })
    }
}

impl From<&http::HeaderMatch> for HeaderMatch {
    fn from(matches: &http::HeaderMatch) -> Self {
        let http::HeaderMatch { header, criterion, negated, case_sensitive, values } = matches;
        Self {
            header: header.clone(),
            criterion: StringCriterion::from(*criterion).into(),
            negated: *negated,
            case_sensitive: *case_sensitive,
            values: values.clone(),
        }
    }
}

impl TryFrom<HeaderMatch> for http::HeaderMatch {
    type Error = ConvertError;
    fn try_from(message: HeaderMatch) -> Result<Self, ConvertError> {
        let HeaderMatch { header, criterion, negated, case_sensitive, values } = message;
        Ok(Self { header, criterion: StringCriterion::known(criterion)?, negated, case_sensitive, values })
    }
}
