//! The two formats.

use jiff::Timestamp;
use jiff::tz::{TimeZone, offset};
use telemetry::{Clock, Colour, Format, Layer};
use tracing::{debug, error, info, info_span, warn};
use tracing_subscriber::layer::SubscriberExt;

use crate::sink::Sink;

#[derive(Debug, thiserror::Error)]
#[error("writing gslbservice/hello to the object store")]
struct WriteFailed(#[source] std::io::Error);

/// 11:00:01.25 UTC, which is 12:00:01 where these tests live.
fn noon() -> Timestamp {
    "2026-03-01T11:00:01.25Z".parse().unwrap()
}

fn written(format: Format, colour: Colour, act: impl FnOnce()) -> String {
    let sink = Sink::default();
    let clock = Clock::new(noon, TimeZone::fixed(offset(1)));
    let subscriber = tracing_subscriber::registry().with(Layer::new(format, colour, clock, sink.clone()));
    tracing::subscriber::with_default(subscriber, act);
    sink.text()
}

#[track_caller]
fn check(act: fn(), human: &str, json: &str) {
    assert_eq!(written(Format::Human, Colour::Never, act), format!("{human}\n"));
    assert_eq!(written(Format::Json, Colour::Never, act), format!("{json}\n"));
}

#[test]
fn an_info_line_has_time_component_message_and_fields() {
    check(
        || info!(target: "amko::apply", gslb_service = "hello.avi.iberia.local", members = 3, "GSLB service updated"),
        "12:00:01 amko        GSLB service updated  gslb_service=hello.avi.iberia.local  members=3",
        r#"{"time":"2026-03-01T11:00:01.250000Z","level":"info","component":"amko","target":"amko::apply","message":"GSLB service updated","gslb_service":"hello.avi.iberia.local","members":3}"#,
    );
}

#[test]
fn the_level_shows_when_it_is_not_info_and_the_reason_comes_last() {
    check(
        || warn!(target: "health_probe", reason = "connection refused", member = "10.10.25.10", "probe failed"),
        r#"12:00:01 engine      WARN  probe failed  member=10.10.25.10  reason="connection refused""#,
        r#"{"time":"2026-03-01T11:00:01.250000Z","level":"warn","component":"engine","target":"health_probe","message":"probe failed","reason":"connection refused","member":"10.10.25.10"}"#,
    );
}

#[test]
fn a_span_lends_its_fields_and_the_event_wins() {
    check(
        || {
            let span = info_span!("cluster", cluster = "s1az1", site = "site1", revision = tracing::field::Empty);
            span.record("revision", 7_u64);
            let _inside = span.enter();
            debug!(target: "k8s_watch::files", site = "site2", ready = true, "file read");
        },
        "12:00:01 watch       DEBUG  file read  site=site2  ready=true  cluster=s1az1  revision=7",
        r#"{"time":"2026-03-01T11:00:01.250000Z","level":"debug","component":"watch","target":"k8s_watch::files","message":"file read","site":"site2","ready":true,"cluster":"s1az1","revision":7}"#,
    );
}

#[test]
fn an_error_is_told_with_its_causes_once() {
    check(
        || {
            let failed = WriteFailed(std::io::Error::other("disk full"));
            error!(target: "store_embedded", error = &failed as &dyn std::error::Error, "write refused");
        },
        r#"12:00:01 controller  ERROR  write refused  error="writing gslbservice/hello to the object store: disk full""#,
        r#"{"time":"2026-03-01T11:00:01.250000Z","level":"error","component":"controller","target":"store_embedded","message":"write refused","error":"writing gslbservice/hello to the object store: disk full"}"#,
    );
}

#[test]
fn a_value_cannot_forge_a_line() {
    check(
        || info!(target: "demo", qname = "a\n12:00:02 amko \"x\u{1b}[31m", empty = "", path = r"C:\x", "odd name"),
        r#"12:00:01 demo        odd name  qname="a\n12:00:02 amko \"x\u{1b}[31m"  empty=""  path=C:\x"#,
        r#"{"time":"2026-03-01T11:00:01.250000Z","level":"info","component":"demo","target":"demo","message":"odd name","qname":"a\n12:00:02 amko \"x\u001b[31m","empty":"","path":"C:\\x"}"#,
    );
}

#[test]
fn a_field_does_not_hide_a_part_of_the_record() {
    check(
        || info!(target: "bench", level = 3, "measured"),
        "12:00:01 bench       measured  level=3",
        r#"{"time":"2026-03-01T11:00:01.250000Z","level":"info","component":"bench","target":"bench","message":"measured","field_level":3}"#,
    );
}

#[test]
fn colours_mark_time_level_and_names() {
    let line = written(Format::Human, Colour::Always, || warn!(target: "amko", cluster = "s2", "cluster unreachable"));
    assert_eq!(
        line,
        "\u{1b}[2m12:00:01\u{1b}[0m amko        \u{1b}[33mWARN\u{1b}[0m  cluster unreachable  \u{1b}[2mcluster=\u{1b}[0ms2\n"
    );
}

#[test]
fn the_dictionary_has_no_name_twice() {
    let mut names = telemetry::field::ALL.to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), telemetry::field::ALL.len());
}
