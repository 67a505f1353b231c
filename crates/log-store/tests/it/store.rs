//! What is pushed is found, unless it had to be dropped, and then it is counted.

use std::fs;
use std::path::Path;
use std::time::Duration;

use log_store::{Counts, Entry, Inlet, Limits, Reader, Writer};
use se_protocol::logs::{DnsLog, HttpLog, Log, LogKind, LogPage, LogQuery};

/// 2024-01-01T00:00:00Z.
const START_US: i64 = 1_704_067_200_000_000;
const HOUR_US: i64 = 3_600_000_000;

struct Push(Log);

impl Entry for Push {
    fn log(self) -> Log {
        self.0
    }
}

fn push(inlet: &Inlet<Push>, at_us: i64, qname: &str) {
    push_of("vs-1", inlet, at_us, qname);
}

fn push_of(virtual_service: &str, inlet: &Inlet<Push>, at_us: i64, qname: &str) {
    let log = DnsLog { at_us, virtual_service: virtual_service.into(), qname: qname.into(), ..DnsLog::default() };
    inlet.push(Push(log.into()));
}

fn query(limit: u32, newest_first: bool) -> LogQuery {
    LogQuery {
        kind: LogKind::Dns,
        virtual_service: "vs-1".into(),
        children: Vec::new(),
        start_us: START_US,
        end_us: START_US + 100 * HOUR_US,
        significant: true,
        non_significant: true,
        filters: Vec::new(),
        newest_first,
        limit,
        group_by: None,
        within_ms: 60_000,
    }
}

fn names(page: &LogPage) -> Vec<&str> {
    fn name(log: &Log) -> &str {
        match log {
            Log::Dns(log) => &log.qname,
            Log::Http(log) => &log.uri_path,
        }
    }
    page.logs.iter().map(name).collect()
}

fn start(dir: &Path) -> Writer<Push> {
    Writer::start(dir, LogKind::Dns, Limits { kept_hours: i64::MAX / HOUR_US, ..Limits::default() }).unwrap()
}

#[track_caller]
fn wait(inlet: &Inlet<Push>, condition: impl Fn(Counts) -> bool) {
    for _ in 0..2_000 {
        if condition(inlet.counts()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10)); // bounded: polls a count of the writer
    }
    panic!("{:?}", inlet.counts());
}

#[test]
fn what_is_pushed_is_written_at_once_and_found_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("logs");
    let writer = start(&dir);
    let inlet = writer.inlet();
    for (at_us, name) in [(START_US, "a"), (START_US + 5, "b"), (START_US + HOUR_US, "c")] {
        push(&inlet, at_us, name);
        wait(&inlet, |counts| counts.written == u64::from(name.as_bytes()[0] - b'a') + 1);
    }
    let reader = Reader::new(&dir);
    let found = reader.search(&query(10, false));
    assert_eq!((names(&found), found.count, found.is_complete), (vec!["a", "b", "c"], 3, true));
    let ids: Vec<u64> = found.logs.iter().map(Log::id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    let newest = reader.search(&query(2, true));
    assert_eq!((names(&newest), newest.count), (vec!["c", "b"], 3));
    let at = |start_us, end_us| LogQuery { start_us, end_us, ..query(10, false) };
    assert_eq!(names(&reader.search(&at(START_US + 5, START_US + HOUR_US - 1))), ["b"]);
    let other = LogQuery { virtual_service: "vs-2".into(), ..query(10, false) };
    assert_eq!(reader.search(&other).count, 0);
    assert_eq!(
        fs::read_dir(&dir).unwrap().filter(|file| file.as_ref().unwrap().path().extension().unwrap() == "db").count(),
        2
    );
    writer.shutdown();
}

