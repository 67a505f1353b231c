//! Any octets as a chunked body: the same however they are cut, and what a reader that has all of it at once reads.

use bytes::BytesMut;
use http_wire::chunked::{Chunked, Piece};

/// Octets of a line of a chunked body, and of all its trailers.
const LINE_LENGTH_MAX: usize = 4096;
const TRAILERS_LENGTH_MAX: usize = 16 * 1024;

/// What octets come to.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Broken,
    /// The body so far.
    More(Vec<u8>),
    /// The body, and how many octets stand behind it.
    End(Vec<u8>, usize),
}

/// Reads `octets` in one piece, in small ones, and by the grammar.
pub(crate) fn check(octets: &[u8]) {
    let expected = by_grammar(octets);
    // A long line is looked at again with each octet.
    let smallest = if octets.len() < 1000 { 1 } else { 97 };
    for size in [octets.len().max(1), smallest, smallest + 6] {
        assert_eq!(read(octets, size), expected, "{:?} in pieces of {size}", String::from_utf8_lossy(octets));
    }
}

fn read(octets: &[u8], size: usize) -> Outcome {
    let (mut chunked, mut buffer, mut body) = (Chunked::default(), BytesMut::new(), Vec::new());
    let mut left = octets.len();
    for part in octets.chunks(size) {
        buffer.extend_from_slice(part);
        left -= part.len();
        loop {
            match chunked.next(&mut buffer) {
                Ok(Piece::Data(data)) => {
                    assert!(!data.is_empty());
                    body.extend(data);
                }
                Ok(Piece::More) => break,
                Ok(Piece::End) => return Outcome::End(body, buffer.len() + left),
                Err(_) => return Outcome::Broken,
            }
        }
    }
    Outcome::More(body)
}

/// RFC 9112 §7.1, with all octets at hand.
fn by_grammar(octets: &[u8]) -> Outcome {
    let (mut rest, mut body) = (octets, Vec::new());
    loop {
        let line = match take_line(&mut rest) {
            Ok(Some(line)) => line,
            Ok(None) => return Outcome::More(body),
            Err(()) => return Outcome::Broken,
        };
        let Some(line) = line.strip_suffix(b"\r\n") else { return Outcome::Broken };
        let text = String::from_utf8_lossy(line);
        let digits = text.split(';').next().unwrap_or_default().trim_end_matches([' ', '\t', '\n', '\x0c', '\r']);
        let is_hex = !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_hexdigit());
        let size = digits
            .chars()
            .try_fold(0_u64, |size, digit| size.checked_mul(16)?.checked_add(u64::from(digit.to_digit(16)?)));
        let (Some(size), true, false) = (size, is_hex, text.contains('\r')) else { return Outcome::Broken };
        if size == 0 {
            break;
        }
        let here = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        body.extend_from_slice(&rest[..here]);
        rest = &rest[here..];
        match rest {
            _ if (here as u64) < size => return Outcome::More(body),
            [b'\r', b'\n', ..] => rest = &rest[2..],
            [] | [b'\r'] => return Outcome::More(body),
            _ => return Outcome::Broken,
        }
    }
    let mut trailers = 0;
    loop {
        let Ok(line) = take_line(&mut rest) else { return Outcome::Broken };
        let Some(line) = line else { return Outcome::More(body) };
        trailers += line.len();
        if trailers > TRAILERS_LENGTH_MAX {
            return Outcome::Broken;
        }
        if line == b"\n" || line == b"\r\n" {
            return Outcome::End(body, rest.len());
        }
    }
}

/// The next line with its end; an error where it is too long.
fn take_line<'o>(rest: &mut &'o [u8]) -> Result<Option<&'o [u8]>, ()> {
    match rest.iter().position(|&octet| octet == b'\n') {
        Some(end) if end < LINE_LENGTH_MAX => {
            let (line, after) = rest.split_at(end + 1);
            *rest = after;
            Ok(Some(line))
        }
        None if rest.len() < LINE_LENGTH_MAX => Ok(None),
        _ => Err(()),
    }
}
