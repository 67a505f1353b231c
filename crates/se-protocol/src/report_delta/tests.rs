use std::net::SocketAddr;

use model::{Revision, Version};
use proptest::prelude::*;

use super::*;
use crate::{MonitorState, ServerState, State};

fn http_service(number: u8, seed: u8) -> Arc<HttpServiceState> {
    Arc::new(HttpServiceState {
        uuid: format!("virtualservice-{number}"),
        state: [State::Up, State::Down, State::Unknown, State::Disabled][usize::from(seed % 4)],
        reason: format!("reason {seed}"),
        since_us: i64::from(seed) - 2,
        listeners: (0..seed % 3).map(|last| SocketAddr::from(([192, 0, 2, last], 8080))).collect(),
    })
}

fn http_pool(number: u8, seed: u8) -> Arc<HttpPoolState> {
    let target = SocketAddr::from(([192, 0, 2, number], 80));
    let monitor = MonitorState {
        uuid: "healthmonitor-1".into(),
        name: "m".into(),
        target,
        state: State::Down,
        streak: 3,
        last_failure: (seed > 1).then(|| "CONNECTION_REFUSED".into()),
        latency_us: (seed == 1).then_some(900),
        probed_by: None,
    };
    let server = ServerState {
        address: target,
        state: State::Down,
        reason: "r".into(),
        since_us: 7,
        monitors: vec![monitor; (seed % 3).into()],
    };
    Arc::new(HttpPoolState {
        uuid: format!("pool-{number}"),
        state: State::Up,
        reason: String::new(),
        since_us: 5,
        servers: vec![server; (seed % 4).into()],
    })
}

fn gslb_service(number: u8, seed: u8) -> Arc<GslbServiceState> {
    let uuid = format!("gslbservice-{number}");
    Arc::new(GslbServiceState { uuid, state: State::Up, reason: String::new(), since_us: seed.into(), pools: vec![] })
}

fn dns_service(number: u8, seed: u8) -> DnsServiceState {
    let reason = format!("{seed}");
    DnsServiceState { uuid: format!("virtualservice-dns-{number}"), state: State::Up, reason, listeners: vec![] }
}

fn report(revision: u64, [dns, gslb, http, pools]: &[BTreeMap<u8, u8>; 4]) -> Report {
    Report {
        version: Version { incarnation: "a".into(), term: 0, revision: Revision(revision) },
        dns_services: dns.iter().map(|(number, seed)| dns_service(*number, *seed)).collect(),
        gslb_services: gslb.iter().map(|(number, seed)| gslb_service(*number, *seed)).collect(),
        http_services: http.iter().map(|(number, seed)| http_service(*number, *seed)).collect(),
        http_pools: pools.iter().map(|(number, seed)| http_pool(*number, *seed)).collect(),
    }
}

proptest! {
    #[test]
    fn deltas_lead_to_the_whole_report(
        history in prop::collection::vec(prop::array::uniform4(prop::collection::btree_map(0..9u8, 0..6u8, 0..6)), 1..8),
    ) {
        let mut assembler = ReportAssembler::default();
        let mut base: Option<Report> = None;
        for (revision, world) in history.iter().enumerate() {
            let to = report(revision as u64, world);
            let mut taken = None;
            for part in parts(base.as_ref(), &to) {
                prop_assert_eq!(taken, None);
                taken = assembler.take(part).unwrap();
            }
            prop_assert_eq!(taken.as_ref(), Some(&to));
            base = Some(to);
        }
    }
}

#[test]
fn only_what_changed_is_sent_and_in_messages_of_limited_size() {
    let many = |seed: u8| Report {
        http_services: (0..20_000)
            .map(|number| {
                let uuid = format!("virtualservice-{number:05}");
                Arc::new(HttpServiceState { uuid, ..HttpServiceState::clone(&http_service(0, seed)) })
            })
            .collect(),
        ..report(1, &Default::default())
    };
    let first = many(1);
    let sent = parts(None, &first);
    assert!(sent.len() > 2);
    assert!(sent.iter().all(|part| prost::Message::encoded_len(part) <= crate::MESSAGE_BYTES_MAX));

    let mut second = first.clone();
    second.http_services[700] = http_service(0, 3);
    let sent = parts(Some(&first), &second);
    let changed: Vec<_> = sent.iter().flat_map(|part| &part.http_services).map(|it| it.uuid.as_str()).collect();
    let gone: Vec<_> = sent.iter().flat_map(|part| &part.http_services_gone).map(String::as_str).collect();
    assert_eq!((changed, gone), (vec!["virtualservice-0"], vec!["virtualservice-00700"]));
}
