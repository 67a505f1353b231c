use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use se_protocol::State as Oper;
use site_replication::{Change, Entry, Held, Mark, Message, Object, Revision, SiteId, State, Stored, Term};

use super::*;
use crate::state::{MemberTold, MonitorTold, SiteState, VirtualServiceTold};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z0-9-]{1,8}", any::<String>()]
}

fn revision() -> impl Strategy<Value = Revision> {
    prop_oneof![0..5_u64, any::<u64>()].prop_map(Revision)
}

fn term() -> impl Strategy<Value = Term> {
    (any::<u64>(), text()).prop_map(|(view, leader)| Term { view, leader: SiteId::from(leader.as_str()) })
}

fn mark() -> impl Strategy<Value = Mark> {
    (revision(), term()).prop_map(|(revision, term)| Mark { revision, term })
}

fn moment() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos)),
        Just(Duration::MAX),
        Just(Duration::ZERO),
    ]
}

fn object() -> impl Strategy<Value = Object> {
    // Some are larger than a chunk.
    let body = prop_oneof![9 => vec(any::<u8>(), 0..300), 1 => (any::<u8>(), 60_000..200_000_usize).prop_map(|(it, count)| vec![it; count])];
    (text(), text(), vec(text(), 0..3), any::<u64>(), body).prop_map(|(uuid, kind, claims, last_modified_us, body)| {
        Object { uuid, kind, claims, last_modified_us, body: body.into() }
    })
}

fn entry() -> impl Strategy<Value = Arc<Entry>> {
    let change = prop_oneof![
        Just(Change::Lead),
        object().prop_map(|object| Change::Put(Arc::new(object))),
        text().prop_map(|uuid| Change::Delete { uuid }),
    ];
    (revision(), term(), change).prop_map(|(revision, term, change)| Arc::new(Entry { revision, term, change }))
}

/// Objects whose claims are their own, as a leader takes care of.
fn state() -> impl Strategy<Value = State> {
    (vec((object(), revision()), 0..6), any::<u64>()).prop_map(|(objects, newest_us)| {
        let stored = objects.into_iter().enumerate().map(|(number, (object, revision))| {
            let claims = object.claims.iter().map(|claim| format!("{number} {claim}")).collect();
            let object = Arc::new(Object { uuid: format!("{number} {}", object.uuid), claims, ..object });
            Stored { object, revision }
        });
        State::new(stored, newest_us)
    })
}

fn held() -> impl Strategy<Value = Held> {
    prop_oneof![
        revision().prop_map(Held::Through),
        (vec(mark(), 0..70), revision()).prop_map(|(marks, base)| Held::Differs { marks, base }),
        Just(Held::Refused),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        (term(), mark(), vec(entry(), 0..6), revision(), revision(), moment()).prop_map(
            |(term, after, entries, committed, shown, sent)| Message::Append {
                term,
                after,
                entries,
                committed,
                shown,
                sent
            }
        ),
        (term(), mark(), state(), moment()).prop_map(|(term, mark, state, sent)| Message::Base {
            term,
            mark,
            state: Arc::new(state),
            sent
        }),
        (term(), moment(), held()).prop_map(|(term, sent, held)| Message::Answer { term, sent, held }),
        (term(), mark(), any::<bool>(), option::of(term())).prop_map(|(term, last, trial, instead_of)| Message::Ask {
            term,
            last,
            trial,
            instead_of
        }),
        (term(), any::<bool>()).prop_map(|(term, trial)| Message::Grant { term, trial }),
        term().prop_map(|term| Message::HandOver { term }),
    ]
}

fn oper() -> impl Strategy<Value = Oper> {
    prop_oneof![Just(Oper::Up), Just(Oper::Down), Just(Oper::Unknown), Just(Oper::Disabled)]
}

fn service() -> impl Strategy<Value = VirtualServiceTold> {
    (oper(), text(), vec(any::<IpAddr>(), 0..3), text())
        .prop_map(|(state, name, addresses, reason)| VirtualServiceTold { state, name, addresses, reason })
}

fn site() -> impl Strategy<Value = SiteState> {
    let monitor = (text(), oper(), option::of(text()));
    let monitor = monitor.prop_map(|(uuid, state, last_failure)| MonitorTold { uuid, state, last_failure });
    let member = (text(), any::<IpAddr>(), oper(), oper(), vec(monitor, 0..3));
    let member =
        member.prop_map(|(pool, ip, state, datapath, monitors)| MemberTold { pool, ip, state, datapath, monitors });
    // Few keys, so that two states have some in common.
    let services = || btree_map("[a-e]", service(), 0..5);
    (services(), services(), btree_map("[a-e]", vec(member, 0..3), 0..5), text(), any::<u32>()).prop_map(
        |(virtual_services, dns_services, gslb_members, controller, engines_connected)| SiteState {
            virtual_services,
            dns_services,
            gslb_members,
            controller,
            engines_connected,
        },
    )
}

