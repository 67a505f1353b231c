//! What is explained is what is sent.

use dns_answer::{Limit, View, explain};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType};
use model::dns::{DnsVirtualService, ErrorResponse, RecordOrder, Registration};
use model::gslb::{DownResponse, GslbService, MemberAlgorithm};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use se_protocol::explain::DnsQuestion;

use model::testing::{domain, member, pool, service};

use crate::world::{Books, CLIENT, ask_bytes, dns, hello, publish, query, registration, view, with_records};

/// Worlds, with three queries each.
const WORLDS: u32 = 100_000;
const SEED: u64 = 20_261_121;

const NAMES: [&str; 9] = [
    "hello.avi.iberia.local",
    "a.avi.iberia.local",
    "b.a.avi.iberia.local",
    "x.b.a.avi.iberia.local",
    "avi.iberia.local",
    "c.d.avi.iberia.local",
    "d.avi.iberia.local",
    "iberia.local",
    "www.example.com",
];
const TYPES: [RecordType; 6] =
    [RecordType::A, RecordType::A, RecordType::AAAA, RecordType::SOA, RecordType::TXT, RecordType::ANY];

const ALGORITHMS: [MemberAlgorithm; 5] = [
    MemberAlgorithm::RoundRobin,
    MemberAlgorithm::ConsistentHash,
    MemberAlgorithm::PreferenceOrder,
    MemberAlgorithm::Geo,
    MemberAlgorithm::Topology,
];

#[test]
fn over_a_hundred_thousand_worlds_the_explained_answer_is_the_one_on_the_wire() {
    let mut dice = StdRng::seed_from_u64(SEED);
    for world in 0..WORLDS {
        let (dns, services, health) = any_world(&mut dice);
        let mut view = view(&dns, &services, &health);
        if dice.random() {
            view = with_records(view, any_records(&mut dice));
            for (slot, _) in view.records.registrations() {
                view.records.publish(slot, dice.random_ratio(2, 3));
            }
        }
        for _ in 0..3 {
            let name = NAMES.choose(&mut dice).unwrap();
            let qtype = *TYPES.choose(&mut dice).unwrap();
            check(&view, name, qtype, world);
        }
    }
}

#[test]
fn each_step_and_each_passed_over_member_is_told() {
    let view = view(&dns(), &[hello()], &[false, true, true]);
    let question = DnsQuestion {
        name: "hello.avi.iberia.local".into(),
        qtype: "A".into(),
        client: Some("10.1.2.3".parse().unwrap()),
    };
    let explanation = explain(&view, &question, &Books).unwrap();
    let steps: Vec<&str> = explanation.steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(steps, ["client", "zone", "lookup", "pool", "member", "answer"]);
    assert!(explanation.steps[0].outcome.contains("every client gets this"));
    let members: Vec<(bool, &str)> = explanation.members.iter().map(|m| (m.chosen, m.reason.as_str())).collect();
    assert_eq!(
        members,
        [
            (false, "its turn came, but it is not up, so another turn was drawn (health of 10.10.25.46)"),
            (true, "its turn (health of 10.10.26.40)"),
            (false, "up, but this turn belongs to another member (health of 10.10.23.40)"),
        ]
    );
    assert_eq!(explanation.answer.answer, ["hello.avi.iberia.local 30 IN A 10.10.26.40"]);
}

#[test]
fn the_owners_of_a_name_and_why_they_count_are_told() {
    let (one, mut two) =
        (registration(1, "app.avi.iberia.local", "192.0.2.1"), registration(2, "app.avi.iberia.local", "192.0.2.2"));
    two.virtual_services.insert("vs-3".into());
    let view = with_records(view(&dns(), &[hello()], &[]), vec![one, two]);
    publish(&view, 2, false);
    let question = DnsQuestion { name: "app.avi.iberia.local".into(), qtype: "A".into(), client: None };
    let told = || {
        let explanation = explain(&view, &question, &Books).unwrap();
        let steps = explanation.steps.into_iter().map(|step| format!("{}: {}", step.step, step.outcome));
        (steps.skip(2).collect::<Vec<_>>(), explanation.answer)
    };
    let (steps, answer) = told();
    assert_eq!(
        steps,
        [
            "lookup: a name of 2 VsVips",
            "record: VsVip vsvip-1, 192.0.2.1, published: state of vs-1",
            "record: VsVip vsvip-2, 192.0.2.2, not published: state of vs-2; state of vs-3",
            "answer: 1 of 1 address, TTL 60 (the record's)",
        ]
    );
    assert_eq!(answer.answer, ["app.avi.iberia.local 60 IN A 192.0.2.1"]);
    publish(&view, 1, false);
    let (steps, answer) = told();
    assert_eq!(steps[3], "answer: none of its virtual services is up, so the name is withdrawn");
    assert_eq!((answer.rcode.as_str(), answer.authority.len()), ("NXDOMAIN", 1));
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let view = view(&dns(), &[hello()], &[]);
    let ask = |name: &str, qtype: &str| {
        let question = DnsQuestion { name: name.into(), qtype: qtype.into(), client: None };
        explain(&view, &question, &Books).unwrap_err().to_string()
    };
    assert!(ask("a..b", "A").contains("`a..b` is not a domain name"));
    assert!(ask("a..", "A").contains("`a..` is not a domain name"));
    assert!(ask("a.b", "BOGUS").contains("`BOGUS` is not a record type"));
}

#[test]
fn the_root_can_be_asked_for() {
    let view = view(&dns(), &[hello()], &[]);
    let question = DnsQuestion { name: ".".into(), qtype: "NS".into(), client: None };
    let explanation = explain(&view, &question, &Books).unwrap();
    assert_eq!(explanation.question.name, ".");
    assert_eq!(explanation.steps[1].outcome, "outside every zone of this service");
}

