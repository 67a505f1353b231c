//! Names that virtual services own, asked for at a running engine.

use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use model::dns::{RecordData, RecordOrder, Registration};
use model::testing;
use se_protocol::explain::DnsQuestion;
use se_protocol::member_states::VirtualServiceKey;
use se_protocol::{MemberStates, Snapshot, State, ToldStates};

use crate::running::{NAME, Running, free_port, snapshot};

/// A snapshot in which two VsVips have the name, each with a virtual service of another engine.
fn two_owners() -> Snapshot {
    let mut snapshot = snapshot(1, free_port(), &[], 0);
    snapshot.gslb_services.clear();
    for number in [1, 2] {
        snapshot.registrations.push(Arc::new(Registration {
            name: testing::domain(NAME),
            data: RecordData::Addresses(vec![[192, 0, 2, number].into()]),
            ttl: model::Ttl::try_from(7).unwrap(),
            addresses_max: Some(0),
            order: RecordOrder::RoundRobin,
            vs_vip: format!("vsvip-{number}"),
            virtual_services: [format!("vs-{number}")].into(),
            only_while_up: true,
        }));
    }
    snapshot
}

fn told(states: [State; 2]) -> ToldStates {
    let mut known = MemberStates::default();
    for (number, state) in (1..).zip(states) {
        known.set(VirtualServiceKey { cluster_uuid: "cluster-1".into(), vs_uuid: format!("vs-{number}") }, state);
    }
    ToldStates { states: Arc::new(known), is_complete: true }
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
