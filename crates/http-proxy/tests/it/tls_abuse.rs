//! Handshakes that go wrong (RFC 8446 §4, §6): an alert or the end for this client, nothing for its neighbours.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::testbed::{Backend, Bed, PATIENCE, Peer, eventually};
use crate::tls::{certificate, tls_service};
use crate::tls_client;

/// Serves one certificate; handshakes may take so long.
fn serving(backend: &Backend, patience: Duration) -> (SocketAddr, Bed) {
    let (vip, mut config) = tls_service(backend, vec![certificate("a.example.com")]);
    Arc::make_mut(&mut config.services[0]).host.profile.post_accept_timeout = patience;
    (vip, Bed::start(1, &config))
}

/// Asks over HTTP/1.1 and reads until the answer has this body.
#[track_caller]
fn is_served(tls: &mut tls_client::Tls, body: &str) {
    tls.write_all(b"GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n").unwrap();
    let (mut all, mut part) = (Vec::new(), [0; 4096]);
    while !all.ends_with(body.as_bytes()) {
        let read = tls.read(&mut part).unwrap();
        assert_ne!(read, 0, "closed: {}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&part[..read]);
    }
}

/// Asks once over HTTP/1.1.
fn text(tls: &mut tls_client::Tls) -> String {
    tls.write_all(b"GET / HTTP/1.1\r\nHost: a.example.com\r\nConnection: close\r\n\r\n").unwrap();
    let mut all = Vec::new();
    let _ = tls.read_to_end(&mut all);
    String::from_utf8(all).unwrap()
}

/// A record of the handshake with a hello of this version in it; `more` follows the list of compression methods.
fn hello(version: [u8; 2], suites: &[u8], more: &[u8]) -> Vec<u8> {
    let length = |octets: &[u8]| u16::try_from(octets.len()).unwrap().to_be_bytes();
    let body = [&version[..], &[7; 32], &[0], &length(suites), suites, &[1, 0], more].concat();
    let message = [&[1, 0], &length(&body)[..], &body].concat();
    [&[22, 3, 1], &length(&message)[..], &message].concat()
}

/// What comes back for `octets`, while a neighbour is served before and after.
#[track_caller]
fn answer(octets: &[u8], patience: Duration) -> Vec<u8> {
    let backend = Backend::named("fine");
    let (vip, bed) = serving(&backend, patience);
    let mut neighbour = tls_client::connect(vip, "a.example.com", &["http/1.1"]).unwrap();
    is_served(&mut neighbour, "fine");
    let mut client = Peer::connect(vip);
    let _ = client.reader.get_mut().write_all(octets);
    let mut all = Vec::new();
    let _ = client.reader.read_to_end(&mut all);
    eventually("the failure is counted", || bed.proxy().stats().handshakes_failed == 1);
    is_served(&mut neighbour, "fine");
    all
}

const ALERT: u8 = 21;
const FATAL: u8 = 2;

#[test]
fn versions_that_are_broken_are_refused_with_an_alert() {
    let suites = [0x00, 0x2f, 0xc0, 0x13, 0xc0, 0x2f];
    for version in [[3, 0], [3, 1], [3, 2]] {
        let answer = answer(&hello(version, &suites, &[]), Duration::from_secs(2));
        assert_eq!((answer.first(), answer.get(5)), (Some(&ALERT), Some(&FATAL)), "{version:?}: {answer:?}");
    }
}

#[test]
fn a_hello_that_nobody_could_mean_is_refused() {
    let modern = |more: &[u8]| hello([3, 3], &[0x13, 0x01], more);
    for octets in [
        // No suite that we know.
        hello([3, 3], &[0x00, 0x05], &[0, 0]),
        // Extensions shorter, and longer, than they say.
        modern(&[0, 9, 0, 0]),
        modern(&[0, 4, 0, 0, 0, 99]),
        // Versions that are none (RFC 8446 §4.2.1).
        modern(&[0, 7, 0, 43, 0, 3, 2, 0x7f, 0x7f]),
        // A message of 16 MiB, of which the first record comes.
        [&[22, 3, 1, 0x40, 0][..], &[1, 0xff, 0xff, 0xff], &[0; 16380]].concat(),
        // A record over the limit (RFC 8446 §5.1).
        [&[22, 3, 1, 0xff, 0xff][..], &[1; 65535]].concat(),
        // A record of nothing; application data before any key.
        vec![22, 3, 1, 0, 0],
        vec![23, 3, 3, 0, 5, 1, 2, 3, 4, 5],
    ] {
        let answer = answer(&octets, Duration::from_secs(2));
        assert!(answer.is_empty() || answer[0] == ALERT, "{:?}: {answer:?}", &octets[..8]);
    }
}

#[test]
fn a_handshake_that_stalls_is_given_up() {
    let whole = hello([3, 3], &[0x13, 0x01], &[]);
    for octets in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00", &whole[..whole.len() - 1]] {
        assert_eq!(answer(octets, Duration::from_secs(2)), b"", "{octets:?}");
    }
}

