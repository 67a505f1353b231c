//! The head of a server's response (RFC 9112 §4, §6.3).

use std::mem::MaybeUninit;

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Method, StatusCode};

use crate::connection_options;

/// Headers of a response that are read at most.
const HEADERS_MAX: usize = 256;

/// A server's response, without its body.
#[derive(Debug)]
pub struct ResponseHead {
    /// Status, 200 to 599, or 101.
    pub status: StatusCode,
    /// Headers that go to the client.
    pub headers: HeaderMap,
    /// How the body ends.
    pub body: BodyEnd,
    /// Whether the connection can take another request after this response.
    pub keep_alive: bool,
}

/// How a response's body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// After so many octets; 0 also where there is none.
    Length(u64),
    /// With its last chunk.
    Chunked,
    /// With the connection.
    Close,
}

/// Why octets are no response that we pass on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResponseHeadError {
    /// It is not HTTP.
    #[error("the server's response is not HTTP: {0}")]
    Syntax(#[from] httparse::Error),
    /// The status is none.
    #[error("the server's response has status {0}")]
    Status(u16),
    /// Lengths that differ, or are none.
    #[error("the server's response has a length that is unclear")]
    Length,
    /// A coding other than `chunked`.
    #[error("the server's response has a transfer coding that was not asked for")]
    TransferCoding,
    /// The head is over the limit.
    #[error("the head of the server's response is too long")]
    TooLong,
}

/// Takes a head out of `buffer`, once it is there whole. Heads with a status of 100 to 199, except 101, are passed over.
///
/// `room` is how many octets may still come before the end of the head; it shrinks by what was passed over.
///
/// # Errors
/// When the octets are no response that can be passed on; nothing after that can be trusted.
pub fn take(
    buffer: &mut BytesMut,
    method: &Method,
    room: &mut usize,
) -> Result<Option<ResponseHead>, ResponseHeadError> {
    loop {
        let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut []);
        let parser = httparse::ParserConfig::default();
        let length = match parser.parse_response_with_uninit_headers(&mut response, buffer, &mut headers) {
            Ok(httparse::Status::Complete(length)) if length > *room => return Err(ResponseHeadError::TooLong),
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if buffer.len() > *room => return Err(ResponseHeadError::TooLong),
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let code = response.code.unwrap_or(0);
        if (100..200).contains(&code) && code != 101 {
            buffer.advance(length);
            *room -= length;
            continue;
        }
        let status = StatusCode::from_u16(code).ok().filter(|_| code < 600).ok_or(ResponseHeadError::Status(code))?;
        let persistent = response.version == Some(1);
        // Where each name and value lies, so that values can be shared instead of copied.
        let base = buffer.as_ptr().addr();
        let place = |octets: &[u8]| (octets.as_ptr().addr() - base, octets.len());
        let places: Vec<_> = response
            .headers
            .iter()
            .map(|header| {
                (place(header.name.as_bytes()), if header.value.is_empty() { (0, 0) } else { place(header.value) })
            })
            .collect();
        let head = buffer.split_to(length).freeze();
        let slice = |(start, length): (usize, usize)| head.slice(start..start + length);
        let mut map = HeaderMap::with_capacity(places.len());
        for (name, value) in places {
            let name = HeaderName::from_bytes(&slice(name)).map_err(|_| httparse::Error::HeaderName)?;
            let value = HeaderValue::from_maybe_shared(slice(value)).map_err(|_| httparse::Error::HeaderValue)?;
            map.append(name, value);
        }
        return finish(status, map, persistent, method).map(Some);
    }
}

fn finish(
    status: StatusCode,
    mut headers: HeaderMap,
    persistent: bool,
    method: &Method,
) -> Result<ResponseHead, ResponseHeadError> {
    let length = content_length(&headers)?;
    let is_chunked = is_chunked(&headers)?;
    let without_body = *method == Method::HEAD || matches!(status.as_u16(), 101 | 204 | 304);
    let body = match (without_body, is_chunked, length) {
        (true, ..) => BodyEnd::Length(0),
        (false, true, _) => BodyEnd::Chunked,
        (false, false, Some(length)) => BodyEnd::Length(length),
        (false, false, None) => BodyEnd::Close,
    };
    let options = connection_options(&headers);
    let has = |wanted: &str| options.iter().any(|option| option.eq_ignore_ascii_case(wanted));
    // Where a length is beside a coding, the coding counts, and the connection is not used again (RFC 9112 §6.3).
    let keep_alive = body != BodyEnd::Close
        && !(is_chunked && length.is_some())
        && if persistent { !has("close") } else { has("keep-alive") };
    let named: Vec<HeaderName> = options.iter().filter_map(|option| HeaderName::try_from(*option).ok()).collect();
    for name in named.iter().filter(|name| **name != CONTENT_LENGTH && **name != UPGRADE) {
        headers.remove(name);
    }
    let is_switching = status == StatusCode::SWITCHING_PROTOCOLS;
    headers.remove(CONNECTION);
    headers.remove(TRANSFER_ENCODING);
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
    if is_switching {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    } else {
        headers.remove(UPGRADE);
    }
    // A length that nobody can believe does not go on; that of a body that is not sent is a fact about it.
    if is_chunked || is_switching || status == StatusCode::NO_CONTENT {
        headers.remove(CONTENT_LENGTH);
    } else if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(ResponseHead { status, headers, body, keep_alive })
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, ResponseHeadError> {
    let mut found = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        let text = value.to_str().map_err(|_| ResponseHeadError::Length)?;
        for part in text.split(',').map(str::trim) {
            let is_number = !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_digit());
            let length = part.parse::<u64>().ok().filter(|_| is_number).ok_or(ResponseHeadError::Length)?;
            if found.is_some_and(|known| known != length) {
                return Err(ResponseHeadError::Length);
            }
            found = Some(length);
        }
    }
    Ok(found)
}

fn is_chunked(headers: &HeaderMap) -> Result<bool, ResponseHeadError> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).into_iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(false),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(true),
        _ => Err(ResponseHeadError::TransferCoding),
    }
}

/// The first `length` octets of `buffer`, or what there is of them.
pub fn take_octets(buffer: &mut BytesMut, length: u64) -> Bytes {
    let here = usize::try_from(length).unwrap_or(usize::MAX).min(buffer.len());
    buffer.split_to(here).freeze()
}
