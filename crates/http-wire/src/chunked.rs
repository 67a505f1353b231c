//! Bodies in chunks, as servers send them (RFC 9112 §7.1).

use bytes::{Buf as _, Bytes, BytesMut};

/// Octets of a line of a chunked body: its size, with extensions, or a trailer.
const LINE_LENGTH_MAX: usize = 4096;

/// Octets of all trailers together.
const TRAILERS_LENGTH_MAX: usize = 16 * 1024;

/// Where a body stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
    End,
}

/// Takes the chunks of one body apart.
#[derive(Debug)]
pub struct Chunked {
    state: State,
    trailers_length: usize,
}

/// What the octets so far give.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Part of the body, not empty.
    Data(Bytes),
    /// Nothing whole: more octets are needed.
    More,
    /// The body has ended; what is left in the buffer is not part of it.
    End,
}

/// What is wrong with a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkedError {
    /// The size is no hexadecimal number of 64 bits, or its line does not end as it has to.
    #[error("a chunk's size is no number on a line of its own")]
    Size,
    /// A chunk is longer than its size says.
    #[error("a chunk does not end where its size says")]
    DataEnd,
    /// A line, or all trailers, are over the limit.
    #[error("a line of a chunked body, or its trailers, are too long")]
    TooLong,
}

impl Default for Chunked {
    fn default() -> Self {
        Self { state: State::Size, trailers_length: 0 }
    }
}

impl Chunked {
    /// Takes the next piece out of `buffer`.
    ///
    /// # Errors
    /// When the octets are no chunked body; nothing after that can be trusted.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Piece, ChunkedError> {
        loop {
            match self.state {
                State::End => return Ok(Piece::End),
                State::Data(_) if buffer.is_empty() => return Ok(Piece::More),
                State::Data(rest) => {
                    let here = usize::try_from(rest).unwrap_or(usize::MAX).min(buffer.len());
                    let rest = rest - here as u64;
                    self.state = if rest == 0 { State::DataEnd } else { State::Data(rest) };
                    return Ok(Piece::Data(buffer.split_to(here).freeze()));
                }
                State::DataEnd => match (buffer.first(), buffer.get(1)) {
                    (Some(b'\r'), Some(b'\n')) => {
                        buffer.advance(2);
                        self.state = State::Size;
                    }
                    (None, _) | (Some(b'\r'), None) => return Ok(Piece::More),
                    _ => return Err(ChunkedError::DataEnd),
                },
                State::Size => {
                    let Some(line) = take_line(buffer)? else { return Ok(Piece::More) };
                    self.state = match size(&line).ok_or(ChunkedError::Size)? {
                        0 => State::Trailers,
                        size => State::Data(size),
                    };
                }
                State::Trailers => {
                    let Some(line) = take_line(buffer)? else { return Ok(Piece::More) };
                    self.trailers_length += line.len();
                    if self.trailers_length > TRAILERS_LENGTH_MAX {
                        return Err(ChunkedError::TooLong);
                    }
                    if text(&line).is_empty() {
                        self.state = State::End;
                    }
                }
            }
        }
    }
}

/// The next line with its end, when it is there whole.
fn take_line(buffer: &mut BytesMut) -> Result<Option<Bytes>, ChunkedError> {
    let Some(end) = memchr::memchr(b'\n', buffer.get(..LINE_LENGTH_MAX).unwrap_or(buffer)) else {
        return if buffer.len() >= LINE_LENGTH_MAX { Err(ChunkedError::TooLong) } else { Ok(None) };
    };
    Ok(Some(buffer.split_to(end + 1).freeze()))
}

/// A line without its end; a line feed alone is one, too (RFC 9112 §2.2).
fn text(line: &[u8]) -> &[u8] {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    text.strip_suffix(b"\r").unwrap_or(text)
}

/// The size that a chunk's first line tells. Its end is not looked for with leniency: where one reader sees an extension go
/// on and another sees it end, octets of a body become a message.
fn size(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\r\n").filter(|line| !line.contains(&b'\r'))?;
    let digits = line.split(|&octet| octet == b';').next()?.trim_ascii_end();
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|octet| octet.is_ascii_hexdigit()))?;
    u64::from_str_radix(text, 16).ok()
}
