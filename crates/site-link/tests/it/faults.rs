//! Links that break, and peers that send nonsense.

use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{Site, heartbeat, id, pair};
use crate::proxy::{self, Mode};
use crate::raw::{Keys, Raw, hello, keys};
use crate::wire::frame::Kind;
use crate::wire::record::Kind as Part;
use crate::wire::{Append, Chunk, Entry, Frame, Grant, Mark, Moment, Ping, Record, Term};

async fn linked(one: &Site, two: &Keys) -> Raw {
    let mut raw = Raw::connect(one.link.local_addr(), two).await;
    raw.send(Kind::Hello(hello("two", "one", 1))).await;
    assert!(matches!(raw.next().await, Some(Kind::Welcome(_))));
    raw
}

fn known() -> (Site, Keys) {
    let (one, two) = (Site::start("one"), keys());
    one.know("two", "127.0.0.1:9".parse().unwrap(), &two.certificate);
    (one, two)
}

fn records(parts: impl IntoIterator<Item = Part>) -> Vec<u8> {
    parts.into_iter().flat_map(|part| Record { kind: Some(part) }.encode_length_delimited_to_vec()).collect()
}

fn chunk(parcel: u64, bytes: Vec<u8>, last: bool) -> Kind {
    Kind::Chunk(Chunk { parcel, bytes: bytes.into(), last })
}

fn grant(view: u64) -> Part {
    Part::Grant(Grant { term: Some(Term { view, leader: "two".into() }), trial: false })
}

#[tokio::test]
async fn a_half_open_link_is_dead_within_seconds_and_links_again() {
    let (one, mut two) = (Site::start("one"), Site::start("two"));
    let proxy = proxy::start(two.link.local_addr()).await;
    one.know("two", proxy.address, &two.pem);
    two.know("one", one.link.local_addr(), &one.pem);
    one.until_linked("two").await;
    two.until_linked("one").await;
    for _ in 0..2 {
        proxy.mode.send_replace(Mode::Stalled);
        // Both ends find out, neither is told.
        one.until_failure("two", "nothing was heard for 2.0s").await;
        two.until_failure("one", "nothing was heard for 2.0s").await;
        proxy.mode.send_replace(Mode::Cut);
        one.until_failure("two", &*proxy.address.to_string().leak()).await;
        proxy.mode.send_replace(Mode::Open);
        one.until_linked("two").await;
        two.until_linked("one").await;
        one.link.send(&two.id, heartbeat("one", 9));
        assert_eq!(two.next().await, (id("one"), heartbeat("one", 9)));
    }
}

#[tokio::test]
async fn what_is_overheard_on_a_link_is_of_no_use_to_who_says_it_again() {
    let (one, mut two) = (Site::start("one"), Site::start("two"));
    let proxy = proxy::start(two.link.local_addr()).await;
    one.know("two", proxy.address, &two.pem);
    two.know("one", one.link.local_addr(), &one.pem);
    one.until_linked("two").await;
    two.until_linked("one").await;
    one.link.send(&two.id, heartbeat("one", 1));
    assert_eq!(two.next().await, (id("one"), heartbeat("one", 1)));
    let overheard = proxy.overheard.lock().unwrap().clone();
    assert!(overheard.len() > 100, "{}", overheard.len());
    let mut replay = tokio::net::TcpStream::connect(two.link.local_addr()).await.unwrap();
    replay.write_all(&overheard).await.unwrap();
    let mut answer = Vec::new();
    let _ = replay.read_to_end(&mut answer).await; // it may be reset
    assert!(two.link.told().borrow()[&id("one")].connected, "the true one is not disturbed");
    one.link.send(&two.id, heartbeat("one", 2));
    assert_eq!(two.next().await, (id("one"), heartbeat("one", 2)), "the first did not come again");
}

