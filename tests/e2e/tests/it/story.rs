//! The published story: split, edits, restarts.

use std::fs;

use crate::demo::{Demo, HELLO};

const S1AZ1: &str = "127.10.25.40";
const S1AZ2: &str = "127.10.26.40";
const S2: &str = "127.10.23.40";
const SECURE: &str = "hackazon.avi.iberia.local";
const GDP: &str = "s1az1/avi-system/global-gdp.yaml";

fn counts(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
    let mut counts: Vec<_> = expected.iter().map(|(ip, count)| ((*ip).to_owned(), *count)).collect();
    counts.sort();
    counts
}

fn split(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(ip, ratio)| ((*ip).to_owned(), *ratio)).collect()
}

#[test]
fn twelve_answers_over_udp_and_tcp_are_exactly_six_four_two() {
    let Some(demo) = Demo::start() else { return };
    assert_eq!(demo.count(12), counts(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]));
    assert_eq!(demo.count(24), counts(&[(S1AZ1, 12), (S1AZ2, 8), (S2, 4)]));
    // Smooth: no member answers three times in a row.
    let answers: Vec<String> = (0..12).map(|_| demo.dig(&["+short", HELLO])).collect();
    assert!(!answers.windows(3).any(|three| three.iter().all(|answer| *answer == three[0])), "{answers:?}");
    assert!(demo.terminal().contains("split 6:4:2"));
}

#[test]
fn zone_answers_are_those_of_the_story() {
    let Some(demo) = Demo::start() else { return };
    let soa = "g-dns.iberia.local. dnsadmin\\@iberia.local. 1 10800 3600 86400 30";

    let apex = demo.dig(&["avi.iberia.local", "SOA"]);
    assert!(apex.contains("status: NOERROR") && apex.contains("flags: qr aa rd;"), "{apex}");
    assert!(apex.contains("ANSWER: 1") && apex.contains(soa), "{apex}");

    let unknown = demo.dig(&["nothing.avi.iberia.local"]);
    assert!(unknown.contains("status: NXDOMAIN") && unknown.contains("AUTHORITY: 1"), "{unknown}");
    assert!(unknown.contains(soa), "{unknown}");

    let aaaa = demo.dig(&[HELLO, "AAAA"]);
    assert!(aaaa.contains("status: NOERROR") && aaaa.contains("ANSWER: 0, AUTHORITY: 0"), "{aaaa}");

    let outside = demo.dig(&["www.example.com"]);
    assert!(outside.contains("status: NXDOMAIN") && outside.contains("AUTHORITY: 0"), "{outside}");

    let plain = demo.dig(&["+noedns", HELLO]);
    assert!(!plain.contains("OPT PSEUDOSECTION"), "{plain}");
    assert!(demo.dig(&[HELLO]).contains("udp: 1232"));

    let mixed = demo.dig(&["+noall", "+answer", "HeLLo.avi.IBERIA.local"]);
    assert!(mixed.starts_with("HeLLo.avi.IBERIA.local.\t30\tIN\tA\t"), "{mixed}");
}

#[test]
fn edited_manifests_reach_the_answers_and_the_terminal_says_why() {
    let Some(demo) = Demo::start() else { return };

    demo.edit(GDP, "weight: 4", "weight: 3");
    demo.edit(GDP, "weight: 2", "weight: 1");
    demo.wait("6:3:1", || demo.split() == split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]));
    demo.wait("the engine to run it", || demo.count(10) == counts(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]));
    demo.wait("the reason", || demo.terminal().contains("global-gdp"));

    demo.edit("s1az2/hello.yaml", "app: gslb", "app: none");
    demo.wait("the member to leave", || demo.split() == split(&[(S1AZ1, 6), (S2, 1)]));
    demo.wait("the reason", || demo.terminal().contains("label"));
    demo.wait("answers without it", || demo.count(7) == counts(&[(S1AZ1, 6), (S2, 1)]));

    let ingress = fs::read_to_string(demo.manifest("s2/hello.yaml")).unwrap();
    fs::remove_file(demo.manifest("s2/hello.yaml")).unwrap();
    demo.wait("one member", || demo.split() == split(&[(S1AZ1, 6)]));

    // Another file, another name: the same application comes back.
    fs::write(demo.manifest("s2/again.yaml"), ingress.replace("name: hello\n  namespace", "name: again\n  namespace"))
        .unwrap();
    demo.wait("two members", || demo.split() == split(&[(S1AZ1, 6), (S2, 1)]));
    demo.edit("s1az2/hello.yaml", "app: none", "app: gslb");
    demo.wait("three members", || demo.split() == split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]));
    demo.wait("answers of all three", || demo.count(10) == counts(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]));
}

