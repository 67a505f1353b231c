//! Two or three sites that know each other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use se_protocol::State as Oper;
use site_link::{ForwardError, MemberTold, SiteState, VirtualServiceTold};
use site_replication::{Held, Mark, Message, Object, Revision, State, Stored};

use crate::harness::{Site, WITHIN, heartbeat, id, pair, term};
use crate::proxy::{self, Mode};

fn told(services: u32, engines_connected: u32) -> SiteState {
    let service = |number: u32| VirtualServiceTold {
        state: if number.is_multiple_of(2) { Oper::Up } else { Oper::Down },
        name: format!("app{number}"),
        addresses: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
        reason: "no server is up".into(),
    };
    let (ip, pool) = ("198.51.100.7".parse().unwrap(), "paris".to_owned());
    SiteState {
        virtual_services: (0..services).map(|number| (format!("virtualservice-{number}"), service(number))).collect(),
        dns_services: [("virtualservice-dns".to_owned(), service(0))].into(),
        gslb_members: [(
            "gslbservice-1".to_owned(),
            vec![MemberTold { pool, ip, state: Oper::Unknown, datapath: Oper::Disabled, monitors: Vec::new() }],
        )]
        .into(),
        controller: "1.2.3".into(),
        engines_connected,
    }
}

fn base(objects: u32, bytes: usize) -> Message {
    let object = |number: u32| Stored {
        object: Arc::new(Object {
            uuid: format!("gslbservice-{number:06}"),
            kind: "gslbservice".into(),
            claims: vec![format!("app{number}.example.com")],
            last_modified_us: u64::from(number),
            body: vec![number.to_le_bytes()[0]; bytes].into(),
        }),
        revision: Revision(u64::from(number)),
    };
    Message::Base {
        term: term(1, "one"),
        mark: Mark { revision: Revision(u64::from(objects)), term: term(1, "one") },
        state: Arc::new(State::new((0..objects).map(object), u64::MAX)),
        sent: Duration::from_millis(7),
    }
}

#[tokio::test]
async fn messages_come_as_they_were_sent_from_whom_the_key_says() {
    let (one, mut two) = pair().await;
    let sent = [
        heartbeat("one", 5),
        Message::Ask {
            term: term(2, "one"),
            last: Mark { revision: Revision(3), term: term(1, "two") },
            trial: true,
            instead_of: Some(term(1, "two")),
        },
        Message::Answer { term: term(2, "two"), sent: Duration::MAX, held: Held::Through(Revision(u64::MAX)) },
        base(3, 10),
    ];
    for message in &sent {
        one.link.send(&two.id, message.clone());
    }
    for message in sent {
        assert_eq!(two.next().await, (id("one"), message));
    }
}

#[tokio::test]
async fn what_a_site_tells_of_itself_is_known_at_the_others_and_again_after_a_restart() {
    let (one, two) = pair().await;
    one.link.tell(told(3, 1));
    let there = two.until("one", |state| state.state.as_deref() == Some(&told(3, 1))).await;
    assert!(there.clock_ahead_us.unwrap().abs() < 60_000_000, "{there:?}");
    assert_eq!(there.software, "test of one");
    for services in [2_000, 1_999, 0, 5] {
        one.link.tell(told(services, services));
        two.until("one", move |state| state.state.as_deref() == Some(&told(services, services))).await;
    }
    // Another site that comes later hears it too.
    let three = Site::start("three");
    three.know("one", one.link.local_addr(), &one.pem);
    one.know("three", three.link.local_addr(), &three.pem);
    three.until("one", |state| state.state.as_deref() == Some(&told(5, 5))).await;
    // It is kept when the link is gone, and says since when.
    one.link.shutdown().await;
    let gone = three.until("one", |state| !state.connected).await;
    assert_eq!(gone.state.as_deref(), Some(&told(5, 5)));
    assert!(gone.failure.is_some());
}