#[test]
fn kinds_lie_beside_each_other_and_are_found_apart() {
    let dir = tempfile::tempdir().unwrap();
    let dns = start(dir.path());
    let limits = Limits { kept_hours: i64::MAX / HOUR_US, ..Limits::default() };
    let http: Writer<Push> = Writer::start(dir.path(), LogKind::Http, limits).unwrap();
    push(&dns.inlet(), START_US, "a");
    let log = HttpLog {
        at_us: START_US,
        virtual_service: "vs-1".into(),
        uri_path: "/".into(),
        total_us: 7,
        ..HttpLog::default()
    };
    http.inlet().push(Push(log.clone().into()));
    dns.shutdown();
    http.shutdown();
    assert!(dir.path().join("http-2024010100-0000.db").exists());
    let reader = Reader::new(dir.path());
    assert_eq!(names(&reader.search(&query(10, false))), ["a"]);
    let found = reader.search(&LogQuery { kind: LogKind::Http, ..query(10, false) });
    assert_eq!((found.count, found.is_complete), (1, true));
    let Log::Http(found) = &found.logs[0] else { panic!("{found:?}") };
    assert_eq!(HttpLog { id: 0, ..*found.clone() }, log);
}

#[test]
fn logs_of_children_are_found_among_those_of_their_parent() {
    let dir = tempfile::tempdir().unwrap();
    let writer = start(dir.path());
    for (at_us, whose) in [(1, "vs-1"), (2, "child-1"), (3, "other"), (4, "child-2"), (5, "vs-1")] {
        push_of(whose, &writer.inlet(), START_US + at_us, whose);
    }
    writer.shutdown();
    let children = vec!["child-1".to_owned(), "child-2".to_owned(), "child-3".to_owned()];
    let reader = Reader::new(dir.path());
    let found = reader.search(&LogQuery { children: children.clone(), ..query(10, true) });
    assert_eq!((names(&found), found.count), (vec!["vs-1", "child-2", "child-1", "vs-1"], 4));
    let counted = reader.search(&LogQuery { children, ..query(0, true) });
    assert_eq!((counted.count, counted.logs.len()), (4, 0));
}

#[test]
fn the_end_of_a_writer_drains_its_ring_and_the_next_one_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=2_u64 {
        let writer = start(dir.path());
        let inlet = writer.inlet();
        for number in 0..10_000 {
            push(&inlet, START_US + number, "a");
        }
        writer.shutdown();
        assert_eq!(inlet.counts(), Counts { written: 10_000, ..Counts::default() });
        assert_eq!(Reader::new(dir.path()).search(&query(1, true)).count, round * 10_000);
    }
}

#[test]
fn an_hour_goes_on_in_another_file_when_one_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { kept_hours: i64::MAX / HOUR_US, bytes_max: u64::MAX, file_bytes_max: 1 };
    let writer = Writer::start(dir.path(), LogKind::Dns, limits).unwrap();
    let inlet = writer.inlet();
    for number in 0..3 {
        push(&inlet, START_US + number, "a");
        wait(&inlet, |counts| counts.written > u64::try_from(number).unwrap());
    }
    writer.shutdown();
    assert!(dir.path().join("dns-2024010100-0002.db").exists());
    assert_eq!(Reader::new(dir.path()).search(&query(10, false)).count, 3);
}

#[test]
fn without_a_directory_logs_are_dropped_and_counted_until_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    fs::write(&logs, "in the way").unwrap();
    let writer = start(&logs);
    let inlet = writer.inlet();
    push(&inlet, START_US, "lost");
    wait(&inlet, |counts| counts.dropped_disk == 1);
    fs::remove_file(&logs).unwrap();
    for pushed in 1..=2_000 {
        push(&inlet, START_US, "kept");
        wait(&inlet, |counts| counts.written + counts.dropped_disk == 1 + pushed);
        if inlet.counts().written > 0 {
            break;
        }
    }
    writer.shutdown();
    assert_eq!(names(&Reader::new(&logs).search(&query(1, true))), ["kept"]);
}

#[test]
fn a_broken_file_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("dns-2024010100-0000.db");
    fs::write(&broken, "this is no database, and it is longer than a header of one would be, by far: ".repeat(20))
        .unwrap();
    let writer = start(dir.path());
    let inlet = writer.inlet();
    let mut pushed = 0;
    while inlet.counts().written == 0 && pushed < 1_000 {
        push(&inlet, START_US, "kept");
        pushed += 1;
        wait(&inlet, |counts| counts.written + counts.dropped_disk == pushed);
    }
    writer.shutdown();
    let found = Reader::new(dir.path()).search(&query(10, false));
    assert_eq!((names(&found)[0], found.is_complete), ("kept", false));
    assert!(fs::read_to_string(&broken).unwrap().starts_with("this is no database"));
}
