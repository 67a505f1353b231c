//! Real sockets: a name server that says what it is told to.
#![expect(clippy::unwrap_used, reason = "a test stops where it is surprised")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use dns_client::{Family, LookupError, look_up};
use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use model::DomainName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

/// A name server until it is dropped.
struct Server {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// What a server says; the flag is whether over TCP.
type Says = fn(&mut Message, &str, RecordType, bool);

impl Server {
    async fn start(says: Says) -> Self {
        let (socket, listener) = loop {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            // The same port for both may be taken.
            if let Ok(listener) = TcpListener::bind(socket.local_addr().unwrap()).await {
                break (socket, listener);
            }
        };
        let (address, mut tasks) = (socket.local_addr().unwrap(), JoinSet::new());
        tasks.spawn(async move {
            let mut buffer = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                let response = respond(&buffer[..length], says, false);
                // Something else first, as who guesses would send it.
                let mut strange = response.clone();
                strange[0] ^= 0xff;
                socket.send_to(&strange, from).await.unwrap();
                socket.send_to(&response, from).await.unwrap();
            }
        });
        tasks.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut query = vec![0; stream.read_u16().await.unwrap().into()];
                stream.read_exact(&mut query).await.unwrap();
                let response = respond(&query, says, true);
                stream.write_u16(u16::try_from(response.len()).unwrap()).await.unwrap();
                stream.write_all(&response).await.unwrap();
            }
        });
        Self { address, _tasks: tasks }
    }
}

fn respond(query: &[u8], says: Says, over_tcp: bool) -> Vec<u8> {
    let mut message = Message::from_vec(query).unwrap();
    assert!(message.metadata.recursion_desired);
    message.metadata.message_type = MessageType::Response;
    let question = message.queries[0].clone();
    says(&mut message, &question.name().to_string(), question.query_type(), over_tcp);
    message.to_vec().unwrap()
}

fn name(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

fn put(message: &mut Message, owner: &str, ttl: u32, data: RData) {
    message.answers.push(Record::from_rdata(Name::from_ascii(owner).unwrap(), ttl, data));
}

fn cdn(message: &mut Message, asked: &str, rtype: RecordType, over_tcp: bool) {
    match (asked, rtype) {
        ("cdn.example.net.", _) => {
            put(message, asked, 300, RData::CNAME(CNAME(Name::from_ascii("edge.example.net.").unwrap())));
        }
        ("edge.example.net.", RecordType::A) => {
            put(message, asked, 20, RData::A(A::new(192, 0, 2, 9)));
            put(message, asked, 20, RData::A(A::new(192, 0, 2, 1)));
        }
        ("large.example.net.", _) if over_tcp => put(message, asked, 60, RData::A(A::new(192, 0, 2, 77))),
        ("large.example.net.", _) => message.metadata.truncation = true,
        ("circle.example.net.", _) => {
            put(message, asked, 300, RData::CNAME(CNAME(Name::from_ascii("other.example.net.").unwrap())));
        }
        ("other.example.net.", _) => {
            put(message, asked, 300, RData::CNAME(CNAME(Name::from_ascii("circle.example.net.").unwrap())));
        }
        ("edge.example.net.", _) => {}
        _ => message.metadata.response_code = ResponseCode::NXDomain,
    }
}

#[tokio::test]
async fn a_name_is_followed_to_its_addresses_and_what_was_cut_is_asked_again_over_tcp() {
    let server = Server::start(cdn).await;
    let found = look_up(&[server.address], &name("cdn.example.net"), Family::V4).await.unwrap();
    let addresses = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 9)].map(IpAddr::V4);
    assert_eq!((found.addresses.as_slice(), found.ttl), (addresses.as_slice(), Duration::from_secs(20)));
    let found = look_up(&[server.address], &name("large.example.net"), Family::V4).await.unwrap();
    assert_eq!(found.addresses, [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77))]);
}

#[tokio::test]
async fn what_a_server_denies_is_believed_and_one_that_fails_is_passed_over() {
    let server = Server::start(cdn).await;
    let look = async |servers: &[SocketAddr], text, family| look_up(servers, &name(text), family).await.unwrap_err();
    let missing = look(&[server.address], "nothing.example.net", Family::V4).await;
    assert_eq!(missing, LookupError::NoSuchName { server: server.address });
    let denied = look(&[server.address], "cdn.example.net", Family::V6).await;
    assert_eq!(denied, LookupError::NoAddress { server: server.address, family: Family::V6 });
    assert!(missing.is_definite() && denied.is_definite());
    assert_eq!(look(&[server.address], "circle.example.net", Family::V4).await, LookupError::Aliases);
    assert_eq!(look(&[], "cdn.example.net", Family::V4).await, LookupError::NoServers);

    let broken = Server::start(|message, _, _, _| message.metadata.response_code = ResponseCode::ServFail).await;
    let error = look(&[broken.address], "cdn.example.net", Family::V4).await;
    assert!(matches!(&error, LookupError::NoAnswer { server, .. } if *server == broken.address), "{error}");
    assert!(!error.is_definite());
    // A port that nobody listens at.
    let nobody = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let servers = [nobody, broken.address, server.address];
    assert_eq!(look_up(&servers, &name("edge.example.net"), Family::V4).await.unwrap().addresses.len(), 2);
}