/// What arrives when the chunks of both parcels come in turns.
fn travel(contents: [Outbound; 2]) -> BTreeMap<u64, Inbound> {
    let mut lanes: Vec<_> =
        contents.into_iter().zip(0..).map(|(it, number)| (number, Encoder::new(number, it))).collect();
    let (mut parcels, mut came) = (Parcels::default(), BTreeMap::new());
    while !lanes.is_empty() {
        lanes.retain_mut(|(number, lane)| {
            let chunk = lane.chunk().unwrap();
            assert!(chunk.bytes.len() <= CHUNK_BYTES);
            let last = chunk.last;
            let content = parcels.take(chunk).unwrap();
            assert_eq!(content.is_some(), last);
            came.extend(content.map(|content| (*number, content)));
            !last
        });
    }
    assert!(parcels.open.is_empty());
    came
}

proptest! {
    #[test]
    fn messages_arrive_as_they_were(one in message(), other in message()) {
        let came = travel([Outbound::Message(one.clone()), Outbound::Message(other.clone())]);
        prop_assert_eq!(came, BTreeMap::from([(0, Inbound::Message(one)), (1, Inbound::Message(other))]));
    }

    #[test]
    fn a_difference_makes_of_the_old_state_the_new_one(old in site(), new in site()) {
        let told = [Outbound::State(Told::full(&old)), Outbound::State(Told::difference(&old, &new))];
        let mut state = SiteState::default();
        for (content, expected) in travel(told).into_values().zip([old, new]) {
            let Inbound::State(told) = content else { panic!("{content:?}") };
            state = told.apply(&state);
            prop_assert_eq!(&state, &expected);
        }
    }

    #[test]
    fn requests_and_answers_arrive_as_they_were(id: u64, body: Vec<u8>, failure: Option<String>) {
        let body = Bytes::from(body);
        let result = failure.map_or_else(|| Ok(body.clone()), Err);
        let came = travel([
            Outbound::Request { id, body: body.clone() },
            Outbound::Response { id, result: result.clone() },
        ]);
        prop_assert_eq!(came, BTreeMap::from([(0, Inbound::Request { id, body }), (1, Inbound::Response { id, result })]));
    }

    #[test]
    fn any_bytes_are_read_without_harm(chunks in vec((0..3_u64, vec(any::<u8>(), 0..40), any::<bool>()), 0..20)) {
        let mut parcels = Parcels::default();
        for (parcel, bytes, last) in chunks {
            if parcels.take(Chunk { parcel, bytes: bytes.into(), last }).is_err() {
                break;
            }
        }
    }

    #[test]
    fn a_message_that_was_damaged_is_read_without_harm(it in message(), at: prop::sample::Index, with: u8) {
        let mut encoder = Encoder::new(0, Outbound::Message(it));
        let chunk = encoder.chunk().unwrap();
        let mut bytes = chunk.bytes.to_vec();
        *at.get_mut(&mut bytes) ^= with;
        prop_assert_ne!(Parcels::default().take(Chunk { bytes: bytes.into(), ..chunk }), Err(Garbage::Unknown));
    }
}

#[test]
fn what_is_larger_than_a_record_may_be_is_not_sent_and_what_was_begun_is_dropped() {
    let object = |uuid: &str, bytes| {
        let object = Object {
            uuid: uuid.to_owned(),
            kind: String::new(),
            claims: Vec::new(),
            last_modified_us: 0,
            body: vec![0; bytes].into(),
        };
        Stored { object: Arc::new(object), revision: Revision(1) }
    };
    let term = Term { view: 1, leader: SiteId::from("one") };
    let mark = Mark { revision: Revision(1), term: term.clone() };
    let state = Arc::new(State::new([object("a", 200_000), object("b", RECORD_BYTES_MAX)], 0));
    let mut encoder = Encoder::new(0, Outbound::Message(Message::Base { term, mark, state, sent: Duration::ZERO }));
    let mut parcels = Parcels::default();
    for _ in 0..3 {
        assert_eq!(parcels.take(encoder.chunk().unwrap()), Ok(None));
    }
    assert!(encoder.chunk().unwrap_err().to_string().contains("at most 16777216"));
    assert_eq!(parcels.take(encoder.broken()), Ok(None));
    assert!(parcels.open.is_empty());
}