#[tokio::test]
async fn addresses_are_tried_in_turn_and_all_failures_are_told() {
    let (one, two) = (Site::start("one"), Site::start("two"));
    two.know("one", one.link.local_addr(), &one.pem);
    let dead = ["127.0.0.1:9".to_owned(), "no port".to_owned()];
    one.know_at("two", dead.to_vec(), &two.pem);
    let failure = one.until_failure("two", "no port: ").await.failure.unwrap();
    assert!(failure.contains("127.0.0.1:9: "), "{failure}");
    let there = two.link.local_addr().to_string();
    one.know_at("two", [dead.as_slice(), &[there]].concat(), &two.pem);
    one.until_linked("two").await;
    one.know_at("two", Vec::new(), &two.pem);
    two.link.shutdown().await;
    one.until_failure("two", "no address of it is known").await;
}

#[tokio::test]
async fn a_site_that_restarts_takes_the_place_of_what_it_was() {
    let (mut one, two) = known();
    let mut old = linked(&one, &two).await;
    let mut new = linked(&one, &two).await;
    assert_eq!(old.goodbye().await, "a newer link takes its place");
    new.send(chunk(0, records([grant(4)]), true)).await;
    assert!(matches!(one.next().await.1, site_replication::Message::Grant { term, .. } if term.view == 4));
}

#[tokio::test]
async fn nonsense_ends_the_link_in_words_and_the_next_one_stands() {
    let (one, two) = known();
    let moment = Moment { seconds: 1, nanos: 0 };
    let term = Term { view: 1, leader: "two".into() };
    let append = |entries, nanos| {
        Part::Append(Append {
            term: Some(term.clone()),
            after: Some(Mark { revision: 0, term: Some(term.clone()) }),
            sent: Some(Moment { nanos, ..moment }),
            entries,
            ..Append::default()
        })
    };
    let frame = |kind| Frame { kind: Some(kind) }.encode_to_vec();
    let part = |part| frame(chunk(0, records([part]), true));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![0xff; 100], "a frame or record that is none"),
        (vec![0; 200_000], "a frame that is too long"),
        (frame(Kind::Hello(hello("two", "one", 1))), "a greeting out of place"),
        (frame(chunk(0, vec![0xff; 20], false)), "a frame or record that is none"),
        (frame(chunk(0, vec![0xff, 0xff, 0xff, 0xff, 0x0f], false)), "more than 16777216 bytes in a record"),
        (part(Part::Grant(Grant::default())), "a term without all its parts"),
        (part(append(0, 1_000_000_000)), "a moment that is out of place"),
        (part(append(513, 0)), "more than 512 entries in a batch"),
        (part(Part::Entry(Entry::default())), "a record that is out of place"),
        (frame(chunk(0, records([append(1, 0), grant(1)]), false)), "a record that is out of place"),
        (frame(chunk(0, records([grant(1), grant(2)]), false)), "a record that is out of place"),
        (
            part(Part::Response(crate::wire::Response {
                id: 1,
                result: Some(crate::wire::response::Result::Failure(String::new())),
            })),
            "belongs on the link of the other direction",
        ),
    ];
    for (bytes, expected) in cases {
        let mut raw = linked(&one, &two).await;
        raw.send_bytes(bytes).await;
        let words = raw.goodbye().await;
        assert!(words.contains(expected), "{expected}: {words}");
    }
    let mut raw = linked(&one, &two).await;
    for parcel in 0..100 {
        raw.send(chunk(parcel, Vec::new(), false)).await;
    }
    assert!(raw.goodbye().await.contains("more than 64 parcels at once"));
}

