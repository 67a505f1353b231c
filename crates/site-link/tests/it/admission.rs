//! Who is let in, and who is thrown out.

use crate::harness::{Site, WITHIN, heartbeat, id, identity, pair};
use crate::raw::{Raw, hello, keys};
use crate::wire::frame::Kind;

#[tokio::test]
async fn who_is_not_on_the_roster_is_refused_in_words_on_both_sides() {
    let (one, two) = (Site::start("one"), Site::start("two"));
    two.know("one", one.link.local_addr(), &one.pem);
    two.until_failure("one", "the other site says: site two is not among the sites that one knows").await;
    assert!(!one.link.told().borrow().contains_key(&id("two")));
}

#[tokio::test]
async fn another_key_under_a_known_name_is_refused_in_words_on_both_sides() {
    let (one, two, thief) = (Site::start("one"), Site::start("two"), Site::start("two"));
    one.know("two", two.link.local_addr(), &two.pem);
    thief.know("one", one.link.local_addr(), &one.pem);
    thief
        .until_failure("one", "the other site says: the key shown is not the one that one has pinned for site two")
        .await;
    // The true one has not linked yet, so what is known of it is that somebody else claims to be it.
    two.know("one", one.link.local_addr(), &one.pem);
    one.until_linked("two").await;
    // And where this site dials, it does not even say its name.
    let there = Site::start("one");
    there.know("two", thief.link.local_addr(), &two.pem);
    there.until_failure("two", "the key shown is not the one that one has pinned for site two").await;
    thief.know("one", there.link.local_addr(), &there.pem);
    thief.until_failure("one", "pinned").await;
}

#[tokio::test]
async fn nobody_speaks_for_another_site_with_its_own_key() {
    let (one, two) = pair().await;
    let three = keys();
    one.know("three", "127.0.0.1:9".parse().unwrap(), &three.certificate);
    let mut raw = Raw::connect(one.link.local_addr(), &three).await;
    raw.send(Kind::Hello(hello("two", "one", 1))).await;
    let words = raw.goodbye().await;
    assert_eq!(words, "the key shown is not the one that one has pinned for site two");
    assert!(one.link.told().borrow()[&two.id].connected, "the true one is not disturbed");
}

#[tokio::test]
async fn a_site_taken_off_the_roster_or_pinned_anew_is_cut_off_and_told_why() {
    let (one, mut two) = pair().await;
    one.forget("two");
    let failure = two.until("one", |state| !state.connected).await.failure.unwrap();
    assert!(failure.contains("site two is not among the sites that one knows"), "{failure}");
    one.link.send(&two.id, heartbeat("one", 1));
    one.know("two", two.link.local_addr(), &two.pem);
    two.until_linked("one").await;
    one.until_linked("two").await;
    one.link.send(&two.id, heartbeat("one", 2));
    assert_eq!(two.next().await.1, heartbeat("one", 2), "what was sent meanwhile is lost");
    one.know("two", two.link.local_addr(), identity().certificate_pem());
    let failure = two.until("one", |state| !state.connected).await.failure.unwrap();
    assert!(failure.contains("the key shown is not the one that one has pinned for site two"), "{failure}");
    one.until_failure("two", "the key shown is not the one").await;
}

#[tokio::test]
async fn a_certificate_out_of_date_links_and_one_that_is_none_is_told() {
    let one = Site::start("one");
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(1980, 1, 1), rcgen::date_time_ymd(1981, 1, 1));
    let certificate = params.self_signed(&key).unwrap().pem();
    let expired = crate::raw::Keys { key: key.serialize_pem(), certificate };
    one.know("two", "127.0.0.1:9".parse().unwrap(), &expired.certificate);
    let mut raw = Raw::connect(one.link.local_addr(), &expired).await;
    raw.send(Kind::Hello(hello("two", "one", 1))).await;
    assert!(matches!(raw.next().await, Some(Kind::Welcome(welcome)) if welcome.site == "one"));

    let two = Site::start("two");
    one.know("two", two.link.local_addr(), "no certificate");
    one.until_failure("two", "the certificate that one has pinned for site two cannot be read").await;
}

#[tokio::test]
async fn releases_next_to_each_other_speak_and_others_are_refused_in_words() {
    let (one, two) = (Site::start("one"), keys());
    one.know("two", "127.0.0.1:9".parse().unwrap(), &two.certificate);
    for protocol in [0, 1, 2] {
        let mut raw = Raw::connect(one.link.local_addr(), &two).await;
        raw.send(Kind::Hello(hello("two", "one", protocol))).await;
        assert!(matches!(raw.next().await, Some(Kind::Welcome(_))), "{protocol}");
    }
    for protocol in [3, u32::MAX] {
        let mut raw = Raw::connect(one.link.local_addr(), &two).await;
        raw.send(Kind::Hello(hello("two", "one", protocol))).await;
        let words = raw.goodbye().await;
        assert!(words.contains(&format!("speaks protocol {protocol}, site one speaks 1: more than one")), "{words}");
    }
    let mut raw = Raw::connect(one.link.local_addr(), &two).await;
    raw.send(Kind::Hello(hello("two", "another", 1))).await;
    assert_eq!(raw.goodbye().await, "site another was looked for here, but this is site one");
    assert!(tokio::time::timeout(WITHIN, raw.next()).await.unwrap().is_none());
}
