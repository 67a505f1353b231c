//! What an engine promises.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use hickory_proto::op::ResponseCode;
use model::gslb::MemberAlgorithm;
use se_protocol::State;
use se_protocol::explain::DnsQuestion;

use crate::running::{Backend, NAME, Running, free_port, own_ip, snapshot};

const SPLIT: [(&str, u64); 3] = [("192.0.2.1", 6), ("192.0.2.2", 4), ("192.0.2.3", 2)];

fn counts(running: &std::collections::BTreeMap<IpAddr, usize>) -> Vec<usize> {
    running.values().copied().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_mix_of_workers_and_transports_is_exact_also_across_a_swap() {
    let port = free_port();
    let running = Running::start(snapshot(1, port, &SPLIT, 0));
    running.wait("the first snapshot", |report| report.dns_services[0].state == State::Up).await;
    assert_eq!(counts(&running.count(18).await), [9, 6, 3]);
    let mut other_ttl = snapshot(2, port, &SPLIT, 0);
    std::sync::Arc::make_mut(&mut other_ttl.gslb_services[0]).ttl = model::Ttl::try_from(2).ok();
    running.send(other_ttl);
    running.wait("the swap", |report| report.version.revision.0 == 2).await;
    // The cursor went on: these six complete the second round.
    assert_eq!(counts(&running.count(6).await), [3, 2, 1]);
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_keeps_its_member_by_hash_or_preference_and_an_edit_of_the_algorithm_holds_at_once() {
    let port = free_port();
    let by = |revision: u64, algorithm: MemberAlgorithm| {
        let mut snapshot = snapshot(revision, port, &SPLIT, 0);
        let service = std::sync::Arc::make_mut(&mut snapshot.gslb_services[0]);
        service.pools[0].algorithm = algorithm;
        for (member, order) in service.pools[0].members.iter_mut().zip([3, 2, 1]) {
            member.preference_order = order;
        }
        snapshot
    };
    let running = Running::start(by(1, MemberAlgorithm::ConsistentHash));
    running.wait("the hash", |report| report.dns_services[0].state == State::Up).await;
    let hashed = running.count(18).await;
    assert_eq!(counts(&hashed), [18], "one member for all workers and transports: {hashed:?}");
    let client = Some([127, 0, 0, 1].into());
    let question = DnsQuestion { name: NAME.into(), qtype: "A".into(), client };
    let explained = running.engine.explain_handle().explain_dns(&question).unwrap();
    let told = explained.members.iter().find(|member| member.chosen).map(|member| member.ip);
    assert_eq!(told.as_ref(), hashed.keys().next(), "{:?}", explained.steps);

    running.send(by(2, MemberAlgorithm::PreferenceOrder));
    running.wait("the preference", |report| report.version.revision.0 == 2).await;
    let preferred = running.count(6).await;
    assert_eq!(preferred.into_iter().collect::<Vec<_>>(), [([192, 0, 2, 3].into(), 6)]);

    running.send(by(3, MemberAlgorithm::RoundRobin));
    running.wait("the turns", |report| report.version.revision.0 == 3).await;
    assert_eq!(counts(&running.count(12).await), [6, 4, 2]);
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_snapshot_is_refused_and_another_history_is_taken() {
    let port = free_port();
    let running = Running::start(snapshot(5, port, &SPLIT, 0));
    running.wait("revision 5", |report| report.version.revision.0 == 5).await;
    running.send(snapshot(4, port, &[("192.0.2.9", 1)], 0));
    running.send(snapshot(6, port, &SPLIT, 0));
    running.wait("revision 6", |report| report.version.revision.0 == 6).await;
    running.send(snapshot(3, port, &[("192.0.2.9", 1)], 0));
    let mut restored = snapshot(2, port, &[("192.0.2.7", 1)], 0);
    restored.version.incarnation = "restored".into();
    running.send(restored);
    running.wait("the restored store", |report| report.version.revision.0 == 2).await;
    assert_eq!(running.count(1).await.keys().next().unwrap().to_string(), "192.0.2.7");
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_backend_leaves_the_answers_and_returns() {
    let first = Backend::start("127.10.40.1:0".parse().unwrap());
    let port = first.address.port();
    let second = Backend::start(SocketAddr::new("127.10.40.2".parse().unwrap(), port));
    let running = Running::start(snapshot(1, free_port(), &[("127.10.40.1", 1), ("127.10.40.2", 1)], port));
    let states = |up: [bool; 2]| {
        move |report: &se_protocol::Report| {
            let members = &report.gslb_services[0].pools[0].members;
            members.iter().map(|member| member.state == State::Up).eq(up)
        }
    };
    running.wait("both up", states([true, true])).await;
    assert_eq!(counts(&running.count(6).await), [3, 3]);

    drop(second);
    running.wait("one down", states([true, false])).await;
    assert_eq!(counts(&running.count(6).await), [6]);
    let question = DnsQuestion { name: NAME.into(), qtype: "A".into(), client: None };
    let explained = running.engine.explain_handle().explain_dns(&question).unwrap();
    assert!(explained.members[1].reason.contains("CONNECTION_REFUSED"), "{:?}", explained.members);

    drop(first);
    running.wait("all down", states([false, false])).await;
    assert_eq!(running.ask().await.metadata.response_code, ResponseCode::NXDomain);

    let _again = Backend::start(SocketAddr::new("127.10.40.2".parse().unwrap(), port));
    running.wait("one back", states([false, true])).await;
    assert_eq!(counts(&running.count(2).await), [2]);
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_reported_and_tried_again() {
    let port = free_port();
    let taken = UdpSocket::bind((own_ip(), port)).unwrap();
    let running = Running::start(snapshot(1, port, &SPLIT, 0));
    running
        .wait("the report", |report| {
            report.dns_services[0].state == State::Down && report.dns_services[0].reason.contains("in use")
        })
        .await;
    drop(taken);
    running.wait("the retry", |report| report.dns_services[0].state == State::Up).await;
    assert_eq!(counts(&running.count(6).await), [3, 2, 1]);
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_virtual_service_closes_its_sockets_and_a_moved_one_follows() {
    let (port, moved) = (free_port(), free_port());
    let mut running = Running::start(snapshot(1, port, &SPLIT, 0));
    running.wait("it answers", |report| report.dns_services[0].state == State::Up).await;
    let mut disabled = snapshot(2, port, &SPLIT, 0);
    disabled.dns_services[0].enabled = false;
    running.send(disabled);
    running.wait("it is off", |report| report.dns_services[0].state == State::Disabled).await;
    drop(UdpSocket::bind(running.dns).unwrap());
    running.send(snapshot(3, moved, &SPLIT, 0));
    running.wait("it moved", |report| report.dns_services[0].listeners.iter().any(|at| at.port() == moved)).await;
    running.dns.set_port(moved);
    assert_eq!(counts(&running.count(6).await), [3, 2, 1]);
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_of_closed_sockets_stay_in_the_sum() {
    let (port, moved) = (free_port(), free_port());
    let mut running = Running::start(snapshot(1, port, &SPLIT, 0));
    running.wait("it answers", |report| report.dns_services[0].state == State::Up).await;
    let mut counts = running.engine.counts();
    let mut seen = [0, 0];
    for (queries, at) in [(6, moved), (9, port)] {
        running.count(queries).await;
        running.send(snapshot(1 + queries as u64, at, &SPLIT, 0));
        running.wait("it moved", |report| report.dns_services[0].listeners.iter().any(|on| on.port() == at)).await;
        running.dns.set_port(at);
        // One in three goes over TCP.
        seen = [seen[0] + queries as u64 / 3 * 2, seen[1] + queries as u64 / 3];
        let sum = counts.wait_for(|counts| counts.dns.each_ref().map(|(_, stats)| stats.answers) == seen);
        tokio::time::timeout(std::time::Duration::from_secs(20), sum).await.unwrap().unwrap();
    }
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_serves_on_when_the_sender_is_gone() {
    let running = Running::start(snapshot(1, free_port(), &SPLIT, 0));
    running.wait("it answers", |report| report.dns_services[0].state == State::Up).await;
    let running = running.forget_the_controller();
    assert_eq!(counts(&running.count(12).await), [6, 4, 2]);
    running.engine.shutdown().await;
}
