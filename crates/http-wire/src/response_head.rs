//! The head of a server's response (RFC 9112 §4, §6.3).

use std::mem::MaybeUninit;

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Method, StatusCode};

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
        let place = |octets: &[u8]| match octets {
            [] => 0..0,
            octets => octets.as_ptr().addr() - base..octets.as_ptr().addr() - base + octets.len(),
        };
        let places: Vec<_> =
            response.headers.iter().map(|header| (place(header.name.as_bytes()), place(header.value))).collect();
        let head = buffer.split_to(length).freeze();
        let mut fields = Fields { map: HeaderMap::with_capacity(places.len()), ..Fields::default() };
        for (name, value) in places {
            let name = head.get(name).unwrap_or_default();
            let name = HeaderName::from_bytes(name).map_err(|_| httparse::Error::HeaderName)?;
            let value = HeaderValue::from_maybe_shared(head.slice(value)).map_err(|_| httparse::Error::HeaderValue)?;
            fields.take(name, value)?;
        }
        return Ok(Some(fields.finish(status, persistent, method)));
    }
}

/// Headers of a response: those that go on, and what those say that do not.
#[derive(Default)]
struct Fields {
    map: HeaderMap,
    length: Option<u64>,
    /// Whether the length came twice, or in a way that only we read.
    tells_length_anew: bool,
    is_chunked: bool,
    closes: bool,
    keeps: bool,
    /// Headers of this connection alone.
    named: Vec<HeaderName>,
    upgrade: Option<HeaderValue>,
}

impl Fields {
    fn take(&mut self, name: HeaderName, value: HeaderValue) -> Result<(), ResponseHeadError> {
        if name == CONTENT_LENGTH {
            return self.take_length(name, value);
        } else if name == TRANSFER_ENCODING {
            if self.is_chunked || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return Err(ResponseHeadError::TransferCoding);
            }
            self.is_chunked = true;
        } else if name == CONNECTION {
            self.take_options(&value);
        } else if name == UPGRADE {
            self.upgrade.get_or_insert(value);
        } else if !matches!(name.as_str(), "keep-alive" | "proxy-connection") {
            self.map.append(name, value);
        }
        Ok(())
    }

    /// Options of `Connection` (RFC 9110 §7.6.1). One that names the length does not take it away: it frames the message.
    fn take_options(&mut self, value: &HeaderValue) {
        for option in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            if option.eq_ignore_ascii_case("close") {
                self.closes = true;
            } else if option.eq_ignore_ascii_case("keep-alive") {
                self.keeps = true;
            } else {
                self.named.extend(HeaderName::try_from(option).ok().filter(|name| *name != CONTENT_LENGTH));
            }
        }
    }

    fn take_length(&mut self, name: HeaderName, value: HeaderValue) -> Result<(), ResponseHeadError> {
        let text = value.to_str().map_err(|_| ResponseHeadError::Length)?;
        self.tells_length_anew |= self.length.is_some() || text.starts_with('0') || text.contains(',');
        for part in text.split(',').map(str::trim) {
            let is_number = !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_digit());
            let length = part.parse::<u64>().ok().filter(|_| is_number).ok_or(ResponseHeadError::Length)?;
            if self.length.is_some_and(|known| known != length) {
                return Err(ResponseHeadError::Length);
            }
            self.length = Some(length);
        }
        self.map.insert(name, value);
        Ok(())
    }

    fn finish(mut self, status: StatusCode, persistent: bool, method: &Method) -> ResponseHead {
        let without_body = *method == Method::HEAD || matches!(status.as_u16(), 101 | 204 | 304);
        let body = match (without_body, self.is_chunked, self.length) {
            (true, ..) => BodyEnd::Length(0),
            (false, true, _) => BodyEnd::Chunked,
            (false, false, Some(length)) => BodyEnd::Length(length),
            (false, false, None) => BodyEnd::Close,
        };
        // Where a length is beside a coding, the coding counts, and the connection is not used again (RFC 9112 §6.3).
        let keep_alive = body != BodyEnd::Close
            && !(self.is_chunked && self.length.is_some())
            && if persistent { !self.closes } else { self.keeps };
        for name in &self.named {
            self.map.remove(name);
        }
        let is_switching = status == StatusCode::SWITCHING_PROTOCOLS;
        if is_switching {
            self.map.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            self.map.extend(self.upgrade.map(|protocol| (UPGRADE, protocol)));
        }
        // A length that nobody can believe does not go on; that of a body that is not sent is a fact about it.
        if self.is_chunked || is_switching || status == StatusCode::NO_CONTENT {
            self.map.remove(CONTENT_LENGTH);
        } else if let Some(length) = self.length.filter(|_| self.tells_length_anew) {
            self.map.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        ResponseHead { status, headers: self.map, body, keep_alive }
    }
}

/// The first `length` octets of `buffer`, or what there is of them.
pub fn take_octets(buffer: &mut BytesMut, length: u64) -> Bytes {
    let here = usize::try_from(length).unwrap_or(usize::MAX).min(buffer.len());
    buffer.split_to(here).freeze()
}
