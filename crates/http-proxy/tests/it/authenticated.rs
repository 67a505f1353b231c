//! Servers that authenticate connections (NTLM, Negotiate): what is sent on one is done in the name of its client.

use model::testing::http_pool;

use crate::testbed::{Backend, Bed, Message, Peer, one_service, one_service_with};

/// A server that knows its client by the connection, once it has shown who it is in two steps.
fn server() -> Backend {
    Backend::start(|mut peer| {
        let (mut challenged, mut user) = (false, None);
        while let Some(request) = peer.read() {
            let status = match request.header("authorization").and_then(|value| value.strip_prefix("NTLM ")) {
                Some("hello") => {
                    challenged = true;
                    "401 Unauthorized\r\nWWW-Authenticate: NTLM challenge"
                }
                Some(name) if challenged => {
                    user = Some(name.to_owned());
                    "200 OK"
                }
                Some(_) => "400 Bad Request",
                None if user.is_some() || request.start.contains("/open") => "200 OK",
                None => "401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nWWW-Authenticate: NTLM",
            };
            let body = user.as_deref().unwrap_or("nobody");
            peer.send(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
        }
    })
}

fn authorized(client: &mut Peer, value: &str) -> Message {
    client.ask(format!("GET / HTTP/1.1\r\nHost: app.example.com\r\nAuthorization: NTLM {value}\r\n\r\n"))
}

#[test]
fn an_authenticated_connection_is_its_clients_alone() {
    // Another server beside it: the client stays where it is known. Neither way of sharing connections makes a difference.
    let servers = [server(), server()];
    for multiplex_connections in [true, false] {
        let (vip, config) = one_service_with(&servers.each_ref().map(|server| server.address), |service| {
            service.host.profile.multiplex_connections = multiplex_connections;
        });
        let _bed = Bed::start(1, &config);
        let (mut alice, mut bob) = (Peer::connect(vip), Peer::connect(vip));
        assert_eq!(alice.get("/").status(), 401);
        assert_eq!(authorized(&mut alice, "hello").status(), 401);
        assert_eq!(authorized(&mut alice, "alice").text(), "alice");
        for _ in 0..4 {
            assert_eq!(bob.get("/open").text(), "nobody");
            assert_eq!(alice.get("/").text(), "alice");
        }
        assert_eq!(authorized(&mut bob, "hello").status(), 401);
        assert_eq!(authorized(&mut bob, "bob").text(), "bob");
        assert_eq!((alice.get("/").text(), bob.get("/").text()), ("alice", "bob"));
        drop(alice);
        let mut carol = Peer::connect(vip);
        for _ in 0..4 {
            assert_eq!(carol.get("/open").text(), "nobody");
        }
    }
}

#[test]
fn a_client_whose_server_has_gone_has_to_authenticate_again() {
    let (first, second) = (server(), server());
    let (vip, mut config) = one_service(&[first.address]);
    let mut bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    authorized(&mut client, "hello");
    assert_eq!(authorized(&mut client, "alice").text(), "alice");
    config.pools = vec![http_pool("p", &[(second.address, 1)]).into()];
    bed.apply(&config);
    assert_eq!(client.get("/").status(), 401);
    assert_eq!((first.connections(), second.connections()), (1, 1));
}
