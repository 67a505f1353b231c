//! An answerer that behaves, listeners that run it, and queries for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use dns_server::{Answer, Listeners, Running, Transport};
use dns_wire::{Owner, Query, ResponseBuilder, Rtype, write_error};
use hickory_proto::op::{Message, Query as Question};
use hickory_proto::rr::{Name, RData, RecordType};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// A: one address. TXT: as much text as the transport takes. Names that start with `silent` or `panic` get that.
pub(crate) struct Scripted;

impl Answer for Scripted {
    fn answer(&self, query: &[u8], client: SocketAddr, transport: Transport, out: &mut [u8]) -> Option<usize> {
        assert!(client.ip().is_loopback() && client.port() != 0);
        let query = match Query::parse(query) {
            Ok(query) => query,
            Err(error) => return write_error(out, error.header?, error.rcode()?),
        };
        match query.qname().labels().next() {
            Some(b"silent") => return None,
            Some(b"panic") => panic!("asked to"),
            Some(b"liar") => return Some(out.len() + 1),
            _ => {}
        }
        let size_max = match transport {
            Transport::Udp => usize::from(query.udp_size_max(4096)),
            Transport::Tcp => out.len(),
        };
        let mut answer = ResponseBuilder::new(&query, out, size_max)?;
        match query.qtype() {
            Rtype::TXT => answer.txt(Owner::Qname, 30, &[&[b'x'; 40_000]]),
            _ => answer.a(Owner::Qname, 30, ADDRESS),
        }
        Some(answer.finish())
    }
}

pub(crate) fn listen(address: &str, workers: usize) -> Running {
    let workers = NonZeroUsize::new(workers).unwrap();
    Listeners::bind(address.parse().unwrap(), workers, true, Arc::new(Scripted)).unwrap()
}

pub(crate) fn query(id: u16, name: &str, qtype: RecordType) -> Vec<u8> {
    let mut message = Message::query();
    message.metadata.id = id;
    message.add_query(Question::query(Name::from_ascii(name).unwrap(), qtype));
    message.to_vec().unwrap()
}

/// Checks that `octets` answer query `id` with [`ADDRESS`].
#[track_caller]
pub(crate) fn check_address(octets: &[u8], id: u16) {
    let message = Message::from_vec(octets).unwrap();
    assert_eq!(message.metadata.id, id);
    assert!(matches!(&message.answers[..], [record] if record.data == RData::A(ADDRESS.into())), "{message}");
}
