//! One login: the cookies that stand for it.

use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};

/// Cookies of one login; kept by hand, because they are taken from the login answer alone (amko 7.3).
#[derive(Clone)]
pub(crate) struct Session {
    /// `X-CSRFToken`.
    pub(crate) csrf_token: HeaderValue,
    /// `Cookie`: token and session, the latter under both its names (amko 7.2).
    pub(crate) cookies: HeaderValue,
}

impl Session {
    /// Reads the cookies of a login answer.
    ///
    /// # Errors
    /// Says which cookie is missing or unusable.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, String> {
        let mut csrf_token = None;
        let mut session_id = None;
        for header in headers.get_all(SET_COOKIE) {
            let Some(cookie) = header.to_str().ok().and_then(|text| cookie::Cookie::parse(text).ok()) else {
                continue;
            };
            match cookie.name() {
                "csrftoken" => csrf_token = Some(cookie.value().to_owned()),
                "sessionid" | "avi-sessionid" => session_id = Some(cookie.value().to_owned()),
                _ => {}
            }
        }
        let csrf_token = csrf_token.ok_or("the login answer sets no cookie `csrftoken`")?;
        let session_id = session_id.ok_or("the login answer sets no cookie `sessionid`")?;
        let cookies = format!("csrftoken={csrf_token}; sessionid={session_id}; avi-sessionid={session_id}");
        Ok(Self { csrf_token: secret(&csrf_token)?, cookies: secret(&cookies)? })
    }
}

fn secret(text: &str) -> Result<HeaderValue, String> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| "a cookie of the login answer holds control characters".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&'static str]) -> HeaderMap {
        cookies.iter().map(|cookie| (SET_COOKIE, HeaderValue::from_static(cookie))).collect()
    }

    #[test]
    fn either_session_cookie_completes_the_login() {
        for name in ["sessionid=s1; Path=/; HttpOnly", "avi-sessionid=s1; Secure"] {
            let session = Session::from_headers(&headers(&["csrftoken=t; Path=/", name])).unwrap();
            assert_eq!(session.csrf_token, "t");
            assert_eq!(session.cookies, "csrftoken=t; sessionid=s1; avi-sessionid=s1");
        }
    }

    #[test]
    fn a_login_without_both_cookies_is_refused() {
        for cookies in [&["csrftoken=t"][..], &["sessionid=s"], &["garbage"], &[]] {
            assert!(Session::from_headers(&headers(cookies)).is_err(), "{cookies:?}");
        }
    }
}
