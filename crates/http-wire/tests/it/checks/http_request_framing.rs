//! Any octets from a client: how they are cut does not matter, and what httparse and the rules of framing call ambiguous is
//! noticed.

use http_wire::framing::{Framing, Violation};

/// Longest line of these checks.
const LINE_LENGTH_MAX: usize = 200;

/// Follows `octets` in one piece and in small ones, and checks what must hold.
pub(crate) fn check(octets: &[u8]) {
    let mut whole = Framing::new(LINE_LENGTH_MAX);
    whole.feed(octets);
    let mut cut = Framing::new(LINE_LENGTH_MAX);
    for (index, octet) in octets.chunks(3).enumerate() {
        if index % 2 == 0 {
            cut.feed(octet);
        } else {
            octet.iter().for_each(|octet| cut.feed(&[*octet]));
        }
    }
    assert_eq!((whole.heads(), whole.is_in_head()), (cut.heads(), cut.is_in_head()));
    for head in 0..=whole.heads() + 1 {
        assert_eq!(whole.violation_of(head), cut.violation_of(head));
    }
    check_first_head(octets, &whole);
}

/// The first head against httparse, which hyper reads it with.
fn check_first_head(octets: &[u8], framing: &Framing) {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = request.parse(octets) else { return };
    assert!(framing.heads() >= 1, "a head that hyper reads is seen");
    let values = |name: &str| {
        let named = request.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| header.value).collect::<Vec<_>>()
    };
    let (codings, lengths) = (values("transfer-encoding"), values("content-length"));
    let is_unclear = !codings.is_empty() && !lengths.is_empty()
        || codings.len() > 1
        || lengths.iter().any(|length| number(length).is_none() || number(length) != number(lengths[0]));
    let is_long = octets[..length].split(|&octet| octet == b'\n').any(|line| line.len() > LINE_LENGTH_MAX);
    let violation = framing.violation_of(1);
    if is_unclear || is_long {
        assert!(violation.is_some(), "{:?}", String::from_utf8_lossy(octets));
    }
    if codings.is_empty() && lengths.is_empty() && !is_long {
        assert_eq!(violation, None, "{:?}", String::from_utf8_lossy(octets));
    }
    if violation == Some(Violation::UriTooLong) {
        assert!(is_long);
    }
}

/// Digits alone make a length.
fn number(value: &[u8]) -> Option<u64> {
    value.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(value).ok()?.parse().ok())?
}
