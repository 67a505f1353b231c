//! Names that virtual services own, asked for at a running engine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use model::dns::{RecordData, RecordOrder, Registration};
use model::testing;
use se_protocol::explain::DnsQuestion;
use se_protocol::member_states::VirtualServiceKey;
use se_protocol::{MemberStates, Snapshot, State, ToldStates};

use crate::running::{NAME, Running, free_port, own_ip, snapshot};

/// The name at an address of documentation, of one VsVip.
fn registration(number: u8, owner: String) -> Arc<Registration> {
    Arc::new(Registration {
        name: testing::domain(NAME),
        data: RecordData::Addresses(vec![[192, 0, 2, number].into()]),
        ttl: model::Ttl::try_from(7).unwrap(),
        addresses_max: Some(0),
        order: RecordOrder::RoundRobin,
        vs_vip: format!("vsvip-{number}"),
        virtual_services: [owner].into(),
        only_while_up: true,
    })
}

/// A snapshot in which two VsVips have the name, each with a virtual service of another engine.
fn two_owners() -> Snapshot {
    let mut snapshot = snapshot(1, free_port(), &[], 0);
    snapshot.gslb_services.clear();
    snapshot.registrations = [1, 2].map(|number| registration(number, format!("vs-{number}"))).into();
    snapshot
}

fn told(states: [State; 2]) -> ToldStates {
    let mut known = MemberStates::default();
    for (number, state) in (1..).zip(states) {
        known.set(VirtualServiceKey { cluster_uuid: "cluster-1".into(), vs_uuid: format!("vs-{number}") }, state);
    }
    ToldStates { states: Arc::new(known), is_complete: true, engine: None }
}

/// Asks until the answer has `addresses` addresses.
async fn answer_of(running: &Running, addresses: usize) -> Message {
    let answered = async {
        loop {
            let reply = running.ask().await;
            if reply.answers.len() == addresses {
                return reply;
            }
            // bounded: by the timeout around it
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), answered).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_gone_with_its_last_owner_and_comes_back() {
    let running = Running::start(two_owners());
    running.wait("the listener", |report| report.dns_services[0].state == State::Up).await;
    for (states, addresses) in [
        ([State::Up, State::Up], 2),
        ([State::Up, State::Down], 1),
        ([State::Down, State::Down], 0),
        ([State::Down, State::Up], 1),
    ] {
        running.told.send_replace(told(states));
        let reply = answer_of(&running, addresses).await;
        let expected = if addresses == 0 { ResponseCode::NXDomain } else { ResponseCode::NoError };
        assert_eq!(reply.metadata.response_code, expected, "{reply}");
    }
    let question = DnsQuestion { name: NAME.into(), qtype: "A".into(), client: None };
    let explanation = running.engine.explain_handle().explain_dns(&question).unwrap();
    let steps: Vec<&str> = explanation.steps.iter().map(|step| step.outcome.as_str()).collect();
    let one = "VsVip vsvip-1, 192.0.2.1, not published: vs-1 is down, says the controller";
    let two = "VsVip vsvip-2, 192.0.2.2, published: vs-2 is up, says the controller";
    assert!(steps.contains(&one) && steps.contains(&two), "{steps:?}");
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_goes_with_the_last_server_of_what_this_engine_serves() {
    let (dns_port, at) = (free_port(), SocketAddr::new(own_ip().into(), free_port()));
    let server = (SocketAddr::new(own_ip().into(), free_port()), 1);
    let snapshot = |revision, servers: &[(SocketAddr, u8)]| {
        let mut parent = testing::virtual_service("parent", at, None);
        parent.children = vec![testing::child("child", NAME, testing::to_pool("web"))];
        let mut snapshot = snapshot(revision, dns_port, &[], 0);
        snapshot.gslb_services.clear();
        snapshot.registrations = vec![registration(1, "virtualservice-child".into())];
        snapshot.http.services = vec![Arc::new(parent)];
        snapshot.http.pools = vec![Arc::new(testing::http_pool("web", servers))];
        snapshot
    };
    let running = Running::start(snapshot(1, &[server]));
    // What the controller says of it does not matter here.
    running.told.send_replace(ToldStates { is_complete: true, ..ToldStates::default() });
    running.wait("the listener", |report| report.dns_services[0].state == State::Up).await;
    answer_of(&running, 1).await;
    running.send(snapshot(2, &[]));
    let reply = answer_of(&running, 0).await;
    assert_eq!(reply.metadata.response_code, ResponseCode::NXDomain, "{reply}");
    running.send(snapshot(3, &[server]));
    answer_of(&running, 1).await;
    running.engine.shutdown().await;
}
