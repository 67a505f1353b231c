//! The request of an HTTP monitor: avi-api 6.2.

use std::net::SocketAddr;

use model::monitor::HttpCheck;

/// The bytes to send.
///
/// `GET /healthz HTTP/1.1\r\nX-Probe: 1` (backslashes as typed) becomes a request line, the header typed after it, and
/// `Host`, `User-Agent`, `Accept` and, with a body, `Content-Length`, each unless typed. What is missing in the line is
/// taken from `GET / HTTP/1.0`. An exact request gets nothing but its line ends.
pub(crate) fn compose(check: &HttpCheck, host: &str, address: SocketAddr) -> Vec<u8> {
    let typed = check.request.replace("\\r\\n", "\r\n");
    let mut bytes = if check.exact_request { exact(&typed) } else { normalised(&typed, check, host, address) };
    if let Some(body) = &check.request_body {
        bytes.extend_from_slice(body.as_bytes());
    }
    bytes
}

/// Whether the request asks for no body in the answer.
pub(crate) fn is_head(request: &[u8]) -> bool {
    request.split(|byte| *byte == b' ').next().is_some_and(|method| method.eq_ignore_ascii_case(b"HEAD"))
}

fn exact(typed: &str) -> Vec<u8> {
    let missing = if typed.contains("\r\n\r\n") {
        ""
    } else if typed.ends_with("\r\n") {
        "\r\n"
    } else {
        "\r\n\r\n"
    };
    [typed, missing].concat().into_bytes()
}

fn normalised(typed: &str, check: &HttpCheck, host: &str, address: SocketAddr) -> Vec<u8> {
    let mut lines = typed.split("\r\n").flat_map(|line| line.split('\n')).map(str::trim);
    let mut words = lines.next().unwrap_or_default().split_whitespace();
    let method = words.next().unwrap_or("GET").to_ascii_uppercase();
    let path = words.next().unwrap_or("/");
    let version = words.next().unwrap_or("HTTP/1.0").to_ascii_uppercase();
    let headers: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let is_typed = |name: &str| {
        headers
            .iter()
            .any(|line| line.split_once(':').is_some_and(|(typed, _)| typed.trim().eq_ignore_ascii_case(name)))
    };

    let mut head = format!("{method} {path} {version}\r\n");
    let mut push = |name: &str, value: &str| {
        if !is_typed(name) {
            head.extend([name, ": ", value, "\r\n"]);
        }
    };
    if !host.is_empty() {
        push("Host", host);
    } else if version == "HTTP/1.1" {
        push("Host", &address.to_string());
    }
    push("User-Agent", "avi/1.0");
    push("Accept", "*/*");
    if let Some(body) = &check.request_body {
        push("Content-Length", &body.len().to_string());
    }
    for line in headers {
        head.extend([line, "\r\n"]);
    }
    head.push_str("\r\n");
    head.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::answer::tests::http_check;
    use super::*;

    #[track_caller]
    fn check(request: &str, host: &str, expected: &str) {
        let check = HttpCheck { request: request.into(), ..http_check() };
        assert_eq!(composed(&check, host), expected);
    }

    fn composed(check: &HttpCheck, host: &str) -> String {
        String::from_utf8(compose(check, host, "192.0.2.1:8080".parse().unwrap())).unwrap()
    }

    #[test]
    fn the_usual_headers_are_added() {
        let expected = "HEAD / HTTP/1.0\r\nHost: a.example\r\nUser-Agent: avi/1.0\r\nAccept: */*\r\n\r\n";
        check("HEAD / HTTP/1.0", "a.example", expected);
        check("  head   /  http/1.0 ", "a.example", expected);
    }

    #[test]
    fn the_host_header_needs_a_host_or_version_1_1() {
        check("GET / HTTP/1.0", "", "GET / HTTP/1.0\r\nUser-Agent: avi/1.0\r\nAccept: */*\r\n\r\n");
        check(
            "GET / HTTP/1.1",
            "",
            "GET / HTTP/1.1\r\nHost: 192.0.2.1:8080\r\nUser-Agent: avi/1.0\r\nAccept: */*\r\n\r\n",
        );
    }

    #[test]
    fn what_is_missing_in_the_line_is_filled_in() {
        for request in ["", "GET", "GET /", "GET / HTTP/1.0"] {
            check(request, "", "GET / HTTP/1.0\r\nUser-Agent: avi/1.0\r\nAccept: */*\r\n\r\n");
        }
    }

    #[test]
    fn typed_line_ends_separate_headers_and_typed_headers_win() {
        check(
            r"GET /h HTTP/1.1\r\nX-Probe: 1\r\nhost: b.example\r\n\r\n",
            "a.example",
            "GET /h HTTP/1.1\r\nUser-Agent: avi/1.0\r\nAccept: */*\r\nX-Probe: 1\r\nhost: b.example\r\n\r\n",
        );
    }

    #[test]
    fn a_body_gets_its_length() {
        let check =
            HttpCheck { request: "POST /p HTTP/1.0".into(), request_body: Some("ping é".into()), ..http_check() };
        let expected = "POST /p HTTP/1.0\r\nUser-Agent: avi/1.0\r\nAccept: */*\r\nContent-Length: 7\r\n\r\nping é";
        assert_eq!(composed(&check, ""), expected);
    }

    #[test]
    fn an_exact_request_gets_only_its_end() {
        for request in ["get /x HTTP/1.1", r"get /x HTTP/1.1\r\n", r"get /x HTTP/1.1\r\n\r\n"] {
            let check = HttpCheck { request: request.into(), exact_request: true, ..http_check() };
            assert_eq!(composed(&check, "a.example"), "get /x HTTP/1.1\r\n\r\n");
        }
    }

    #[test]
    fn head_is_recognised() {
        assert!(is_head(b"HEAD / HTTP/1.0\r\n\r\n"));
        assert!(is_head(b"head / HTTP/1.0\r\n\r\n"));
        assert!(!is_head(b"GET /HEAD HTTP/1.0\r\n\r\n"));
        assert!(!is_head(b""));
    }
}
