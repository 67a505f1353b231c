//! Answers as bytes, verdicts as codes.

use proptest::prelude::*;

use super::*;

/// A monitor that wants 2xx and no text.
pub(crate) fn http_check() -> HttpCheck {
    HttpCheck {
        request: "GET / HTTP/1.0".into(),
        exact_request: false,
        request_body: None,
        status_classes: vec![StatusClass::Hundreds(2)],
        response: None,
        response_bytes_max: 2048,
        maintenance_codes: vec![],
        maintenance_response: None,
        server_name: None,
    }
}

fn expecting(text: &str) -> HttpCheck {
    HttpCheck { response: Some(text.into()), ..http_check() }
}

/// Verdict on an answer that the server has not ended.
fn open(check: &HttpCheck, bytes: &[u8]) -> Option<Result<(), FailureCode>> {
    code_of(judge(check, Body::Expected, bytes, false))
}

/// Verdict on an answer that the server has ended by closing.
fn closed(check: &HttpCheck, bytes: &[u8]) -> Option<Result<(), FailureCode>> {
    code_of(judge(check, Body::Expected, bytes, true))
}

fn code_of(progress: Progress) -> Option<Result<(), FailureCode>> {
    match progress {
        Progress::More => None,
        Progress::Verdict { result, .. } => Some(result.map_err(|failure| failure.code)),
    }
}

const PASS: Option<Result<(), FailureCode>> = Some(Ok(()));

const fn failure(code: FailureCode) -> Option<Result<(), FailureCode>> {
    Some(Err(code))
}

#[test]
fn the_head_alone_decides_when_no_text_is_asked_for() {
    let check = http_check();
    assert_eq!(open(&check, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), PASS);
    assert_eq!(open(&check, b"HTTP/1.0 204 \r\n\r\n"), PASS);
    assert_eq!(open(&check, b"HTTP/1.1 503 Busy\r\n\r\n"), failure(FailureCode::ResponseCodeMismatch));
    assert_eq!(open(&check, b"HTTP/1.1 200 OK\r\nContent-"), None);
}

#[test]
fn a_status_mismatch_says_what_was_expected() {
    let check = HttpCheck { status_classes: vec![StatusClass::Hundreds(2), StatusClass::Hundreds(3)], ..http_check() };
    let Progress::Verdict { result: Err(failure), .. } =
        judge(&check, Body::Expected, b"HTTP/1.1 404 x\r\n\r\n", false)
    else {
        panic!("no failure");
    };
    assert_eq!(failure.to_string(), "RESPONSE_CODE_MISMATCH: status 404, expected 2xx or 3xx");
}

#[test]
fn any_class_and_no_class_take_every_status() {
    for status_classes in [vec![], vec![StatusClass::Any]] {
        let check = HttpCheck { status_classes, ..http_check() };
        assert_eq!(open(&check, b"HTTP/1.1 500 x\r\n\r\n"), PASS);
    }
}

#[test]
fn interim_answers_are_passed_over_unless_asked_for() {
    let interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let both = [interim.as_slice(), b"HTTP/1.1 200 OK\r\n\r\n"].concat();
    assert_eq!(open(&http_check(), interim), None);
    assert_eq!(open(&http_check(), &both), PASS);
    let asked = HttpCheck { status_classes: vec![StatusClass::Hundreds(1)], ..http_check() };
    assert_eq!(open(&asked, interim), PASS);
    assert_eq!(open(&asked, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), PASS);
}

#[test]
fn maintenance_wins_over_a_good_status() {
    let by_code =
        HttpCheck { maintenance_codes: vec![503, 200], status_classes: vec![StatusClass::Any], ..http_check() };
    assert_eq!(open(&by_code, b"HTTP/1.1 503 x\r\n\r\n"), failure(FailureCode::MaintenanceResponseCodeMatch));
    assert_eq!(open(&by_code, b"HTTP/1.1 200 x\r\n\r\n"), failure(FailureCode::MaintenanceResponseCodeMatch));

    let by_text = HttpCheck { maintenance_response: Some("MAINT".into()), ..expecting("OK") };
    let answer = b"HTTP/1.1 200 x\r\nContent-Length: 8\r\n\r\nok MAINT";
    assert_eq!(open(&by_text, answer), failure(FailureCode::MaintenancePayloadContentMatch));
    // The expected text is there, maintenance could still follow.
    let half = b"HTTP/1.1 200 x\r\nContent-Length: 8\r\n\r\nOK";
    assert_eq!(open(&by_text, half), None);
    assert_eq!(closed(&by_text, half), PASS);
    let good = b"HTTP/1.1 200 x\r\nContent-Length: 2\r\n\r\nOK";
    assert_eq!(open(&by_text, good), PASS);
}

#[test]
fn the_text_is_looked_for_in_head_and_body() {
    let check = expecting("READY");
    assert_eq!(open(&check, b"HTTP/1.1 200 x\r\nX-State: READY\r\n\r\n"), PASS);
    assert_eq!(open(&check, b"HTTP/1.1 200 x\r\n\r\nall READY"), PASS);
    assert_eq!(open(&check, b"HTTP/1.1 200 x\r\n\r\nall REA"), None);
    assert_eq!(closed(&check, b"HTTP/1.1 200 x\r\n\r\nall REA"), failure(FailureCode::PayloadContentMismatch));
}