#[tokio::test]
async fn requests_are_answered_refused_and_fail_in_words() {
    let (one, two) = pair().await;
    let answer = one.link.forward(&two.id, b"PUT".to_vec()).await;
    assert_eq!(answer.unwrap(), b"one: PUT");
    let large = vec![7; 5_000_000];
    assert_eq!(one.link.forward(&two.id, large.clone()).await.unwrap(), [b"one: ".as_slice(), &large].concat());
    let refused = one.link.forward(&two.id, b"fail".to_vec()).await.unwrap_err();
    assert_eq!(refused.to_string(), "site two does not answer: no such object");
    let unknown = one.link.forward(&id("nobody"), b"PUT".to_vec()).await.unwrap_err();
    assert_eq!(unknown.to_string(), "site nobody is not connected: it is not known here");
    let huge = one.link.forward(&two.id, vec![0; 9_000_000]).await.unwrap_err();
    assert_eq!(huge, ForwardError::TooLarge { bytes: 9_000_000 });
    // One that hangs holds no other up, and its end is told when the link breaks.
    let (hangs, other) = (one.link.forward(&two.id, b"hang".to_vec()), one.link.forward(&two.id, b"GET".to_vec()));
    let cut = async {
        assert_eq!(other.await.unwrap(), b"one: GET");
        two.link.shutdown().await;
    };
    assert_eq!(tokio::join!(hangs, cut).0.unwrap_err(), ForwardError::Lost { site: id("two") });
    one.until("two", |state| !state.connected).await;
    let gone = one.link.forward(&id("two"), b"PUT".to_vec()).await.unwrap_err();
    assert!(matches!(gone, ForwardError::NotConnected { .. }), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_objects_come_whole_and_heartbeats_go_in_between() {
    let sent = base(100_000, 2_000);
    let (one, two) = (Site::start("one"), Site::start("two"));
    let mut two = two;
    let slow = proxy::start(two.link.local_addr()).await;
    one.know("two", slow.address, &two.pem);
    two.know("one", one.link.local_addr(), &one.pem);
    one.until_linked("two").await;
    // Slow enough that all of it would take far longer than a link may be silent.
    slow.mode.send_replace(Mode::Slow(2_000_000));
    one.link.send(&two.id, sent.clone());
    one.link.send(&two.id, heartbeat("one", 1));
    let first = two.next().await;
    assert_eq!(first.1, heartbeat("one", 1), "the heartbeat is before the base");
    // The leader sends all again as long as it has no answer: each is a heartbeat of the same term.
    let leader = async {
        let mut beat = tokio::time::interval(Duration::from_millis(200));
        loop {
            beat.tick().await;
            one.link.send(&id("two"), sent.clone());
        }
    };
    let again = tokio::select! {
        (_, again) = two.next() => again,
        () = leader => unreachable!(),
    };
    assert!(matches!(&again, Message::Append { entries, .. } if entries.is_empty()), "{again:?}");
    // Whatever the network buffers, little is on its way at once.
    let before = slow.passed.load(Ordering::SeqCst);
    one.link.send(&two.id, Message::HandOver { term: term(9, "one") });
    two.next_that(|message| matches!(message, Message::HandOver { .. })).await;
    let passed = slow.passed.load(Ordering::SeqCst) - before;
    assert!(passed < 700_000, "{passed} bytes were before it");
    slow.mode.send_replace(Mode::Open);
    let came = two.next_that(|message| matches!(message, Message::Base { .. })).await;
    assert!(came == sent, "the base is not what was sent");
    assert!(one.link.told().borrow()[&id("two")].connected);
}

#[tokio::test]
async fn a_dead_site_delays_no_other_and_its_queue_is_bounded() {
    let (one, mut two) = pair().await;
    let three = Site::start("three");
    let stalled = proxy::start(three.link.local_addr()).await;
    one.know("three", stalled.address, &three.pem);
    three.know("one", one.link.local_addr(), &one.pem);
    one.until_linked("three").await;
    stalled.mode.send_replace(Mode::Stalled);
    let large = base(1_000, 2_000);
    for number in 0..3_000 {
        one.link.send(&three.id, large.clone());
        one.link.send(&two.id, heartbeat("one", number));
        if number % 100 == 99 {
            // All of the hundred come while the other site takes nothing.
            assert_eq!(two.next_that(|message| *message == heartbeat("one", number)).await, heartbeat("one", number));
        }
    }
    let dead = one.until_failure("three", "nothing was heard").await;
    assert!(!dead.connected);
    let still = tokio::time::timeout(WITHIN, one.link.forward(&two.id, b"GET".to_vec())).await.unwrap();
    assert_eq!(still.unwrap(), b"one: GET");
}