#[test]
fn deleting_the_policy_removes_its_services_and_adding_it_brings_them_back() {
    let Some(demo) = Demo::start() else { return };
    let policy = fs::read_to_string(demo.manifest(GDP)).unwrap();
    fs::remove_file(demo.manifest(GDP)).unwrap();
    demo.wait("no service", || demo.hello().is_none());
    // What is left are the names of the clusters' own virtual services, unweighted.
    demo.wait("the local names", || demo.meridian(&["explain", "dns", HELLO]).contains("a name of 3 VsVips"));
    fs::write(demo.manifest(GDP), policy).unwrap();
    demo.wait("the answers again", || demo.count(12) == counts(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]));
}

#[test]
fn the_next_run_goes_on_and_writes_nothing_when_nothing_changed() {
    let Some(mut demo) = Demo::start() else { return };
    demo.edit(GDP, "weight: 4", "weight: 3");
    demo.wait("6:3:2", || demo.split() == split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 2)]));
    let stamps = |demo: &Demo| {
        let mut all: Vec<String> = [
            "gslbservice",
            "healthmonitor",
            "gslb",
            "virtualservice",
            "vsvip",
            "pool",
            "applicationprofile",
            "cloud",
            "network",
        ]
        .iter()
        .flat_map(|kind| demo.objects(kind))
        .map(|object| format!("{} {}", object["uuid"], object["_last_modified"]))
        .collect();
        all.sort();
        all
    };
    let before = stamps(&demo);
    demo.restart(&[]);
    assert!(demo.terminal().contains("split 6:3:2"), "{}", demo.terminal());
    assert_eq!(stamps(&demo), before);

    demo.kill();
    demo.start_again();
    assert!(demo.terminal().contains("split 6:3:2"), "{}", demo.terminal());
    assert_eq!(stamps(&demo), before);

    demo.restart(&["--fresh"]);
    assert!(demo.terminal().contains("split 6:4:2"), "{}", demo.terminal());
    assert_ne!(stamps(&demo), before);
}

#[test]
fn a_status_is_written_beside_the_manifests_and_never_into_them() {
    let Some(demo) = Demo::start() else { return };
    let status = demo.manifest("s1az1/.status");
    let find = |text: &str| -> bool {
        let output = demo.text("grep", &["-rl", text, status.to_str().unwrap()]);
        !output.is_empty()
    };
    demo.wait("the statuses", || status.exists() && find("success: gslb config accepted") && find("\"success\""));
    let policy = fs::read_to_string(demo.manifest(GDP)).unwrap();
    assert!(!policy.contains("status"), "{policy}");

    demo.edit(GDP, "weight: 4", "weight: 50");
    demo.wait("the refusal", || demo.terminal().contains("traffic weight 50 must be between 1 and 20"));
    assert_eq!(demo.count(12), counts(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]));
}

#[test]
fn the_application_s_pages_open_at_the_answered_addresses() {
    let Some(demo) = Demo::start() else { return };
    for (ip, message) in [(S1AZ1, "SITE1 AZ1"), (S1AZ2, "SITE1 AZ2"), (S2, "SITE2")] {
        assert_eq!(demo.page(ip), format!("MESSAGE: This service resides in {message}\n200"));
    }
    // As the banner has it: to the address that dig gave.
    let secure = demo.dig(&["+short", SECURE]);
    assert_eq!(secure.trim(), S1AZ1);
    let certificate = demo.data.join("hackazon.crt");
    let (certificate, resolve) = (certificate.to_str().unwrap(), format!("{SECURE}:8443:{}", secure.trim()));
    let url = format!("https://{SECURE}:8443/");
    let page = demo.text("curl", &["-sS", "--cacert", certificate, "--resolve", &resolve, &url]);
    assert_eq!(page, "This is hackazon, by HTTPS\n");
    let log = demo.meridian(&["logs", "--name", SECURE, "--since", "10m", "-o", "json"]);
    assert!(log.contains("DNS_ENTRY_VIRTUALSERVICE"), "{log}");
}

#[test]
fn a_name_goes_with_the_last_pod_behind_it_and_comes_back() {
    let Some(demo) = Demo::start() else { return };
    demo.edit("s1az1/hackazon.yaml", "replicas: 2", "replicas: 0");
    demo.wait("NXDOMAIN", || demo.dig(&[SECURE]).contains("status: NXDOMAIN"));
    let why = demo.meridian(&["explain", "dns", SECURE]);
    assert!(why.contains("not published") && why.contains("the name is withdrawn"), "{why}");
    // Its neighbour on the same address does not mind.
    assert_eq!(demo.page(S1AZ1), "MESSAGE: This service resides in SITE1 AZ1\n200");
    assert_eq!(demo.count(12), counts(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]));
    demo.edit("s1az1/hackazon.yaml", "replicas: 0", "replicas: 2");
    demo.wait("the name", || demo.dig(&["+short", SECURE]).trim() == S1AZ1);
    let why = demo.meridian(&["explain", "dns", SECURE]);
    assert!(why.contains("published: s1az1--") && why.contains("is up"), "{why}");
}