#[track_caller]
fn check(view: &View, name: &str, qtype: RecordType, world: u32) {
    let question = DnsQuestion { name: name.to_owned(), qtype: qtype.to_string(), client: Some(CLIENT) };
    let explained = explain(view, &question, &Books).unwrap().answer;
    let bytes = query(&format!("{name}."), qtype, 0).to_vec().unwrap();
    let context = format!("seed {SEED}, world {world}, {name} {qtype}");
    let Some(sent) = ask_bytes(view, &bytes, Limit::Tcp) else {
        assert_eq!(explained.rcode, "no packet", "{context}");
        return;
    };
    let sent = Message::from_vec(&sent).unwrap();
    let rcode = match sent.metadata.response_code {
        ResponseCode::NoError => "NOERROR",
        ResponseCode::NXDomain => "NXDOMAIN",
        other => panic!("{other} {context}"),
    };
    let text = |records: &[Record]| -> Vec<String> { records.iter().map(presentation).collect() };
    assert_eq!(explained.rcode, rcode, "{context}");
    assert_eq!(explained.answer, text(&sent.answers), "{context}");
    assert_eq!(explained.authority, text(&sent.authorities), "{context}");
}

/// A record as the explanation writes it.
fn presentation(record: &Record) -> String {
    let name = |name: &hickory_proto::rr::Name| {
        let text = name.to_ascii().replace('@', "\\@").replace("\\\\@", "\\@");
        text.strip_suffix('.').unwrap_or(&text).to_owned()
    };
    let data = match &record.data {
        RData::SOA(soa) => format!(
            "{} {} {} {} {} {} {}",
            name(&soa.mname),
            name(&soa.rname),
            soa.serial,
            soa.refresh,
            soa.retry,
            soa.expire,
            soa.minimum
        ),
        RData::CNAME(target) => name(&target.0),
        other => other.to_string(),
    };
    format!("{} {} IN {} {data}", name(&record.name), record.ttl, record.record_type())
}

fn any_world(dice: &mut StdRng) -> (DnsVirtualService, Vec<GslbService>, Vec<bool>) {
    let mut dns = dns();
    dns.profile.num_dns_ip = dice.random_range(0..4);
    dns.profile.ttl = model::Ttl::try_from(dice.random_range(0..100)).unwrap();
    dns.profile.aaaa_empty_response = dice.random();
    if dice.random_ratio(1, 4) {
        dns.profile.on_error = ErrorResponse::Drop;
    }
    let count = dice.random_range(0..4);
    let mut names: Vec<&str> = NAMES[..6].to_vec();
    let services = (0..count)
        .map(|_| {
            let name = names.remove(dice.random_range(0..names.len()));
            any_service(dice, name)
        })
        .collect();
    let health = (0..24).map(|_| dice.random_ratio(2, 3)).collect();
    (dns, services, health)
}

fn any_records(dice: &mut StdRng) -> Vec<Registration> {
    let mut records: Vec<Registration> = (0..dice.random_range(0..6))
        .map(|number| {
            let data =
                ["192.0.2.1", "192.0.2.2 192.0.2.3", "192.0.2.3 2001:db8::1", "a.avi.iberia.local", "x.example.com"];
            let name = NAMES.choose(dice).unwrap();
            let mut record = registration(number, name, data.choose(dice).unwrap());
            record.addresses_max = [None, Some(0), Some(1), Some(2)].choose(dice).copied().unwrap();
            record.order = if dice.random() { RecordOrder::RoundRobin } else { RecordOrder::ConsistentHash };
            record.ttl = model::Ttl::try_from(dice.random_range(0..100)).unwrap();
            record
        })
        .collect();
    records.sort_by(|one, other| (&one.name, &one.vs_vip).cmp(&(&other.name, &other.vs_vip)));
    records
}

fn any_service(dice: &mut StdRng, name: &str) -> GslbService {
    let pools = (0..dice.random_range(0..3))
        .map(|number| {
            let members = (0..dice.random_range(0..4))
                .map(|_| {
                    let host: u8 = dice.random_range(1..=250);
                    let v6 = dice.random_ratio(1, 4);
                    let ip = if v6 { format!("2001:db8::{host:x}") } else { format!("192.0.2.{host}") };
                    let mut member = member(&ip, dice.random_range(1..=20));
                    member.preference_order = dice.random_range(1..=3);
                    member.enabled = dice.random_ratio(7, 8);
                    member
                })
                .collect();
            let mut pool = pool(dice.random_range(0..3), members);
            pool.name = format!("pool-{number}");
            pool.enabled = dice.random_ratio(7, 8);
            pool.algorithm = *ALGORITHMS.choose(dice).unwrap();
            pool.fallback_algorithm = [None, Some(MemberAlgorithm::ConsistentHash)].choose(dice).copied().unwrap();
            pool.hash_prefix_v4 = dice.random_bool(0.5).then(|| dice.random_range(1..32));
            pool
        })
        .collect();
    let mut service = service(name, pools);
    service.enabled = dice.random_ratio(7, 8);
    service.wildcard_match = dice.random_ratio(1, 4);
    service.ttl = dice.random_bool(0.5).then(|| model::Ttl::try_from(dice.random_range(0..100)).unwrap());
    service.num_dns_ip = dice.random_bool(0.5).then(|| dice.random_range(0..4));
    service.down_response = match dice.random_range(0..5) {
        0 => DownResponse::AllRecords,
        1 => DownResponse::FallbackIp { v4: Some([192, 0, 2, 255].into()), v6: None },
        2 => DownResponse::Empty,
        3 => DownResponse::Cname(domain("sorry.example.com")),
        _ => DownResponse::None,
    };
    service
}
