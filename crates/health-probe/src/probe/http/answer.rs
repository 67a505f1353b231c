//! The verdict on the answer of an HTTP server: avi-api 6.2, RFC 9112.

use std::borrow::Cow;

use health::{Failure, FailureCode};
use httparse::{EMPTY_HEADER, Header, Response, Status, parse_chunk_size};
use model::monitor::{HttpCheck, StatusClass};

use crate::probe::exchange::{Progress, contains};

/// Headers an answer may have.
const HEADERS_MAX: usize = 96;
/// Longest head that is read.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bounds of the bytes that are searched. Avi: `response_size`.
const SEARCHED_BYTES: std::ops::RangeInclusive<u32> = 2048..=16_384;

/// Whether the request lets the answer have a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Expected,
    /// The request was HEAD.
    None,
}

/// Judges the bytes so far; `ended` when no more will come. Never panics, whatever the bytes.
pub(crate) fn judge(check: &HttpCheck, body: Body, bytes: &[u8], ended: bool) -> Progress {
    let head = match parse_final_head(check, bytes) {
        Ok(Some(head)) => head,
        Ok(None) if bytes.len() > HEAD_BYTES_MAX => {
            return fail(FailureCode::ResponseBufferOverflow, "head of the answer is too long", true);
        }
        Ok(None) if ended && !bytes.is_empty() => {
            return fail(FailureCode::NoResponse, "connection closed within the head of the answer", true);
        }
        Ok(None) => return Progress::More,
        Err(error) => {
            return fail(FailureCode::ResponseCodeMismatch, format!("answer is not HTTP: {error}"), true);
        }
    };
    let payload = Payload::of(&head, body, ended);
    let verdict = |result| Progress::Verdict { result, complete: payload.complete };
    if check.maintenance_codes.contains(&head.status) {
        let detail = format!("status {} means maintenance", head.status);
        return verdict(Err(Failure::new(FailureCode::MaintenanceResponseCodeMatch, detail)));
    }
    if !is_expected(&check.status_classes, head.status) {
        let detail = format!("status {}, expected {}", head.status, describe(&check.status_classes));
        return verdict(Err(Failure::new(FailureCode::ResponseCodeMismatch, detail)));
    }
    match search(check, &head, &payload) {
        Some(result) => verdict(result),
        None => Progress::More,
    }
}

/// Looks for the monitor's texts; `None` while more bytes could still bring one.
fn search(check: &HttpCheck, head: &Head<'_>, payload: &Payload<'_>) -> Option<Result<(), Failure>> {
    let expected = check.response.as_deref().filter(|text| !text.is_empty());
    let maintenance = check.maintenance_response.as_deref().filter(|text| !text.is_empty());
    if expected.is_none() && maintenance.is_none() {
        return Some(Ok(()));
    }
    let limit = check.response_bytes_max.clamp(*SEARCHED_BYTES.start(), *SEARCHED_BYTES.end());
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut window = [head.bytes, &payload.body].concat();
    let is_all = payload.complete || window.len() >= limit;
    window.truncate(limit);

    if maintenance.is_some_and(|text| contains(&window, text)) {
        let detail = "maintenance text is in the answer";
        return Some(Err(Failure::new(FailureCode::MaintenancePayloadContentMatch, detail)));
    }
    let is_found = expected.is_none_or(|text| contains(&window, text));
    match (is_found, is_all) {
        // Maintenance could still be announced further on.
        (true, false) if maintenance.is_some() => None,
        (true, _) => Some(Ok(())),
        (false, false) => None,
        (false, true) => {
            let detail = format!("expected text is not in the first {} bytes", window.len());
            Some(Err(Failure::new(FailureCode::PayloadContentMismatch, detail)))
        }
    }
}

/// Head of the final answer.
struct Head<'a> {
    status: u16,
    /// The head itself.
    bytes: &'a [u8],
    /// What follows it, still encoded.
    rest: &'a [u8],
    framing: Framing,
}

/// Where the body ends. RFC 9112 §6.3.
enum Framing {
    Chunked,
    Length(u64),
    UntilClose,
}

/// Finds the head of the answer, past interim ones (100, 102, 103) unless the monitor asks for those; `None` when it is
/// not complete.
fn parse_final_head<'a>(check: &HttpCheck, mut bytes: &'a [u8]) -> Result<Option<Head<'a>>, httparse::Error> {
    loop {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut response = Response::new(&mut headers);
        let Status::Complete(length) = response.parse(bytes)? else { return Ok(None) };
        let status = response.code.unwrap_or_default();
        let (head, rest) = bytes.split_at(length.min(bytes.len()));
        let is_interim = (100..200).contains(&status) && status != 101;
        let is_asked_for = check.status_classes.contains(&StatusClass::Hundreds(1));
        if !is_interim || is_asked_for {
            return Ok(Some(Head { status, bytes: head, rest, framing: framing(response.headers) }));
        }
        bytes = rest;
    }
}

fn framing(headers: &[Header<'_>]) -> Framing {
    let value_of = |name: &str| {
        let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok().map(str::trim)
    };
    if value_of("Transfer-Encoding").is_some_and(|value| value.to_ascii_lowercase().ends_with("chunked")) {
        return Framing::Chunked;
    }
    match value_of("Content-Length").and_then(|value| value.parse().ok()) {
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    }
}

/// The body as far as it came, decoded.
struct Payload<'a> {
    body: Cow<'a, [u8]>,
    complete: bool,
}

impl<'a> Payload<'a> {
    fn of(head: &Head<'a>, body: Body, ended: bool) -> Self {
        let has_none = body == Body::None || matches!(head.status, 100..200 | 204 | 304);
        if has_none {
            return Self { body: Cow::Borrowed(&[]), complete: true };
        }
        match head.framing {
            Framing::Chunked => {
                let (body, complete) = decode_chunks(head.rest);
                Self { body: Cow::Owned(body), complete: complete || ended }
            }
            Framing::Length(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let came = head.rest.len().min(length);
                Self { body: Cow::Borrowed(&head.rest[..came]), complete: came == length || ended }
            }
            Framing::UntilClose => Self { body: Cow::Borrowed(head.rest), complete: ended },
        }
    }
}

/// The chunks so far, and whether no more will be understood: the last one came, or what came is no chunk.
/// RFC 9112 §7.1; trailers are left alone.
fn decode_chunks(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let (head_bytes, size) = match parse_chunk_size(rest) {
            Ok(Status::Complete(parsed)) => parsed,
            Ok(Status::Partial) => return (body, false),
            Err(_) => return (body, true),
        };
        if size == 0 {
            return (body, true);
        }
        let data = rest.get(head_bytes..).unwrap_or_default();
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        body.extend_from_slice(&data[..size.min(data.len())]);
        // Past the chunk and the line end that follows it.
        match data.get(size.saturating_add(2)..) {
            Some(next) => rest = next,
            None => return (body, false),
        }
    }
}

fn is_expected(classes: &[StatusClass], status: u16) -> bool {
    classes.is_empty() || classes.iter().any(|class| class.contains(status))
}

fn describe(classes: &[StatusClass]) -> String {
    let words: Vec<String> = classes
        .iter()
        .map(|class| match class {
            StatusClass::Any => "any".to_owned(),
            StatusClass::Hundreds(digit) => format!("{digit}xx"),
        })
        .collect();
    words.join(" or ")
}

fn fail(code: FailureCode, detail: impl Into<String>, complete: bool) -> Progress {
    Progress::Verdict { result: Err(Failure::new(code, detail)), complete }
}

#[cfg(test)]
pub(super) mod tests;
