//! Paths and queries as clients write them: doubled and trailing slashes, raw, percent- and plus-encoded values
//! (avi-api 1.1).

/// The segments of a path, percent-decoded, without empty ones: `//api/pool/` is `["api", "pool"]`.
pub(crate) fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|segment| !segment.is_empty()).map(|segment| decode(segment, false)).collect()
}

/// The parameters of a query in the order given, decoded once; one without `=` has no value. Empty segments, stray `?`
/// and `&` are left out.
pub(crate) fn parameters(query: &str) -> Vec<(String, Option<String>)> {
    parts(query)
        .map(|part| match part.split_once('=') {
            Some((name, value)) => (decode(name, true), Some(decode(value, true))),
            None => (decode(part, true), None),
        })
        .collect()
}

/// The value of the last parameter of that name.
pub(crate) fn parameter<'a>(parameters: &'a [(String, Option<String>)], name: &str) -> Option<&'a str> {
    parameters.iter().rev().find(|(key, _)| key == name).and_then(|(_, value)| value.as_deref())
}

/// The query of the page `page`: everything the client sent, as it sent it, with its own `page` replaced.
pub(crate) fn with_page(query: &str, page: usize) -> String {
    let kept = parts(query).filter(|part| decode(part.split('=').next().unwrap_or(part), true) != "page");
    kept.chain([format!("page={page}").as_str()]).collect::<Vec<_>>().join("&")
}

fn parts(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').map(|part| part.trim_start_matches('?').trim_end_matches('?')).filter(|part| !part.is_empty())
}

/// Decodes `%XX`, and `+` where it means a blank; a `%` that starts no escape stands for itself.
fn decode(text: &str, plus_is_blank: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'+' if plus_is_blank => out.push(b' '),
            b'%' => match (bytes.get(at).and_then(hex), bytes.get(at + 1).and_then(hex)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    at += 2;
                }
                _ => out.push(b'%'),
            },
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_are_counted_once_and_the_last_one_not_at_all() {
        assert_eq!(segments("//api//pool/"), ["api", "pool"]);
        assert_eq!(segments("/"), Vec::<String>::new());
        assert_eq!(segments("/api/pool/a%2Fb"), ["api", "pool", "a/b"]);
    }

    #[track_caller]
    fn check(query: &str, expected: &[(&str, &str)]) {
        let found = parameters(query);
        let found: Vec<_> = found.iter().map(|(k, v)| (k.as_str(), v.as_deref().unwrap_or("-"))).collect();
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn queries_are_decoded_once_and_may_have_holes() {
        check("name=a%20b&x", &[("name", "a b"), ("x", "-")]);
        check("?&name=x", &[("name", "x")]);
        check("name=x&", &[("name", "x")]);
        check("name=x?", &[("name", "x")]);
        check("name=a+b%2Bc", &[("name", "a b+c")]);
        check("name=amko--http--a.b--/", &[("name", "amko--http--a.b--/")]);
        check("name=50%&y=%zz", &[("name", "50%"), ("y", "%zz")]);
        check("name=%252F", &[("name", "%2F")]);
        check("name=a=b", &[("name", "a=b")]);
        check("include_name=", &[("include_name", "")]);
        check("", &[]);
    }

    #[test]
    fn the_next_page_keeps_every_other_parameter_as_sent() {
        assert_eq!(
            with_page("?&include_name&page_size=100&page=1&name.in=a%2Cb&", 2),
            "include_name&page_size=100&name.in=a%2Cb&page=2"
        );
        assert_eq!(with_page("", 2), "page=2");
    }
}
