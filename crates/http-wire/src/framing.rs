//! Watches the octets of a client's connection: where heads begin and end, and what hyper does not tell.
//!
//! hyper drops `Content-Length` without a word where `Transfer-Encoding` is present. RFC 9112 §6.1 lets a server take such a
//! message, but wants the connection closed: it is how requests are smuggled past a proxy. [`Framing`] follows the same
//! octets as hyper, without copying them, and notes the first request that has to be refused.

/// Octets of a header line that are looked at; what matters here is shorter.
const LINE_KEPT_MAX: usize = 64;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// `Content-Length` beside `Transfer-Encoding` (RFC 9112 §6.1), or a length that is none, or several that differ (§6.3).
    Ambiguous,
    /// A transfer coding other than `chunked`, once (RFC 9112 §6.1: 501).
    TransferCoding,
    /// A request line over the limit (RFC 9112 §3: 414).
    UriTooLong,
    /// A header line over the limit (RFC 6585 §5: 431).
    HeaderTooLong,
}

/// Where the stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Empty lines before a request line are skipped (RFC 9112 §2.2).
    Before,
    RequestLine,
    Header,
    /// Octets of a body, or of a chunk with its end, that are still to come.
    Body(u64),
    ChunkSize,
    Chunk(u64),
    Trailer,
    /// Nothing more is understood, and nothing needs to be.
    Lost,
}

/// Follows one client's octets.
#[derive(Debug)]
pub struct Framing {
    state: State,
    line: Vec<u8>,
    line_length: usize,
    line_length_max: usize,
    content_length: Option<u64>,
    chunked: bool,
    heads: u64,
    violation: Option<(u64, Violation)>,
}

impl Framing {
    /// At the start of a connection whose lines have at most `line_length_max` octets.
    #[must_use]
    pub fn new(line_length_max: usize) -> Self {
        Self {
            state: State::Before,
            line: Vec::with_capacity(LINE_KEPT_MAX),
            line_length: 0,
            line_length_max,
            content_length: None,
            chunked: false,
            heads: 0,
            violation: None,
        }
    }

    /// Heads that have ended.
    #[must_use]
    pub const fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether a head has begun and not ended.
    #[must_use]
    pub const fn is_in_head(&self) -> bool {
        matches!(self.state, State::RequestLine | State::Header)
    }

    /// What is wrong with the request of the `head`-th head, counted from 1.
    #[must_use]
    pub fn violation_of(&self, head: u64) -> Option<Violation> {
        self.violation.filter(|(at, _)| *at <= head).map(|(_, violation)| violation)
    }

    /// Takes the next octets, however they are cut.
    pub fn feed(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            octets = match self.state {
                State::Lost => return,
                State::Before => self.skip_empty_lines(octets),
                State::Body(rest) => self.skip(octets, rest, State::Body, State::Before),
                State::Chunk(rest) => self.skip(octets, rest, State::Chunk, State::ChunkSize),
                State::RequestLine | State::Header | State::ChunkSize | State::Trailer => self.take_line(octets),
            };
        }
    }

    fn skip_empty_lines<'o>(&mut self, octets: &'o [u8]) -> &'o [u8] {
        let start = octets.iter().position(|octet| !matches!(octet, b'\r' | b'\n'));
        let Some(start) = start else { return &[] };
        self.state = State::RequestLine;
        self.content_length = None;
        self.chunked = false;
        octets.get(start..).unwrap_or_default()
    }

    fn skip<'o>(&mut self, octets: &'o [u8], rest: u64, stay: fn(u64) -> State, next: State) -> &'o [u8] {
        let here = usize::try_from(rest).unwrap_or(usize::MAX).min(octets.len());
        let rest = rest - here as u64;
        self.state = if rest == 0 { next } else { stay(rest) };
        octets.get(here..).unwrap_or_default()
    }

    /// Takes what belongs to the current line, and acts when it ends.
    fn take_line<'o>(&mut self, octets: &'o [u8]) -> &'o [u8] {
        let end = memchr::memchr(b'\n', octets);
        let here = octets.get(..end.unwrap_or(octets.len())).unwrap_or_default();
        let kept = here.len().min(LINE_KEPT_MAX - self.line.len());
        self.line.extend_from_slice(here.get(..kept).unwrap_or_default());
        self.line_length = self.line_length.saturating_add(here.len());
        if self.line_length > self.line_length_max {
            match self.state {
                State::RequestLine => self.refuse(Violation::UriTooLong),
                State::Header => self.refuse(Violation::HeaderTooLong),
                _ => {}
            }
        }
        let Some(end) = end else { return &[] };
        self.end_line();
        self.line.clear();
        self.line_length = 0;
        octets.get(end + 1..).unwrap_or_default()
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let is_whole = self.line_length <= LINE_KEPT_MAX;
        let text = line.strip_suffix(b"\r").unwrap_or(&line);
        match self.state {
            State::RequestLine => self.state = State::Header,
            State::Header if text.is_empty() => self.end_head(),
            State::Header => self.take_header(text, is_whole),
            State::ChunkSize => {
                // The end of the line after a chunk's octets is part of the chunk here.
                self.state = match chunk_size(text) {
                    Some(0) => State::Trailer,
                    Some(size) => size.checked_add(2).map_or(State::Lost, State::Chunk),
                    None => State::Lost,
                };
            }
            State::Trailer if text.is_empty() => self.state = State::Before,
            _ => {}
        }
        self.line = line;
    }

    fn take_header(&mut self, line: &[u8], is_whole: bool) {
        if let Some(value) = value_of(line, b"transfer-encoding") {
            // `chunked` twice is a coding over a coding (RFC 9112 §6.1), and who reads only one line sees only one.
            let is_again = std::mem::replace(&mut self.chunked, true);
            if is_again || !(is_whole && value.eq_ignore_ascii_case(b"chunked")) {
                self.refuse(Violation::TransferCoding);
            }
        } else if let Some(value) = value_of(line, b"content-length") {
            let length = length_of(value).filter(|_| is_whole);
            if length.is_none() || self.content_length.is_some_and(|known| Some(known) != length) {
                self.refuse(Violation::Ambiguous);
            }
            self.content_length = Some(length.unwrap_or(0));
        }
    }

    fn end_head(&mut self) {
        if self.chunked && self.content_length.is_some() {
            self.refuse(Violation::Ambiguous);
        }
        self.heads += 1;
        self.state = match (self.violation, self.chunked, self.content_length) {
            (Some(_), ..) => State::Lost,
            (None, true, _) => State::ChunkSize,
            (None, false, None | Some(0)) => State::Before,
            (None, false, Some(length)) => State::Body(length),
        };
    }

    /// The first violation stays: nothing after it is served.
    fn refuse(&mut self, violation: Violation) {
        self.violation.get_or_insert((self.heads + 1, violation));
    }
}

/// The value of a header of this name, without white space around it.
fn value_of<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (found, rest) = line.split_at_checked(name.len())?;
    let value = found.eq_ignore_ascii_case(name).then_some(rest)?.trim_ascii_start().strip_prefix(b":")?;
    Some(value.trim_ascii())
}

/// A length is digits alone (RFC 9112 §6.2).
fn length_of(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|octet| octet.is_ascii_digit()))?.parse().ok()
}

/// Size in a chunk's first line (RFC 9112 §7.1); extensions do not matter.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|&octet| octet == b';').next()?.trim_ascii();
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|octet| octet.is_ascii_hexdigit()))?;
    u64::from_str_radix(text, 16).ok()
}
