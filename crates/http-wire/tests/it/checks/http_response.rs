//! Any octets from a server: no panic, no data that was not sent, the same however they are cut.

use bytes::BytesMut;
use http::Method;
use http_wire::chunked::{Chunked, Piece};
use http_wire::response_head::{BodyEnd, take};

/// Octets of a head in these checks.
const HEAD_SIZE_MAX: usize = 2048;

/// What octets come to: status, body, whether it ended; or nothing that can be used.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Broken,
    HeadMissing,
    Body { status: u16, body: Vec<u8>, is_whole: bool },
}

/// Reads `octets` as a response to a GET, in one piece and octet by octet.
pub(crate) fn check(octets: &[u8]) {
    let whole = read(octets, octets.len().max(1));
    let cut = read(octets, 1);
    assert_eq!(whole, cut, "{:?}", String::from_utf8_lossy(octets));
    if let Outcome::Body { status, body, .. } = whole {
        assert!(status == 101 || (200..600).contains(&status));
        assert!(body.len() <= octets.len());
    }
}

fn read(octets: &[u8], size: usize) -> Outcome {
    let mut buffer = BytesMut::new();
    let mut room = HEAD_SIZE_MAX;
    let mut head = None;
    let mut chunked = Chunked::default();
    let mut body = Vec::new();
    let mut is_whole = false;
    for part in octets.chunks(size) {
        buffer.extend_from_slice(part);
        if head.is_none() {
            match take(&mut buffer, &Method::GET, &mut room) {
                Ok(found) => head = found,
                Err(_) => return Outcome::Broken,
            }
        }
        let Some(head) = &head else { continue };
        match head.body {
            BodyEnd::Close => body.extend(buffer.split()),
            BodyEnd::Length(length) => {
                let rest = usize::try_from(length).unwrap_or(usize::MAX) - body.len();
                body.extend(buffer.split_to(rest.min(buffer.len())));
                is_whole = body.len() as u64 == length;
            }
            BodyEnd::Chunked => loop {
                match chunked.next(&mut buffer) {
                    Ok(Piece::Data(data)) => {
                        assert!(!data.is_empty());
                        body.extend(data);
                    }
                    Ok(Piece::More) => break,
                    Ok(Piece::End) => {
                        is_whole = true;
                        break;
                    }
                    Err(_) => return Outcome::Broken,
                }
            },
        }
    }
    match head {
        Some(head) => Outcome::Body { status: head.status.as_u16(), body, is_whole },
        None => Outcome::HeadMissing,
    }
}
