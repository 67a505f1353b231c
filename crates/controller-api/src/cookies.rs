//! The three session cookies: reading what clients send, stale duplicates included, and writing them (avi-api 1.2).

use cookie::{Cookie, time::Duration};
use http::{HeaderMap, HeaderValue, header};

/// Name of the cookie that scripts read to fill `X-CSRFToken`.
pub(crate) const CSRF: &str = "csrftoken";
/// Names that carry the session id; both always hold the same value.
pub(crate) const SESSION: [&str; 2] = ["sessionid", "avi-sessionid"];

const CSRF_MAX_AGE: Duration = Duration::seconds(31_449_600);
const SESSION_MAX_AGE: Duration = Duration::seconds(86_400);
/// Session ids looked at in one request; more than a client with stale duplicates ever sends.
const CANDIDATES_MAX: usize = 32;

/// Every session id a request presents, in order, without repetition.
pub(crate) fn session_ids(headers: &HeaderMap) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    for pair in texts.flat_map(|text| text.split(';')) {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = value.trim().trim_matches('"');
        if SESSION.contains(&name.trim())
            && !value.is_empty()
            && !found.contains(&value)
            && found.len() < CANDIDATES_MAX
        {
            found.push(value);
        }
    }
    found
}

/// Sets the session cookies with a new expiry.
pub(crate) fn set_session(headers: &mut HeaderMap, session_id: &str, secure: bool) {
    for name in SESSION {
        append(headers, Cookie::build((name, session_id)).http_only(true).max_age(SESSION_MAX_AGE), secure);
    }
}

/// Sets the CSRF cookie; only a login does.
pub(crate) fn set_csrf(headers: &mut HeaderMap, token: &str, secure: bool) {
    append(headers, Cookie::build((CSRF, token)).max_age(CSRF_MAX_AGE), secure);
}

fn append(headers: &mut HeaderMap, cookie: cookie::CookieBuilder<'_>, secure: bool) {
    // On plain HTTP `Secure` would make cookie jars drop the cookie (avi-api 1.2).
    let text = cookie.path("/").secure(secure).build().to_string();
    // Tokens are alphanumeric by construction, so the text is always a header value.
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.append(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_duplicates_are_all_seen_once() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("sessionid=old; csrftoken=x; sessionid=new; avi-sessionid=new"),
        );
        headers.append(header::COOKIE, HeaderValue::from_static("avi-sessionid=\"third\"; sessionid="));
        assert_eq!(session_ids(&headers), ["old", "new", "third"]);
    }

    #[test]
    fn attributes_are_those_of_the_specification() {
        let mut headers = HeaderMap::new();
        set_csrf(&mut headers, "c", true);
        set_session(&mut headers, "s", false);
        let texts: Vec<_> = headers.get_all(header::SET_COOKIE).iter().map(|v| v.to_str().unwrap()).collect();
        assert_eq!(
            texts,
            [
                "csrftoken=c; Secure; Path=/; Max-Age=31449600",
                "sessionid=s; HttpOnly; Path=/; Max-Age=86400",
                "avi-sessionid=s; HttpOnly; Path=/; Max-Age=86400",
            ]
        );
    }
}
