//! A client of TLS that trusts everyone, and frames of HTTP/2 as they are written (RFC 9113 §4, RFC 7541 §6.2.2).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use any_certificate::{AnyCertificate, Signature};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;

use crate::testbed::PATIENCE;

/// A connection with TLS.
pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Connects and shakes hands as a client that speaks these protocols.
pub(crate) fn connect(address: SocketAddr, name: &str, protocols: &[&str]) -> std::io::Result<Tls> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(provider, Signature::Unchecked)))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(name.to_owned()).unwrap()).unwrap();
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut tls = StreamOwned::new(connection, stream);
    tls.flush()?;
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock)?;
    }
    Ok(tls)
}

/// Kinds of frames (RFC 9113 §6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A frame that came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// A frame that goes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Headers without compression.
pub(crate) fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        let mut octets = Vec::new();
        // The length has a prefix of seven bits (RFC 7541 §5.1).
        let mut rest = text.len();
        if rest < 127 {
            octets.push(u8::try_from(rest).unwrap());
        } else {
            octets.push(127);
            rest -= 127;
            while rest >= 128 {
                octets.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            octets.push(u8::try_from(rest).unwrap());
        }
        octets.extend(text.as_bytes());
        octets
    };
    headers.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// One connection of HTTP/2.
pub(crate) struct Http2(Tls);

impl Http2 {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut tls = connect(address, "a.example.com", &["h2"]).unwrap();
        tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut http2 = Self(tls);
        // Without a table for headers, so that every answer says its status itself.
        assert!(http2.send(&frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0])));
        http2
    }

    /// Whether the other side still takes it.
    pub(crate) fn send(&mut self, octets: &[u8]) -> bool {
        self.0.write_all(octets).and_then(|()| self.0.flush()).is_ok()
    }

    /// The next frame but settings, pings and windows; `None` at the end.
    pub(crate) fn read(&mut self) -> Option<Frame> {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).ok()?;
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            let found = Frame { kind: head[3], flags: head[4], stream, payload };
            match found.kind {
                SETTINGS if found.flags & ACK == 0 => _ = self.send(&frame(SETTINGS, ACK, 0, &[])),
                DATA | HEADERS | RST_STREAM | GOAWAY => return Some(found),
                _ => {}
            }
        }
    }

    /// How a request on `stream` ends: the first octet of its answer's headers (an index where the status is common), a
    /// reset with this code, or the end of the connection.
    pub(crate) fn ask(&mut self, stream: u32, headers: &[(&str, &str)]) -> Answer {
        if !self.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(headers))) {
            return Answer::Closed;
        }
        self.answer(stream)
    }

    /// What comes on `stream`.
    pub(crate) fn answer(&mut self, stream: u32) -> Answer {
        while let Some(found) = self.read() {
            let code = |at: usize| u32::from_be_bytes(found.payload[at..at + 4].try_into().unwrap());
            match found.kind {
                HEADERS if found.stream == stream => return Answer::Status(status(&found.payload)),
                RST_STREAM if found.stream == stream => return Answer::Reset(code(0)),
                GOAWAY if code(4) != 0 => return Answer::GoAway(code(4)),
                _ => {}
            }
        }
        Answer::Closed
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Status(u16),
    Reset(u32),
    GoAway(u32),
    Closed,
}

/// The status, which is the first header: indexed (RFC 7541 appendix A), or a literal whose name is indexed.
fn status(block: &[u8]) -> u16 {
    match block {
        // A change of the table's size may come first.
        [update, rest @ ..] if update & 0xe0 == 0x20 => status(rest),
        [0x88, ..] => 200,
        [0x89, ..] => 204,
        [0x8a, ..] => 206,
        [0x8b, ..] => 304,
        [0x8c, ..] => 400,
        [0x8d, ..] => 404,
        [0x8e, ..] => 500,
        // Digits in Huffman's code: 0, 1, 2 have five bits, the rest six.
        [_, length, rest @ ..] if length & 0x80 != 0 => {
            let bits =
                rest.iter().take(usize::from(length & 0x7f)).fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet));
            let mut left = u32::from(length & 0x7f) * 8;
            let mut number = 0;
            for _ in 0..3 {
                let take = |count: u32| bits >> (left - count) & ((1 << count) - 1);
                let (digit, used) = if take(5) < 3 { (take(5), 5) } else { (take(6) - 0x19 + 3, 6) };
                number = number * 10 + digit;
                left -= used;
            }
            u16::try_from(number).unwrap()
        }
        [_, 3, digits @ ..] => std::str::from_utf8(&digits[..3]).unwrap().parse().unwrap(),
        _ => panic!("no status: {block:?}"),
    }
}