#[test]
fn a_body_ends_where_its_length_says() {
    let check = expecting("READY");
    let answer = b"HTTP/1.1 200 x\r\nContent-Length: 3\r\n\r\nnotREADY";
    assert_eq!(open(&check, answer), failure(FailureCode::PayloadContentMismatch));
}

#[test]
fn only_the_first_bytes_are_searched() {
    let head = "HTTP/1.1 200 x\r\n\r\n";
    let answer = |padding: usize| [head.as_bytes(), &vec![b'.'; padding], b"READY"].concat();
    let fits = 2048 - head.len() - 5;
    assert_eq!(open(&expecting("READY"), &answer(fits)), PASS);
    assert_eq!(open(&expecting("READY"), &answer(fits + 1)), failure(FailureCode::PayloadContentMismatch));
    let larger = HttpCheck { response_bytes_max: 4096, ..expecting("READY") };
    assert_eq!(open(&larger, &answer(fits + 1)), PASS);
}

#[test]
fn chunks_are_searched_decoded() {
    let check = expecting("READY");
    let head = "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = |chunks: &str| [head, chunks].concat().into_bytes();
    assert_eq!(open(&check, &answer("3\r\nall\r\n3\r\n RE\r\n3;x=1\r\nADY\r\n0\r\n\r\n")), PASS);
    assert_eq!(open(&check, &answer("2\r\nRE\r\n2\r\nAD\r\n")), None);
    assert_eq!(open(&check, &answer("2\r\nRE\r\n0\r\n\r\n")), failure(FailureCode::PayloadContentMismatch));
    assert_eq!(open(&check, &answer("what is this\r\n")), failure(FailureCode::PayloadContentMismatch));
    assert_eq!(open(&check, &answer("ffffffffffffffff\r\nall READ")), None);
}

#[test]
fn nothing_is_waited_for_after_the_head_when_no_body_can_follow() {
    let answer = b"HTTP/1.1 200 x\r\nContent-Length: 500\r\n\r\n";
    let progress = judge(&expecting("READY"), Body::None, answer, false);
    assert_eq!(code_of(progress), failure(FailureCode::PayloadContentMismatch));
    let progress = judge(&http_check(), Body::None, answer, false);
    assert_eq!(progress, Progress::Verdict { result: Ok(()), complete: true });
    let progress = judge(&http_check(), Body::Expected, answer, false);
    assert_eq!(progress, Progress::Verdict { result: Ok(()), complete: false });
}

#[test]
fn what_is_not_http_fails() {
    let check = http_check();
    assert_eq!(open(&check, b"SSH-2.0-OpenSSH\r\n"), failure(FailureCode::ResponseCodeMismatch));
    assert_eq!(closed(&check, b"HTTP/1.1 20"), failure(FailureCode::NoResponse));
    let endless = [b"HTTP/1.1 200 x\r\nX: ".as_slice(), &vec![b'y'; HEAD_BYTES_MAX]].concat();
    assert_eq!(open(&check, &endless), failure(FailureCode::ResponseBufferOverflow));
}

fn any_check() -> impl Strategy<Value = HttpCheck> {
    (any::<bool>(), any::<bool>(), 0u32..20_000).prop_map(|(expected, maintenance, response_bytes_max)| HttpCheck {
        response: expected.then(|| "a".to_owned()),
        maintenance_response: maintenance.then(|| "b".to_owned()),
        response_bytes_max,
        ..http_check()
    })
}

/// Bytes that look like an answer often enough to reach every branch.
fn any_answer() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Just(b"HTTP/1.1 100 x\r\n\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"Content-Length: 99999999999999999999\r\n".to_vec()),
        Just(b"Content-Length: 4\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"fffffffffffffffe\r\n".to_vec()),
        Just(b"1\r\na\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(check in any_check(), bytes in any_answer(), head in any::<bool>(), ended in any::<bool>()) {
        let body = if head { Body::None } else { Body::Expected };
        let _ = judge(&check, body, &bytes, ended);
    }

    #[test]
    fn an_answer_that_ended_with_something_always_has_a_verdict(check in any_check(), bytes in any_answer()) {
        // Only interim heads, or nothing at all, are no answer.
        let only_interim = bytes.is_empty() || bytes.starts_with(b"HTTP/1.1 100");
        if !only_interim {
            prop_assert_ne!(judge(&check, Body::Expected, &bytes, true), Progress::More);
        }
    }

    #[test]
    fn a_pass_does_not_depend_on_how_the_bytes_arrive(chunk in 1usize..30, body in "[abc]{0,60}") {
        let check = expecting("abc");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
        let whole = code_of(judge(&check, Body::Expected, &answer, false));
        let first = (0..=answer.len())
            .step_by(chunk)
            .chain([answer.len()])
            .find_map(|length| code_of(judge(&check, Body::Expected, &answer[..length], false)));
        prop_assert_eq!(first, whole);
    }
}
