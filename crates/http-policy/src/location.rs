//! Where a redirect leads.

use model::http::{Redirect, UriPart};

use crate::matching::Request;

/// The `Location` of `redirect` for this request: `<protocol>://<host>[:port]<path>[?query]` (avi-api 10.4).
#[must_use]
pub fn location(redirect: &Redirect, request: &Request<'_>) -> String {
    let (scheme, default_port) = if redirect.https { ("https", 443) } else { ("http", 80) };
    let mut location = format!("{scheme}://");
    if redirect.host.is_empty() {
        location.push_str(request.host);
    } else {
        location.push_str(&join(&redirect.host, ".", request));
    }
    if let Some(port) = redirect.port.filter(|&port| port != default_port) {
        location.push_str(&format!(":{port}"));
    }
    if redirect.path.is_empty() {
        location.push_str(request.path);
    } else {
        let path = join(&redirect.path, "/", request);
        if !path.starts_with('/') {
            location.push('/');
        }
        location.push_str(&path);
    }
    if let Some(query) = request.query.filter(|_| redirect.keep_query) {
        location.push('?');
        location.push_str(query);
    }
    location
}

fn join(parts: &[UriPart], separator: &str, request: &Request<'_>) -> String {
    let take = |text: &str, by: char, first: u16, last: u16| {
        let wanted = usize::from(last).saturating_add(1).saturating_sub(usize::from(first));
        text.split(by).skip(usize::from(first)).take(wanted).collect::<Vec<_>>().join(separator)
    };
    let parts: Vec<String> = parts
        .iter()
        .map(|part| match part {
            UriPart::Text(text) => text.clone(),
            UriPart::HostLabels(first, last) => take(request.host, '.', *first, *last),
            UriPart::PathSegments(first, last) => {
                take(request.path.strip_prefix('/').unwrap_or(request.path), '/', *first, *last)
            }
        })
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(redirect: &Redirect, expected: &str) {
        let headers: &[(&str, &str)] = &[];
        let request = Request {
            method: "GET",
            host: "hackazon.avi.iberia.local",
            path: "/shop/a",
            query: Some("id=1"),
            https: false,
            port: 80,
            client: "192.0.2.7".parse().unwrap(),
            headers: &headers,
        };
        assert_eq!(location(redirect, &request), expected);
    }

    #[test]
    fn the_story_s_redirect_names_no_default_port() {
        check(&Redirect::to_https(443), "https://hackazon.avi.iberia.local/shop/a?id=1");
        check(&Redirect::to_https(8443), "https://hackazon.avi.iberia.local:8443/shop/a?id=1");
    }

    #[test]
    fn hosts_and_paths_are_put_together_from_parts() {
        let redirect = Redirect {
            https: false,
            port: Some(80),
            host: vec![UriPart::Text("www".into()), UriPart::HostLabels(1, u16::MAX)],
            path: vec![UriPart::Text("new".into()), UriPart::PathSegments(1, 1)],
            keep_query: false,
            status: 301,
        };
        check(&redirect, "http://www.avi.iberia.local/new/a");
        check(&Redirect { path: vec![UriPart::Text("/".into())], ..redirect }, "http://www.avi.iberia.local/");
    }
}