#[tokio::test]
async fn what_a_later_release_says_is_passed_over() {
    let (mut one, two) = known();
    let mut raw = linked(&one, &two).await;
    // A frame of an unknown kind, an unknown message, a known one with an unknown field, an entry of an unknown kind, a
    // parcel that was given up.
    raw.send_bytes(vec![0xfa, 0x01, 0x02, 0x08, 0x01]).await;
    raw.send(chunk(0, [vec![4, 0xfa, 0x07, 0x01, 0x00], records([grant(1)])].concat(), true)).await;
    let mut known = Record { kind: Some(grant(7)) }.encode_to_vec();
    known.extend([0xfa, 0x07, 0x01, 0x00]);
    raw.send(chunk(1, [vec![u8::try_from(known.len()).unwrap()], known].concat(), true)).await;
    let term = Term { view: 1, leader: "two".into() };
    let append = Part::Append(Append {
        term: Some(term.clone()),
        after: Some(Mark { revision: 0, term: Some(term.clone()) }),
        sent: Some(Moment::default()),
        entries: 1,
        ..Append::default()
    });
    let entry = Part::Entry(Entry { revision: 1, term: Some(term), change: None });
    raw.send(chunk(2, records([append.clone(), entry]), true)).await;
    raw.send(chunk(3, records([append]), true)).await;
    raw.send(chunk(4, records([grant(8)]), true)).await;
    raw.send(Kind::Ping(Ping::default())).await;
    let views = [one.next().await.1, one.next().await.1].map(|message| match message {
        site_replication::Message::Grant { term, .. } => term.view,
        other => panic!("{other:?}"),
    });
    assert_eq!(views, [7, 8]);
}

#[tokio::test]
async fn a_program_that_takes_no_messages_loses_them_and_keeps_its_links() {
    let (one, two) = (Site::start("one"), Site::start_with("two", crate::harness::identity(), 1));
    one.know("two", two.link.local_addr(), &two.pem);
    two.know("one", one.link.local_addr(), &one.pem);
    one.until_linked("two").await;
    for number in 0..20 {
        one.link.send(&two.id, heartbeat("one", number));
    }
    assert_eq!(one.link.forward(&two.id, b"GET".to_vec()).await.unwrap(), b"one: GET");
    let state = two.until("one", |state| state.connected).await;
    assert!(state.dropped > 0, "{state:?}");
}

#[tokio::test]
async fn stopping_is_told_and_frees_the_port() {
    let (one, two) = pair().await;
    let address = two.link.local_addr();
    two.link.shutdown().await;
    one.until_failure("two", "").await;
    std::net::TcpListener::bind(address).unwrap();
}

#[tokio::test]
async fn a_site_with_a_wrong_wall_clock_links_and_its_clock_is_known_to_be_off() {
    let (one, two) = known();
    let mut raw = linked(&one, &two).await;
    for clock_us in [0, i64::MAX, i64::MIN] {
        raw.send(Kind::Ping(Ping { clock_us })).await;
        assert!(matches!(raw.next().await, Some(Kind::Pong(_))));
        let state = one.link.told().borrow()[&id("two")].clone();
        assert!(state.clock_ahead_us.unwrap().unsigned_abs() > site_link::CLOCK_OFF_US.unsigned_abs(), "{state:?}");
    }
}

#[tokio::test]
async fn a_link_of_one_direction_carries_that_direction_and_is_told_as_what_it_is() {
    let (mut one, two) = (Site::start("one"), Site::start("two"));
    one.know("two", "127.0.0.1:9".parse().unwrap(), &two.pem);
    two.know("one", one.link.local_addr(), &one.pem);
    let state = two.until_failure("one", "it has not dialled this site yet").await;
    assert!(!state.connected && state.last_heard.is_some() && state.does_not_dial, "{state:?}");
    one.until_failure("two", "127.0.0.1:9: ").await;
    two.link.send(&one.id, heartbeat("two", 3));
    assert_eq!(one.next().await, (id("two"), heartbeat("two", 3)));
    assert_eq!(two.link.forward(&one.id, b"GET".to_vec()).await.unwrap(), b"two: GET");
    one.know("two", two.link.local_addr(), &two.pem);
    two.until_linked("one").await;
}