#[test]
fn a_client_that_speaks_none_of_our_protocols_is_told_so() {
    let backend = Backend::named("b");
    let (vip, _bed) = serving(&backend, PATIENCE);
    let error = tls_client::connect(vip, "a.example.com", &["spdy/1", "imap"]).unwrap_err();
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
    for protocols in [&[][..], &["http/1.1"], &["spdy/1", "http/1.1"]] {
        let mut tls = tls_client::connect(vip, "a.example.com", protocols).unwrap();
        assert!(text(&mut tls).ends_with('b'), "{protocols:?}");
    }
}

#[test]
fn an_address_in_place_of_a_name_gets_the_first_certificate() {
    let backend = Backend::named("b");
    let (vip, _bed) = serving(&backend, PATIENCE);
    for name in ["127.0.0.1", "::1", "unknown.example.net"] {
        let mut tls = tls_client::connect(vip, name, &[]).unwrap();
        assert!(text(&mut tls).ends_with('b'), "{name}");
    }
    // An address in the extension itself, which RFC 6066 §3 forbids, is no reason to fail, nor is it a name.
    let server_name = |name: &[u8]| {
        let length = |more: usize| u16::try_from(name.len() + more).unwrap().to_be_bytes();
        [&[0, 0][..], &length(5), &length(3), &[0], &length(0), name].concat()
    };
    for name in [&b"127.0.0.1"[..], b"", b"\0", b"a b", &[b'x'; 300]] {
        let extensions = server_name(name);
        let more = [&u16::try_from(extensions.len()).unwrap().to_be_bytes()[..], &extensions].concat();
        let mut client = Peer::connect(vip);
        client.send(hello([3, 3], &[0xc0, 0x2b], &more));
        let mut all = Vec::new();
        let _ = client.reader.read_to_end(&mut all);
        assert!(all.is_empty() || [22, ALERT].contains(&all[0]), "{name:?}");
    }
    assert!(text(&mut tls_client::connect(vip, "a.example.com", &[]).unwrap()).ends_with('b'));
}

#[test]
fn a_hello_in_pieces_is_put_together() {
    let backend = Backend::named("b");
    let (vip, bed) = serving(&backend, PATIENCE);
    let octets = hello([3, 1], &[0x00, 0x2f], &[]);
    let mut client = Peer::connect(vip);
    for octet in &octets {
        client.send([*octet]);
    }
    let mut all = Vec::new();
    let _ = client.reader.read_to_end(&mut all);
    assert_eq!((all.first(), all.get(5)), (Some(&ALERT), Some(&FATAL)));
    eventually("the failure is counted", || bed.proxy().stats().handshakes_failed == 1);
}

#[test]
fn garbage_inside_a_session_ends_it_alone() {
    let backend = Backend::named("b");
    let (vip, bed) = serving(&backend, PATIENCE);
    let mut neighbour = tls_client::connect(vip, "a.example.com", &[]).unwrap();
    let mut client = tls_client::connect(vip, "a.example.com", &[]).unwrap();
    client.sock.write_all(&[23, 3, 3, 0, 32]).unwrap();
    client.sock.write_all(&[0; 32]).unwrap();
    let mut rest = Vec::new();
    let _ = client.sock.read_to_end(&mut rest);
    assert!(text(&mut neighbour).ends_with('b'));
    eventually("both have ended", || bed.proxy().stats().connections_open == 0);
}
