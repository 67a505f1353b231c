//! Connections that change their protocol.

use crate::testbed::{Backend, Bed, Peer, eventually, one_service, one_service_with};

const UPGRADE: &str =
    "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n";

/// Agrees to change, then sends back every line in capitals.
pub(crate) fn shouting() -> Backend {
    Backend::start(|mut peer| {
        let request = peer.read_head().unwrap();
        assert_eq!(request.header("upgrade"), Some("websocket"));
        assert_eq!(request.header("sec-websocket-key"), Some("k"));
        peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nHELLO\n");
        let mut line = String::new();
        while std::io::BufRead::read_line(&mut peer.reader, &mut line).unwrap_or(0) > 0 {
            peer.send(line.to_uppercase());
            line.clear();
        }
    })
}

/// Opens a tunnel to [`shouting`].
pub(crate) fn open(vip: std::net::SocketAddr) -> Peer {
    let mut client = Peer::connect(vip);
    // The first words may come with the request.
    client.send(format!("{UPGRADE}early\n"));
    let head = client.read_head().unwrap();
    assert_eq!((head.status(), head.header("upgrade")), (101, Some("websocket")));
    assert_eq!(client.read_octets(12), b"HELLO\nEARLY\n");
    client
}

#[test]
fn a_web_socket_passes_both_ways_until_one_side_closes() {
    let backend = shouting();
    let (vip, config) = one_service(&[backend.address]);
    let bed = Bed::start(1, &config);
    let mut client = open(vip);
    for _ in 0..3 {
        client.send("abc\n");
        assert_eq!(client.read_octets(4), b"ABC\n");
    }
    let view = bed.proxy().view();
    let state = &view.table.pool("pool-p").unwrap().servers[0].state;
    assert_eq!(state.active(), 1, "a tunnel counts as long as it lasts");
    drop(client);
    eventually("the server is free again", || state.active() == 0);
    eventually("the tunnel is counted", || bed.proxy().stats().tunnels == 1);
}

#[test]
fn a_server_that_does_not_agree_answers_as_usual() {
    let backend = Backend::named("no");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    let response = client.ask(UPGRADE);
    assert_eq!((response.status(), response.text(), response.header("got-upgrade")), (200, "no", Some("websocket")));
    assert_eq!(client.get("/").text(), "no");
}

#[test]
fn http_2_in_plain_text_and_what_the_profile_forbids_are_not_asked_for() {
    let backend = Backend::named("b");
    for (websockets, protocol) in [(true, "h2c"), (true, "h2c, websocket"), (true, "HTTP/2.0"), (false, "websocket")] {
        let (vip, config) =
            one_service_with(&[backend.address], |service| service.host.profile.websockets = websockets);
        let _bed = Bed::start(1, &config);
        let response = Peer::connect(vip).ask(UPGRADE.replace("websocket", protocol));
        assert_eq!((response.status(), response.header("got-upgrade")), (200, None), "{protocol}");
    }
}
